// Reads a Retry-After header (RFC 9110, 10.2.3): seconds, or an HTTP date in any of its three forms.

const msPerSecond = 1_000;
const months = ['jan', 'feb', 'mar', 'apr', 'may', 'jun', 'jul', 'aug', 'sep', 'oct', 'nov', 'dec'];

const clockTime = '(?<hour>\\d{2}):(?<minute>\\d{2}):(?<second>\\d{2})';
const dateForms = [
  // Sun, 06 Nov 1994 08:49:37 GMT
  new RegExp(`^[a-z]{3}, (?<day>\\d{2}) (?<month>[a-z]{3}) (?<year>\\d{4}) ${clockTime} (?:GMT|UTC)$`, 'i'),
  // Sunday, 06-Nov-94 08:49:37 GMT
  new RegExp(`^[a-z]{6,9}, (?<day>\\d{2})-(?<month>[a-z]{3})-(?<year>\\d{2}) ${clockTime} (?:GMT|UTC)$`, 'i'),
  // Sun Nov  6 08:49:37 1994
  new RegExp(`^[a-z]{3} (?<month>[a-z]{3}) (?<day>[ \\d]\\d) ${clockTime} (?<year>\\d{4})$`, 'i'),
];

/**
 * Seconds to wait from `nowMs`, at least 0 and finite; a date in the past is 0. `undefined` for a missing or
 * unreadable value. A huge value stays huge: the caller caps it.
 */
export function parseRetryAfter(value: string | undefined, nowMs: number): number | undefined {
  const text = value?.trim() ?? '';
  if (/^\d+$/.test(text)) return Math.min(Number(text), Number.MAX_SAFE_INTEGER);
  const atMs = parseHttpDate(text, nowMs);
  return atMs === undefined ? undefined : Math.max(0, Math.ceil((atMs - nowMs) / msPerSecond));
}

function parseHttpDate(text: string, nowMs: number): number | undefined {
  for (const form of dateForms) {
    const groups = form.exec(text)?.groups;
    if (groups) return toEpochMs(groups, nowMs);
  }
  return undefined;
}

function toEpochMs(groups: Record<string, string>, nowMs: number): number | undefined {
  const month = months.indexOf((groups['month'] ?? '').toLowerCase());
  const day = Number(groups['day']);
  const [hour, minute, second] = [Number(groups['hour']), Number(groups['minute']), Number(groups['second'])];
  if (month < 0 || hour > 23 || minute > 59 || second > 60) return undefined;
  const year = fullYear(groups['year'] ?? '', nowMs);
  const midnight = new Date(0);
  midnight.setUTCFullYear(year, month, day);
  // A day that the month does not have rolls over; that date was never meant.
  if (midnight.getUTCMonth() !== month || midnight.getUTCDate() !== day) return undefined;
  return midnight.getTime() + ((hour * 60 + minute) * 60 + second) * msPerSecond;
}

/** Two digits mean the latest such year that is at most 50 years ahead (RFC 9110, 5.6.7). */
function fullYear(text: string, nowMs: number): number {
  const year = Number(text);
  if (text.length > 2) return year;
  const thisYear = new Date(nowMs).getUTCFullYear();
  const sameCentury = thisYear - (thisYear % 100) + year;
  if (sameCentury > thisYear + 50) return sameCentury - 100;
  return sameCentury + 100 <= thisYear + 50 ? sameCentury + 100 : sameCentury;
}
