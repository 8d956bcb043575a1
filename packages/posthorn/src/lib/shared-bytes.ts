// A budget of bytes in memory that many draw on.

/**
 * Nobody gets more than what is then still free for the others: one alone half of the budget, two that both want all of it
 * a third each, and so on. Whoever comes next always finds something.
 */
export class SharedBytes {
  readonly #maxBytes: number;
  readonly #bytesOf = new Map<string, number>();
  #total = 0;

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  get total(): number {
    return this.#total;
  }

  free(): number {
    return Math.max(0, this.#maxBytes - this.#total);
  }

  /** Whether `owner` may take so much more. Who has nothing may take all that is free: it may be one large piece. */
  hasRoom(owner: string, bytes: number): boolean {
    return this.#of(owner) + bytes <= this.free();
  }

  /** Whether `owner` has more than this part of what is free. */
  hasOver(owner: string, part: number): boolean {
    return this.#of(owner) > this.free() * part;
  }

  /** Whether or not there is room. */
  add(owner: string, bytes: number): void {
    this.#bytesOf.set(owner, this.#of(owner) + bytes);
    this.#total += bytes;
  }

  remove(owner: string, bytes: number): void {
    const left = this.#of(owner) - bytes;
    this.#total -= bytes;
    if (left > 0) this.#bytesOf.set(owner, left);
    else this.#bytesOf.delete(owner);
  }

  #of(owner: string): number {
    return this.#bytesOf.get(owner) ?? 0;
  }
}
