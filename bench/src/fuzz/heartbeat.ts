// What is being run right now, readable from outside a thread that hangs.

const inputMaxBytes = 8_192;
const headBytes = 8;
const beatsAt = 0;
const lengthAt = 1;

export class Heartbeat {
  readonly #numbers: Int32Array;
  readonly #input: Uint8Array;
  constructor(shared: SharedArrayBuffer) {
    this.#numbers = new Int32Array(shared, 0, 2);
    this.#input = new Uint8Array(shared, headBytes);
  }

  static allocate(): SharedArrayBuffer {
    return new SharedArrayBuffer(headBytes + inputMaxBytes);
  }

  beat(input: Uint8Array): void {
    this.#input.set(input.subarray(0, inputMaxBytes));
    Atomics.store(this.#numbers, lengthAt, Math.min(input.length, inputMaxBytes));
    Atomics.add(this.#numbers, beatsAt, 1);
  }

  get beats(): number {
    return Atomics.load(this.#numbers, beatsAt);
  }

  get input(): Uint8Array {
    return Uint8Array.from(this.#input.subarray(0, Atomics.load(this.#numbers, lengthAt)));
  }
}
