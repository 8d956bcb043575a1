// Texts with places in them that are filled from the message: Liquid, without files, and with bounds on what one text may
// cost, because customers write them. The library is loaded with the first one.
import type { Liquid, Template } from 'liquidjs';
import { BoundedMap } from '../../lib/bounded-map.ts';
import type { Clock } from '../../lib/clock.ts';
import { type ActionDelivery, UnfitError } from './connector.ts';

export const templateMaxChars = 8 * 1024;
/** What may come out of one. */
const outputMaxChars = 64 * 1024;
/** It runs on the thread of everybody, and time is all that LiquidJS measures: a busy machine needs some of it as well. */
const renderMaxMs = 100;
/** A template that took longer is not run again before. */
const pausedMs = 10_000;
const pausedMax = 1_000;
/** LiquidJS counts characters and elements that filters and ranges make. */
const memoryMax = 300_000;
const parsedMax = 1_000;
const treeDepthMax = 16;
const renderLimitMessage = 'render limit exceeded';

/** What is done to each value that a template puts out, unless it says `raw`. */
export type Escape = 'none' | 'url' | 'slack';

/** What a template can name. A payload that is not JSON is a text. */
export interface TemplateData {
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

/** What templates see of a delivery. */
export function templateData({ messageId, eventType, atMs, payload }: ActionDelivery): TemplateData {
  const text = Buffer.from(payload).toString();
  return { id: messageId, eventType, timestamp: new Date(atMs).toISOString(), payload: parsed(text) };
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}

export class Templates {
  readonly #clock: Clock;
  readonly #engines = new Map<Escape, Promise<Liquid>>();
  readonly #parsed = new BoundedMap<string, Template[]>(parsedMax);
  /** Templates that took too long, until when. */
  readonly #paused = new BoundedMap<string, number>(pausedMax);

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Why the text is not a template, as words that follow its name. */
  async problemOf(text: string): Promise<string | undefined> {
    try {
      await this.#parse(text, 'none');
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
      return this.#unlessPaused(text, () => engine.renderSync(templates, data) as string);
    });
    if (output.length <= outputMaxChars) return output;
    throw new UnfitError(`a template gave more than ${outputMaxChars} characters`);
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
    const place = /^\{\{([^{}]+)\}\}$/.exec(text.trim())?.[1];
    if (place === undefined) return this.render(text, data);
    const engine = await this.#engine('none');
    const value = () => (engine.evalValueSync(place.trim(), data) as unknown) ?? null;
    return orUnfit(async () => this.#unlessPaused(text, value));
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
    if (text.length > templateMaxChars) throw new Error(`is longer than ${templateMaxChars} characters`);
    const templates = (await this.#engine(escape)).parse(text);
    this.#parsed.set(key, templates);
    return templates;
  }

  #unlessPaused<T>(text: string, run: () => T): T {
    const nowMs = this.#clock.monotonicMs();
    if ((this.#paused.get(text) ?? 0) > nowMs) throw new Error('it took too long a moment ago');
    try {
      return run();
    } catch (error) {
      if (firstLine(error).includes(renderLimitMessage)) this.#paused.set(text, nowMs + pausedMs);
      throw error;
    }
  }
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
