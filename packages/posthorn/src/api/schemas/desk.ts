// Where the API hands in what is done in a schema thread, and gets answers in its own words. Two threads: publishing does
// not wait behind catalogs that are being imported.
import type { ImportedEventType } from '../../core/openapi-webhooks.ts';
import type { Clock } from '../../lib/clock.ts';
import { type JobBounds, JobError, JobThread } from '../../lib/job-thread.ts';
import { ApiError } from '../problems.ts';
import type { Answer, Job, Problem } from './jobs.ts';

// Of the processor's time: hundreds of times what an ordinary payload takes.
const validateLimitMs = 500;
// With the schema, which has to be compiled first.
const compileLimitMs = 1_500;
const checkLimitMs = 3_000;
const importLimitMs = 5_000;

/** The most event types that one document may declare. */
const webhooksMax = 1_000;
/** All schemas of one event type, as JSON. */
export const schemasMaxBytes = 256 * 1024;

/** Why something could not be judged: too slow, too large, or no JSON Schema after all. */
export interface Unjudged {
  kind: 'unjudged';
  msg: string;
}

export interface SchemaDesk {
  /** `schemas`: JSON text of an object with a schema for each version. */
  check(environmentId: string, schemas: string): Promise<Problem[] | Unjudged>;
  /**
   * Whether the payload fits: undefined when it does. `key` names the schema as it is at this moment; `loadSchema` gives it
   * as JSON text when the thread has not seen it.
   */
  validate(
    environmentId: string,
    payload: Uint8Array,
    schema: { key: string; load(): Promise<string> },
  ): Promise<Problem[] | Unjudged | undefined>;
  /** `text`: an OpenAPI document as JSON or YAML. */
  readOpenapi(
    environmentId: string,
    text: string,
  ): Promise<{ eventTypes: ImportedEventType[]; problems: Problem[] } | Unjudged>;
  stop(): Promise<void>;
}

export interface SchemaDeskDeps {
  workerUrl: URL;
  clock: Clock;
}

type SchemaThread = JobThread<Job, Answer>;

function unexpected(answer: Answer): Error {
  return new Error(`the schema thread answered with ${answer.kind}`);
}

/** Throws 503 when the answer is not to be had now, whatever the schema. */
async function run(thread: SchemaThread, job: Job, bounds: JobBounds): Promise<Answer | Unjudged> {
  try {
    const answer = await thread.run(job, bounds);
    return answer.kind === 'failed' ? { kind: 'unjudged', msg: answer.msg } : answer;
  } catch (error) {
    if (!(error instanceof JobError)) throw error;
    switch (error.reason) {
      case 'slow':
        return { kind: 'unjudged', msg: `took longer than ${bounds.limitMs} ms of the processor` };
      case 'crashed':
        return { kind: 'unjudged', msg: 'took more memory than there is for it' };
      case 'crowded':
      case 'stopped':
        throw new ApiError('overloaded', 503, 'too many payloads wait to be checked: try again soon');
    }
  }
}

async function validateWith(
  thread: SchemaThread,
  { key, schema }: { key: string; schema?: string },
  { owner, payload }: { owner: string; payload: Uint8Array },
): Promise<Answer | Unjudged> {
  const bytes = payload.length + (schema?.length ?? 0);
  const limitMs = schema === undefined ? validateLimitMs : compileLimitMs;
  // A copy of its own: a view would take the whole body along.
  const copied = new Uint8Array(payload);
  const job: Job = { kind: 'validate', key, payload: copied };
  const bounds = { owner, bytes, limitMs, moved: copied.buffer };
  return run(thread, schema === undefined ? job : { ...job, schema }, bounds);
}

export function createSchemaDesk(deps: SchemaDeskDeps): SchemaDesk {
  const publishing = new JobThread<Job, Answer>(deps);
  const catalog = new JobThread<Job, Answer>(deps);
  return {
    async check(owner, schemas) {
      const bounds = { owner, bytes: schemas.length, limitMs: checkLimitMs };
      const answer = await run(catalog, { kind: 'check', schemas }, bounds);
      if (answer.kind === 'unjudged') return answer;
      if (answer.kind === 'checked') return answer.problems;
      throw unexpected(answer);
    },
    async validate(owner, payload, { key, load }) {
      const given = { owner, payload };
      let answer = await validateWith(publishing, { key }, given);
      if (answer.kind === 'schema_wanted') {
        answer = await validateWith(publishing, { key, schema: await load() }, given);
      }
      if (answer.kind === 'fits') return undefined;
      if (answer.kind === 'unjudged') return answer;
      if (answer.kind === 'wrong') return answer.problems;
      throw unexpected(answer);
    },
    async readOpenapi(owner, text) {
      const bounds = { owner, bytes: text.length, limitMs: importLimitMs };
      const answer = await run(catalog, { kind: 'openapi', text, webhooksMax, schemasMaxBytes }, bounds);
      if (answer.kind === 'unjudged') return answer;
      if (answer.kind === 'read') return answer;
      throw unexpected(answer);
    },
    async stop() {
      await Promise.all([publishing.stop(), catalog.stop()]);
    },
  };
}
