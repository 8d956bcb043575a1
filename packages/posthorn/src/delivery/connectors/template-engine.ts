// The language of templates: Liquid, without files, and with bounds on what one text may cost.
import { Liquid, type Template } from 'liquidjs';
import { type Escape, templateMaxChars } from './template-jobs.ts';

/** For all of a delivery's. LiquidJS looks at the clock between the parts of a template, and not inside of one. */
export const renderMaxMs = 500;
/** LiquidJS counts characters and elements that filters and ranges make. */
const memoryMax = 300_000;
export const renderLimitMessage = 'render limit exceeded';

const slackEscapes: Readonly<Record<string, string>> = { '&': '&amp;', '<': '&lt;', '>': '&gt;' };

const escapes: Readonly<Record<Escape, ((value: unknown) => string) | undefined>> = {
  none: undefined,
  url: (value) => encodeURIComponent(textOf(value)),
  // What comes out of a message must not mention a channel, or make a link.
  slack: (value) => textOf(value).replaceAll(/[&<>]/g, (character) => slackEscapes[character] ?? ''),
};

export function textOf(value: unknown): string {
  if (value === undefined || value === null) return '';
  return typeof value === 'string' ? value : JSON.stringify(value);
}

const engines = new Map<Escape, Liquid>();

export function engineOf(escape: Escape): Liquid {
  const engine = engines.get(escape) ?? createEngine(escape);
  engines.set(escape, engine);
  return engine;
}

function createEngine(escape: Escape): Liquid {
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

/** Throws for what is not a template. */
export function parse(text: string, escape: Escape): Template[] {
  if (text.length > templateMaxChars) throw new Error(`is longer than ${templateMaxChars} characters`);
  return engineOf(escape).parse(text);
}

/** The first line of a LiquidJS error says what and where; the rest repeats the template. */
export function firstLine(error: unknown): string {
  const message = error instanceof Error ? error.message : String(error);
  return message.split('\n', 1)[0] ?? message;
}
