// New inputs out of old ones.

const lengthMax = 4_096;
const stepsMax = 6;

/** A generator of numbers from 0 up to and without `below`; the same for the same seed (mulberry32). */
export function createRandom(seed: number): (below: number) => number {
  let state = seed >>> 0;
  return (below) => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return Math.floor((((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32) * below);
  };
}

export interface Material {
  corpus: readonly Uint8Array[];
  words: readonly string[];
  random: (below: number) => number;
}

/** One input of the corpus, changed in one to six places. */
export function mutated({ corpus, words, random }: Material): Uint8Array {
  let input = corpus[random(corpus.length)] ?? new Uint8Array();
  const steps = 1 + random(stepsMax);
  for (let step = 0; step < steps; step += 1) {
    const change = changes[random(changes.length)];
    if (change !== undefined) input = change(input, { corpus, words, random });
  }
  return input.subarray(0, lengthMax);
}

type Change = (input: Uint8Array, material: Material) => Uint8Array;

const changes: readonly Change[] = [
  function flipBit(input, { random }) {
    const copy = Uint8Array.from(input);
    const at = random(copy.length);
    copy[at] = (copy[at] ?? 0) ^ (1 << random(8));
    return copy;
  },
  function setByte(input, { random }) {
    const copy = Uint8Array.from(input);
    copy[random(copy.length)] = random(256);
    return copy;
  },
  function cutOut(input, { random }) {
    const start = random(input.length);
    const end = start + 1 + random(Math.max(1, input.length >> 2));
    return Buffer.concat([input.subarray(0, start), input.subarray(end)]);
  },
  function repeat(input, { random }) {
    const start = random(input.length);
    const piece = input.subarray(start, start + 1 + random(32));
    const times = 1 + random(8);
    return insert(input, start, Buffer.concat(Array.from({ length: times }, () => piece)));
  },
  function insertWord(input, { words, random }) {
    return insert(input, random(input.length + 1), Buffer.from(words[random(words.length)] ?? ''));
  },
  function overwriteWithWord(input, { words, random }) {
    const word = Buffer.from(words[random(words.length)] ?? '');
    const copy = Uint8Array.from(input);
    const at = random(copy.length);
    copy.set(word.subarray(0, copy.length - at), at);
    return copy;
  },
  function insertBytes(input, { random }) {
    const bytes = Uint8Array.from({ length: 1 + random(8) }, () => random(256));
    return insert(input, random(input.length + 1), bytes);
  },
  function splice(input, { corpus, random }) {
    const other = corpus[random(corpus.length)] ?? input;
    const start = random(other.length);
    const piece = other.subarray(start, start + random(64));
    return insert(input, random(input.length + 1), piece);
  },
  function crossOver(input, { corpus, random }) {
    const other = corpus[random(corpus.length)] ?? input;
    const at = random(Math.min(input.length, other.length) + 1);
    return Buffer.concat([input.subarray(0, at), other.subarray(at)]);
  },
];

function insert(input: Uint8Array, at: number, piece: Uint8Array): Uint8Array {
  return Buffer.concat([input.subarray(0, at), piece, input.subarray(at)]);
}
