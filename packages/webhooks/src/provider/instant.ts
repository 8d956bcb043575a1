// Times as providers write them, and whether one is too old or too new.
import { refuse } from '../verdict.ts';
import type { Refusal } from '../verdict.ts';
import type { TimeUnit } from './provider.ts';

const digits = /^(?:0|[1-9][0-9]{0,15})$/;
const fraction = /^(?:0|[1-9][0-9]{0,11})\.[0-9]{1,9}$/;
const rfc3339 = /^\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d:\d\d(?:\.\d{1,9})?(?:[Zz]|[+-]\d\d:?\d\d)$/;
const httpDate = /^[A-Za-z]{3}, \d\d [A-Za-z]{3} \d{4} \d\d:\d\d:\d\d GMT$/;

/** Unix time in seconds, with a fraction where it is written; undefined when it is not written so. */
export function readInstant(text: string, unit: TimeUnit): number | undefined {
  if (unit === 'seconds' || unit === 'milliseconds') {
    if (!digits.test(text) && !(unit === 'seconds' && fraction.test(text))) return undefined;
    return unit === 'seconds' ? Number(text) : Number(text) / 1_000;
  }
  const matches = unit === 'rfc3339' ? rfc3339.test(text) : httpDate.test(text);
  const ms = matches ? Date.parse(text.replace(' ', unit === 'rfc3339' ? 'T' : ' ')) : Number.NaN;
  return Number.isNaN(ms) ? undefined : ms / 1_000;
}

/** `nowMs` in the unit's way of writing. */
export function writeInstant(nowMs: number, unit: TimeUnit): string {
  switch (unit) {
    case 'seconds':
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
