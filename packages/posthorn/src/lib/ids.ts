// Ids that sort by time: prefix, 8 characters of milliseconds, 3 of sequence, 11 of randomness, all base 62.

const alphabet = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz';
const base = alphabet.length;
const timeLength = 8;
const sequenceLength = 3;
const sequenceMax = base ** sequenceLength;
const randomLength = 11;
// Bytes at or above this would favour the first letters of the alphabet.
const unbiasedBelow = 256 - (256 % base);
const randomPoolBytes = 4096;

export type IdPrefix =
  | 'audit_'
  | 'env_'
  | 'tok_'
  | 'app_'
  | 'ep_'
  | 'sec_'
  | 'poll_'
  | 'msg_'
  | 'src_'
  | 'req_'
  | 'iss_'
  | 'atmpt_'
  | 'integ_'
  | 'acfg_'
  | 'conn_'
  | 'qtask_';

/** Makes a new id of the given kind; ids of one source strictly increase. */
export type NewId = (prefix: IdPrefix) => string;

function encode(value: number, length: number): string {
  let text = '';
  for (let rest = value, i = 0; i < length; i += 1) {
    text = alphabet.charAt(rest % base) + text;
    rest = Math.floor(rest / base);
  }
  return text;
}

/** The smallest id of this kind that a clock at `timeMs` (Unix milliseconds) can make: a bound for ranges of time. */
export function idFloor(prefix: IdPrefix, timeMs: number): string {
  return prefix + encode(timeMs, timeLength);
}

/** When an id was made, in Unix milliseconds. */
export function timeOfId(id: string): number {
  const text = id.slice(id.indexOf('_') + 1).slice(0, timeLength);
  let timeMs = 0;
  for (const digit of text) timeMs = timeMs * base + alphabet.indexOf(digit);
  return timeMs;
}

function createRandomText(randomBytes: (size: number) => Uint8Array): (length: number) => string {
  let pool = new Uint8Array(0);
  let next = 0;
  return (length) => {
    let text = '';
    while (text.length < length) {
      if (next >= pool.length) {
        pool = new Uint8Array(randomBytes(randomPoolBytes));
        next = 0;
      }
      const byte = pool[next] ?? unbiasedBelow;
      next += 1;
      if (byte < unbiasedBelow) text += alphabet.charAt(byte % base);
    }
    return text;
  };
}

/**
 * A source of ids. `now` gives Unix milliseconds; `randomBytes(size)` gives unpredictable bytes. When the clock stands
 * still or steps back, the ids go on increasing from the last one.
 */
export function createIdSource(now: () => number, randomBytes: (size: number) => Uint8Array): NewId {
  const randomText = createRandomText(randomBytes);
  let lastMs = 0;
  let sequence = 0;
  return (prefix) => {
    const nowMs = now();
    if (nowMs > lastMs) {
      lastMs = nowMs;
      sequence = 0;
    } else {
      sequence += 1;
      if (sequence === sequenceMax) {
        lastMs += 1;
        sequence = 0;
      }
    }
    return prefix + encode(lastMs, timeLength) + encode(sequence, sequenceLength) + randomText(randomLength);
  };
}
