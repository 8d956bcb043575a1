// Texts with places in them that are filled from the message. Customers write them, so they are filled in a thread of their
// own: what takes too long is ended with it, and holds up nobody but those who wait for the thread, whom it takes turns with.
import { payloadValue } from '../../core/payload-value.ts';
import { BoundedMap } from '../../lib/bounded-map.ts';
import type { Clock } from '../../lib/clock.ts';
import { JobError, JobThread } from '../../lib/job-thread.ts';
import { type ActionDelivery, BusyError, UnfitError } from './connector.ts';
import type { Cost, Escape, JobData, TemplateAnswer, TemplateJob, Work } from './template-jobs.ts';

/** Of the processor's time, for one job: three times what LiquidJS is told to take. */
const jobLimitMs = 1_500;
/** Those of an endpoint that took too long are not run again before. */
const pausedMs = 5_000;
const pausedMax = 1_000;
const treeDepthMax = 16;
/** A job without its payload. */
const jobMinBytes = 1_024;

/** Of one attempt. */
interface Filled {
  applicationId: string;
  endpointId: string;
  data: JobData;
  key: number;
  cost: Cost;
  /** The thread has been given the data. */
  isSent: boolean;
  /** Ends with the last of its jobs: each has to know what those before it have cost. */
  last: Promise<unknown>;
}

// Templates cannot name symbols.
const filled = Symbol('filled');
let keys = 0;

/** What a template can name, of one delivery. A payload that is neither JSON nor a form is a text. */
export interface TemplateData {
  readonly [filled]: Filled;
  id: string;
  eventType: string;
  /** ISO 8601, of the attempt. */
  timestamp: string;
  payload: unknown;
}

/** What templates see of a delivery: once for each attempt, because it holds what they cost. */
export function templateData({
  applicationId,
  messageId: id,
  endpointId,
  eventType,
  atMs,
  payload,
  contentType,
}: Pick<
  ActionDelivery,
  'applicationId' | 'messageId' | 'endpointId' | 'eventType' | 'atMs' | 'payload' | 'contentType'
>): TemplateData {
  const timestamp = new Date(atMs).toISOString();
  const data = { id, eventType, timestamp, payload, contentType };
  keys += 1;
  return {
    [filled]: {
      applicationId,
      endpointId,
      data,
      key: keys,
      cost: { renderMs: 0, outputChars: 0 },
      isSent: false,
      last: Promise.resolve(),
    },
    id,
    eventType,
    timestamp,
    payload: payloadValue(payload, contentType),
  };
}

export interface TemplatesDeps {
  clock: Clock;
  /** The compiled template-worker.ts, where it is not beside this file. */
  workerUrl?: URL | undefined;
}

/** The thread is started with the first template that is filled, and the library loaded with the first one at all. */
export class Templates {
  readonly #clock: Clock;
  readonly #thread: JobThread<TemplateJob, TemplateAnswer>;
  /** Endpoints whose templates took too long, until when. */
  readonly #paused = new BoundedMap<string, number>(pausedMax);

  constructor({ clock, workerUrl = new URL('./template-worker.js', import.meta.url) }: TemplatesDeps) {
    this.#clock = clock;
    this.#thread = new JobThread({ clock, workerUrl });
  }

  /** Why the text is not a template, as words that follow its name. */
  async problemOf(text: string): Promise<string | undefined> {
    const { firstLine, parse } = await import('./template-engine.ts');
    try {
      parse(text, 'none');
      return undefined;
    } catch (error) {
      return `is not a template: ${firstLine(error)}`;
    }
  }

  /** The first text in a JSON value that is not a template. */
  async problemOfTree(value: unknown, depth = 0): Promise<string | undefined> {
    if (depth > treeDepthMax) return `must not be nested deeper than ${treeDepthMax}`;
    if (typeof value === 'string') return this.problemOf(value);
    if (typeof value !== 'object' || value === null) return undefined;
    for (const member of Object.values(value) as unknown[]) {
      const problem = await this.problemOfTree(member, depth + 1);
      if (problem !== undefined) return problem;
    }
    return undefined;
  }

  /** Throws UnfitError, and BusyError while too many wait. */
  async render(text: string, data: TemplateData, escape: Escape = 'none'): Promise<string> {
    if (!text.includes('{')) return text;
    return (await this.#fill(data, { kind: 'text', text, escape })) as string;
  }

  /** The same for every text in a JSON value. One that is a single place, `{{ … }}`, becomes the value itself. */
  async renderTree(value: unknown, data: TemplateData): Promise<unknown> {
    return this.#fill(data, { kind: 'tree', tree: value });
  }

  /** Ends the thread: what is under way rejects. */
  async close(): Promise<void> {
    await this.#thread.stop();
  }

  #fill({ [filled]: delivery }: TemplateData, work: Work): Promise<unknown> {
    const filling = delivery.last.then(() => this.#fillNow(delivery, work));
    delivery.last = filling.catch(() => undefined);
    return filling;
  }

  async #fillNow(delivery: Filled, work: Work): Promise<unknown> {
    const { endpointId } = delivery;
    if ((this.#paused.get(endpointId) ?? 0) > this.#clock.monotonicMs()) {
      throw failed("the endpoint's templates took too long a moment ago");
    }
    const answer = await this.#answerTo(delivery, work);
    if (answer.kind === 'rendered') {
      delivery.cost = answer.cost;
      return JSON.parse(answer.json) as unknown;
    }
    if (answer.kind === 'data_wanted') throw new Error('the template thread forgot what it was just given');
    if (answer.isSlow) this.#paused.set(endpointId, this.#clock.monotonicMs() + pausedMs);
    throw failed(answer.message);
  }

  async #answerTo(delivery: Filled, work: Work): Promise<TemplateAnswer> {
    if (delivery.isSent) {
      const answer = await this.#run(delivery, work, undefined);
      if (answer.kind !== 'data_wanted') return answer;
    }
    delivery.isSent = true;
    return this.#run(delivery, work, delivery.data);
  }

  async #run(
    { applicationId: owner, key, cost }: Filled,
    work: Work,
    data: JobData | undefined,
  ): Promise<TemplateAnswer> {
    // A copy of its own: a view would take along what it is a part of.
    const payload = data && new Uint8Array(data.payload);
    const job = { work, key, cost, ...(data && payload ? { data: { ...data, payload } } : {}) };
    const bytes = jobMinBytes + (payload?.length ?? 0);
    try {
      return await this.#thread.run(job, {
        owner,
        bytes,
        limitMs: jobLimitMs,
        ...(payload ? { moved: payload.buffer } : {}),
      });
    } catch (error) {
      if (!(error instanceof JobError)) throw error;
      if (error.reason === 'crowded') throw new BusyError();
      if (error.reason === 'stopped') throw error;
      const message =
        error.reason === 'slow' ? `it ran for more than ${jobLimitMs} ms` : 'it took too much memory';
      return { kind: 'failed', message, isSlow: true };
    }
  }
}

const failed = (why: string) => new UnfitError(`a template failed: ${why}`);
