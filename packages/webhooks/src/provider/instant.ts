// Times as providers write them, and whether one is too old or too new.
import { refuse } from '../verdict.ts';
import type { Refusal } from '../verdict.ts';
import type { TimeUnit } from './provider.ts';

const digits = /^(?:0|[1-9][0-9]{0,15})$/;
const fraction = /^(?:0|[1-9][0-9]{0,11})\.[0-9]{1,9}$/;
const rfc3339 = /^\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d:\d\d(?:\.\d{1,9})?([Zz]|[+-]\d\d:?\d\d)?$/;
const shortOffset = /^([+-]\d\d)(\d\d)$/;
const httpDate = /^[A-Za-z]{3}, \d\d [A-Za-z]{3} \d{4} \d\d:\d\d:\d\d GMT$/;
// Year 5138 in seconds; the present in milliseconds is above it.
const secondsMax = 99_999_999_999;

/** Unix time in seconds, with a fraction where it is written; undefined when it is not written so. */
export function readInstant(text: string, unit: TimeUnit): number | undefined {
  if (unit === 'rfc3339' || unit === 'http-date') {
    const ms = unit === 'rfc3339' ? parsedRfc3339(text) : parsedHttpDate(text);
    return Number.isNaN(ms) ? undefined : ms / 1_000;
  }
  if (!digits.test(text) && !(unit !== 'milliseconds' && fraction.test(text))) return undefined;
  const number = Number(text);
  return unit === 'seconds' || (unit === 'unix' && number <= secondsMax) ? number : number / 1_000;
}

function parsedRfc3339(text: string): number {
  const match = rfc3339.exec(text);
  if (match === null) return Number.NaN;
  const [, offset = ''] = match;
  const local = text.slice(0, text.length - offset.length).replace(' ', 'T');
  return Date.parse(local + (offset === '' ? 'Z' : offset.replace(shortOffset, '$1:$2')));
}

function parsedHttpDate(text: string): number {
  return httpDate.test(text) ? Date.parse(text) : Number.NaN;
}

/** `nowMs` in the unit's way of writing. */
export function writeInstant(nowMs: number, unit: TimeUnit): string {
  switch (unit) {
    case 'seconds':
    case 'unix':
      return String(Math.floor(nowMs / 1_000));
    case 'milliseconds':
      return String(Math.floor(nowMs));
    case 'rfc3339':
      return new Date(nowMs).toISOString();
    case 'http-date':
      return new Date(nowMs).toUTCString();
    default:
      return unit satisfies never;
  }
}

/** Undefined when the age is right. Said only of a request that is authentic. */
export function judgeAge(
  timestampSeconds: number,
  nowMs: number,
  toleranceSeconds: number | 'any-age',
): Refusal | undefined {
  if (toleranceSeconds === 'any-age') return undefined;
  const ageSeconds = Math.floor(nowMs / 1_000) - Math.floor(timestampSeconds);
  if (!Number.isFinite(ageSeconds))
    return refuse('misconfigured', 'now() must return milliseconds since 1970');
  if (ageSeconds > toleranceSeconds) return refuse('stale', `the timestamp is ${ageSeconds} seconds old`);
  if (-ageSeconds > toleranceSeconds)
    return refuse('future', `the timestamp is ${-ageSeconds} seconds ahead`);
  return undefined;
}
