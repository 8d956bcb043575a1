// A map that forgets what was set first when it is full.

export class BoundedMap<K, V> extends Map<K, V> {
  readonly #sizeMax: number;

  constructor(sizeMax: number) {
    super();
    this.#sizeMax = sizeMax;
  }

  override set(key: K, value: V): this {
    // To the end, also when it was there.
    this.delete(key);
    const oldest = this.keys().next();
    if (this.size >= this.#sizeMax && oldest.done !== true) this.delete(oldest.value);
    return super.set(key, value);
  }
}
