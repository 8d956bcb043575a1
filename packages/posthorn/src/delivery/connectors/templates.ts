// Texts with places in them that are filled from the message: Liquid, without files, and with bounds on what one text may
// cost, because customers write them. The library is loaded with the first one.
import type { Liquid, Template } from 'liquidjs';
import { payloadValue } from '../../core/payload-value.ts';
import { BoundedMap } from '../../lib/bounded-map.ts';
import type { Clock } from '../../lib/clock.ts';
import { type ActionDelivery, UnfitError } from './connector.ts';

export const templateMaxChars = 8 * 1024;
/** What may come out of one. */
const outputMaxChars = 64 * 1024;
/** What may come out of all of a delivery's. */
const outputTotalMaxChars = 2 * 1024 * 1024;
/**
 * For all of a delivery's: they run on the thread of everybody, and time is all that LiquidJS measures. A busy machine needs
 * some of it as well.
 */
const renderMaxMs = 100;
/** Those of an endpoint that took longer are not run again before. */
const pausedMs = 10_000;
const pausedMax = 1_000;
/** LiquidJS counts characters and elements that filters and ranges make. */
const memoryMax = 300_000;
/** Of the templates that stay parsed: a character became up to 142 bytes, measured with `{{a}}` over and over. */
const parsedMaxChars = 256 * 1024;
const treeDepthMax = 16;
const renderLimitMessage = 'render limit exceeded';

/** What is done to each value that a template puts out, unless it says `raw`. */
export type Escape = 'none' | 'url' | 'slack';

interface Costs {
  endpointId: string;
  renderMs: number;
  outputChars: number;
}

// Templates cannot name symbols.
const costs = Symbol('costs');

/** What a template can name, of one delivery. A payload that is neither JSON nor a form is a text. */
export interface TemplateData {
  /** What the delivery's templates have cost so far. */
  readonly [costs]: Costs;
  id: string;
  eventType: string;
  /** ISO 8601, of the attempt. */
  timestamp: string;
  payload: unknown;
}

const slackEscapes: Readonly<Record<string, string>> = { '&': '&amp;', '<': '&lt;', '>': '&gt;' };

const escapes: Readonly<Record<Escape, ((value: unknown) => string) | undefined>> = {
  none: undefined,
  url: (value) => encodeURIComponent(textOf(value)),
  // What comes out of a message must not mention a channel, or make a link.
  slack: (value) => textOf(value).replaceAll(/[&<>]/g, (character) => slackEscapes[character] ?? ''),
};

function textOf(value: unknown): string {
  if (value === undefined || value === null) return '';
  return typeof value === 'string' ? value : JSON.stringify(value);
}

/** What templates see of a delivery: once for each attempt, because it holds what they cost. */
export function templateData({
  messageId,
  endpointId,
  eventType,
  atMs,
  payload,
  contentType,
}: Pick<
  ActionDelivery,
  'messageId' | 'endpointId' | 'eventType' | 'atMs' | 'payload' | 'contentType'
>): TemplateData {
  return {
    [costs]: { endpointId, renderMs: 0, outputChars: 0 },
    id: messageId,
    eventType,
    timestamp: new Date(atMs).toISOString(),
    payload: payloadValue(payload, contentType),
  };
}

export class Templates {
  readonly #clock: Clock;
  readonly #engines = new Map<Escape, Promise<Liquid>>();
  readonly #parsed = new Map<string, Template[]>();
  #parsedChars = 0;
  /** Endpoints whose templates took too long, until when. */
  readonly #paused = new BoundedMap<string, number>(pausedMax);

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Why the text is not a template, as words that follow its name. */
  async problemOf(text: string): Promise<string | undefined> {
    try {
      await this.#compile(text, 'none');
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

  /** Throws UnfitError. */
  async render(text: string, data: TemplateData, escape: Escape = 'none'): Promise<string> {
    if (!text.includes('{')) return text;
    const output = await orUnfit(async () => {
      const templates = await this.#parse(text, escape);
      const engine = await this.#engine(escape);
      return this.#within(
        data,
        (renderLimit) => engine.renderSync(templates, data, { renderLimit }) as string,
      );
    });
    if (output.length > outputMaxChars) {
      throw new UnfitError(`a template gave more than ${outputMaxChars} characters`);
    }
    countOutput(data, output);
    return output;
  }

  /** The same for every text in a JSON value. One that is a single place, `{{ … }}`, becomes the value itself. */
  async renderTree(value: unknown, data: TemplateData): Promise<unknown> {
    if (typeof value === 'string') return this.#valueOf(value, data);
    if (Array.isArray(value)) return Promise.all(value.map((item) => this.renderTree(item, data)));
    if (typeof value !== 'object' || value === null) return value;
    const members = Object.entries(value).map(
      async ([name, member]) => [name, await this.renderTree(member, data)] as const,
    );
    return Object.fromEntries(await Promise.all(members));
  }

  async #valueOf(text: string, data: TemplateData): Promise<unknown> {
    const place = /^\{\{-?([^{}]+?)-?\}\}$/.exec(text.trim())?.[1];
    if (place === undefined) return this.render(text, data);
    const engine = await this.#engine('none');
    const evaluate = () => (engine.evalValueSync(place.trim(), data) as unknown) ?? null;
    const value = await orUnfit(async () => this.#within(data, evaluate));
    countOutput(data, value);
    return value;
  }

  #engine(escape: Escape): Promise<Liquid> {
    const engine = this.#engines.get(escape) ?? createEngine(escape);
    this.#engines.set(escape, engine);
    return engine;
  }

  async #parse(text: string, escape: Escape): Promise<Template[]> {
    const key = `${escape} ${text}`;
    const found = this.#parsed.get(key);
    if (found) return found;
    const templates = await this.#compile(text, escape);
    if (!this.#parsed.has(key)) this.#keep(key, templates);
    return templates;
  }

  async #compile(text: string, escape: Escape): Promise<Template[]> {
    if (text.length > templateMaxChars) throw new Error(`is longer than ${templateMaxChars} characters`);
    return (await this.#engine(escape)).parse(text);
  }

  /** In place of those that were parsed first. */
  #keep(key: string, templates: Template[]): void {
    this.#parsed.set(key, templates);
    this.#parsedChars += key.length;
    for (const oldest of this.#parsed.keys()) {
      if (this.#parsedChars <= parsedMaxChars) return;
      this.#parsed.delete(oldest);
      this.#parsedChars -= oldest.length;
    }
  }

  /** Runs one template in what is left of its delivery's time. */
  #within<T>({ [costs]: cost }: TemplateData, run: (leftMs: number) => T): T {
    const startedMs = this.#clock.monotonicMs();
    if ((this.#paused.get(cost.endpointId) ?? 0) > startedMs) {
      throw new Error("the endpoint's templates took too long a moment ago");
    }
    try {
      if (cost.renderMs >= renderMaxMs) throw new Error(renderLimitMessage);
      return run(renderMaxMs - cost.renderMs);
    } catch (error) {
      if (firstLine(error).includes(renderLimitMessage)) {
        this.#paused.set(cost.endpointId, startedMs + pausedMs);
      }
      throw error;
    } finally {
      cost.renderMs += this.#clock.monotonicMs() - startedMs;
    }
  }
}

/** Throws UnfitError: a small configuration could put a large payload out thousands of times. */
function countOutput({ [costs]: cost }: TemplateData, value: unknown): void {
  cost.outputChars += textOf(value).length;
  if (cost.outputChars <= outputTotalMaxChars) return;
  throw new UnfitError(`the templates gave more than ${outputTotalMaxChars} characters together`);
}

async function createEngine(escape: Escape): Promise<Liquid> {
  const { Liquid } = await import('liquidjs');
  const outputEscape = escapes[escape];
  return new Liquid({
    // `include` and its like find nothing: there are no files.
    templates: {},
    strictFilters: true,
    // Of a payload, only what came in it.
    ownPropertyOnly: true,
    parseLimit: templateMaxChars,
    renderLimit: renderMaxMs,
    memoryLimit: memoryMax,
    ...(outputEscape ? { outputEscape } : {}),
  });
}

async function orUnfit<T>(run: () => Promise<T>): Promise<T> {
  try {
    return await run();
  } catch (error) {
    throw new UnfitError(`a template failed: ${firstLine(error)}`);
  }
}

/** The first line of a LiquidJS error says what and where; the rest repeats the template. */
function firstLine(error: unknown): string {
  const message = error instanceof Error ? error.message : String(error);
  return message.split('\n', 1)[0] ?? message;
}
