// How the fuzzer's bytes are read as a request, and how a request is written as such bytes.

const lengthMax = 0x0fff;

/** Takes what it needs from the front. What is not there is zero, or empty. */
export class InputReader {
  #rest: Uint8Array;
  constructor(bytes: Uint8Array) {
    this.#rest = bytes;
  }

  byte(): number {
    const [first = 0] = this.#rest;
    this.#rest = this.#rest.subarray(1);
    return first;
  }

  /** Each byte a character, as Node gives headers; the length is written in two bytes before it. */
  text(): string {
    const length = ((this.byte() << 8) | this.byte()) & lengthMax;
    const text = Buffer.from(this.#rest.subarray(0, length)).toString('latin1');
    this.#rest = this.#rest.subarray(length);
    return text;
  }

  rest(): Uint8Array {
    return this.#rest;
  }
}

type Part = number | string | Uint8Array;

/** Numbers are bytes, texts have their length before them, bytes stand for themselves. */
export function writeInput(parts: readonly Part[]): Uint8Array {
  return Buffer.concat(
    parts.map((part) => {
      if (typeof part === 'number') return Uint8Array.of(part);
      if (typeof part !== 'string') return part;
      const text = Buffer.from(part.slice(0, lengthMax), 'latin1');
      return Buffer.concat([Uint8Array.of(text.length >> 8, text.length & 0xff), text]);
    }),
  );
}
