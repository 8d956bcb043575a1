// A queue that forgets what it gave out: Array.prototype.shift would copy a long one for every element.

const compactFrom = 256;

export class Fifo<T> {
  #items: (T | undefined)[] = [];
  #next = 0;

  get length(): number {
    return this.#items.length - this.#next;
  }

  push(item: T): void {
    this.#items.push(item);
  }

  peek(): T | undefined {
    return this.#items[this.#next];
  }

  shift(): T | undefined {
    const item = this.#items[this.#next];
    if (this.#next === this.#items.length) return undefined;
    this.#items[this.#next] = undefined;
    this.#next += 1;
    if (this.#next >= compactFrom && this.#next * 2 >= this.#items.length) {
      this.#items = this.#items.slice(this.#next);
      this.#next = 0;
    }
    return item;
  }

  /** Everything that waits; the queue is empty afterwards. */
  takeAll(): T[] {
    const items = this.#items.slice(this.#next) as T[];
    this.#items = [];
    this.#next = 0;
    return items;
  }
}
