// Numbers that are recorded by the million: a typed array that grows, so that recording allocates almost never.

const firstCapacity = 65_536;

export class Column {
  #values = new Float64Array(firstCapacity);
  #length = 0;

  get length(): number {
    return this.#length;
  }

  push(value: number): void {
    this.set(this.#length, value);
  }

  /** Slots that were never set hold 0. */
  set(index: number, value: number): void {
    if (index >= this.#values.length) this.#grow(index + 1);
    this.#values[index] = value;
    if (index >= this.#length) this.#length = index + 1;
  }

  /** A copy of what was recorded. */
  toArray(): Float64Array {
    return this.#values.slice(0, this.#length);
  }

  #grow(needed: number): void {
    let capacity = this.#values.length;
    while (capacity < needed) capacity *= 2;
    const values = new Float64Array(capacity);
    values.set(this.#values);
    this.#values = values;
  }
}
