// The template thread: fills one job's templates at a time, and may be ended in the middle of it. Customers write them, and
// one filter, or one comparison of lists, can take minutes.
import { parentPort } from 'node:worker_threads';
import type { Template } from 'liquidjs';
import { payloadValue } from '../../core/payload-value.ts';
import { systemClock } from '../../lib/clock.ts';
import { engineOf, firstLine, parse, renderLimitMessage, renderMaxMs, textOf } from './template-engine.ts';
import type { Cost, Escape, TemplateAnswer, TemplateJob, Work } from './template-jobs.ts';

/** What may come out of one. */
const outputMaxChars = 64 * 1024;
/** What may come out of all of a delivery's. */
const outputTotalMaxChars = 2 * 1024 * 1024;
/** Of the templates that stay parsed: a character became up to 142 bytes, measured with `{{a}}` over and over. */
const parsedMaxChars = 256 * 1024;
/** Of the payloads that stay parsed; the last one stays whatever its size. */
const knownMaxBytes = 2 * 1024 * 1024;

/** What a template can name. */
interface Scope {
  id: string;
  eventType: string;
  /** ISO 8601, of the attempt. */
  timestamp: string;
  payload: unknown;
}

const parsed = new Map<string, Template[]>();
const known = new Map<number, { scope: Scope; bytes: number }>();
let parsedChars = 0;
let knownBytes = 0;

/** Those that were parsed first make room. */
function templatesOf(text: string, escape: Escape): Template[] {
  const key = `${escape} ${text}`;
  const found = parsed.get(key);
  if (found) return found;
  const templates = parse(text, escape);
  parsed.set(key, templates);
  parsedChars += key.length;
  for (const oldest of parsed.keys()) {
    if (parsedChars <= parsedMaxChars) break;
    parsed.delete(oldest);
    parsedChars -= oldest.length;
  }
  return templates;
}

function scopeOf({ key, data }: TemplateJob): Scope | undefined {
  if (data === undefined) return known.get(key)?.scope;
  const { payload, contentType, ...rest } = data;
  const scope = { ...rest, payload: payloadValue(payload, contentType) };
  known.set(key, { scope, bytes: payload.length });
  knownBytes += payload.length;
  for (const [oldest, { bytes }] of known) {
    if (knownBytes <= knownMaxBytes || oldest === key) break;
    known.delete(oldest);
    knownBytes -= bytes;
  }
  return scope;
}

/** One job: what it has left of its delivery's time and characters. */
class Filling {
  readonly cost: Cost;
  readonly #scope: Scope;

  constructor(scope: Scope, cost: Cost) {
    this.#scope = scope;
    this.cost = { ...cost };
  }

  fill(work: Work): unknown {
    return work.kind === 'text' ? this.#text(work.text, work.escape) : this.#tree(work.tree);
  }

  #text(text: string, escape: Escape): string {
    if (!text.includes('{')) return text;
    const templates = templatesOf(text, escape);
    const output = this.#within(
      (renderLimit) => engineOf(escape).renderSync(templates, this.#scope, { renderLimit }) as string,
    );
    if (output.length > outputMaxChars) {
      throw new Error(`it gave more than ${outputMaxChars} characters`);
    }
    this.#count(output);
    return output;
  }

  /** Every text in a JSON value. One that is a single place, `{{ … }}`, becomes the value itself. */
  #tree(tree: unknown): unknown {
    if (typeof tree === 'string') return this.#valueOf(tree);
    if (Array.isArray(tree)) return tree.map((item) => this.#tree(item));
    if (typeof tree !== 'object' || tree === null) return tree;
    return Object.fromEntries(Object.entries(tree).map(([name, member]) => [name, this.#tree(member)]));
  }

  #valueOf(text: string): unknown {
    const place = /^\{\{-?([^{}]+?)-?\}\}$/.exec(text.trim())?.[1];
    if (place === undefined) return this.#text(text, 'none');
    const value = this.#within(() => engineOf('none').evalValueSync(place.trim(), this.#scope) as unknown);
    this.#count(value);
    return value ?? null;
  }

  #within<T>(run: (leftMs: number) => T): T {
    if (this.cost.renderMs >= renderMaxMs) throw new Error(renderLimitMessage);
    const startedMs = systemClock.monotonicMs();
    try {
      return run(renderMaxMs - this.cost.renderMs);
    } finally {
      this.cost.renderMs += systemClock.monotonicMs() - startedMs;
    }
  }

  /** A small configuration could put a large payload out thousands of times. */
  #count(value: unknown): void {
    this.cost.outputChars += textOf(value).length;
    if (this.cost.outputChars <= outputTotalMaxChars) return;
    throw new Error(`they gave more than ${outputTotalMaxChars} characters together`);
  }
}

function answerTo(job: TemplateJob): TemplateAnswer {
  const scope = scopeOf(job);
  if (scope === undefined) return { kind: 'data_wanted' };
  try {
    const filling = new Filling(scope, job.cost);
    const json = JSON.stringify(filling.fill(job.work));
    return { kind: 'rendered', json, cost: filling.cost };
  } catch (error) {
    const message = firstLine(error);
    return { kind: 'failed', message, isSlow: message.includes(renderLimitMessage) };
  }
}

parentPort?.on('message', (job: TemplateJob) => parentPort?.postMessage(answerTo(job), []));
parentPort?.postMessage('ready', []);
