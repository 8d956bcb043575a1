// The schema thread: does one job at a time, and may be ended in the middle of it.
import { parentPort } from 'node:worker_threads';
import { readOpenapi } from '../../core/openapi-webhooks.ts';
import { parse } from 'yaml';
import { checkSchemas, compileSchema } from './compile.ts';
import type { Check } from './compile.ts';
import type { Answer, Job } from './jobs.ts';

const rememberedMax = 300;
const failureMaxChars = 512;

const remembered = new Map<string, Check>();
const decoder = new TextDecoder('utf-8', { fatal: true });

function remember(key: string, check: Check): Check {
  remembered.delete(key);
  remembered.set(key, check);
  const oldest = remembered.keys().next();
  if (remembered.size > rememberedMax && oldest.done !== true) remembered.delete(oldest.value);
  return check;
}

function validate({ key, schema, payload }: Extract<Job, { kind: 'validate' }>): Answer {
  let check = remembered.get(key);
  if (schema !== undefined) {
    const compiled = compileSchema(JSON.parse(schema), { isChecked: true });
    if ('problems' in compiled) {
      const [first] = compiled.problems;
      return { kind: 'failed', msg: `${first?.path.join('.')} ${first?.msg}` };
    }
    check = compiled.check;
  }
  if (check === undefined) return { kind: 'schema_wanted' };
  remember(key, check);
  let value: unknown;
  try {
    value = JSON.parse(decoder.decode(payload));
  } catch {
    return { kind: 'wrong', problems: [{ path: [], msg: 'is not JSON, which its event type asks for' }] };
  }
  const problems = check(value);
  return problems === undefined ? { kind: 'fits' } : { kind: 'wrong', problems };
}

// JSON is YAML, but is read faster, and deeper, as what it is.
function parseDocument(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return parse(text, { schema: 'core', merge: false, logLevel: 'error' });
  }
}

function readDocument({ text, ...limits }: Extract<Job, { kind: 'openapi' }>): Answer {
  let document: unknown;
  try {
    document = parseDocument(text);
  } catch (error) {
    const msg = error instanceof Error ? error.message.slice(0, failureMaxChars) : String(error);
    return { kind: 'failed', msg: `is neither JSON nor YAML: ${msg}` };
  }
  const { eventTypes, problems } = readOpenapi(document, limits);
  for (const { name, schemas } of eventTypes) {
    const wrong = schemas === null ? [] : checkSchemas(schemas);
    problems.push(...wrong.map(({ path, msg }) => ({ path: ['webhooks', name, ...path.slice(1)], msg })));
  }
  return { kind: 'read', eventTypes, problems };
}

function answerTo(job: Job): Answer {
  switch (job.kind) {
    case 'check':
      return {
        kind: 'checked',
        problems: checkSchemas(JSON.parse(job.schemas) as Record<string, unknown>),
      };
    case 'validate':
      return validate(job);
    case 'openapi':
      return readDocument(job);
  }
}

function answer(job: Job): Answer {
  try {
    return answerTo(job);
  } catch (error) {
    // The stack is the limit of what nests or refers too deep.
    const msg = error instanceof Error ? error.message : String(error);
    return { kind: 'failed', msg: msg.slice(0, failureMaxChars) };
  }
}

parentPort?.on('message', (job: Job) => parentPort?.postMessage(answer(job), []));
parentPort?.postMessage('ready', []);
