// Who goes next, among those who wait: whoever has used least. Somebody new, or idle for long, starts level with the
// one that was served last, so that nobody can save up turns, and a hog falls behind everyone else.

const rememberedMax = 10_000;

export class FairShares {
  readonly #usedMs = new Map<string, number>();
  #floorMs = 0;

  /** Of equals, the first. Undefined when nobody waits. */
  leastOf(waiting: Iterable<string>): string | undefined {
    let least: string | undefined;
    let leastMs = Number.POSITIVE_INFINITY;
    for (const key of waiting) {
      const usedMs = this.#levelOf(key);
      if (usedMs >= leastMs) continue;
      least = key;
      leastMs = usedMs;
    }
    if (least !== undefined) this.#floorMs = leastMs;
    return least;
  }

  charge(key: string, ms: number): void {
    this.#usedMs.set(key, this.#levelOf(key) + ms);
    if (this.#usedMs.size > rememberedMax) this.#forget();
  }

  #levelOf(key: string): number {
    return Math.max(this.#usedMs.get(key) ?? 0, this.#floorMs);
  }

  #forget(): void {
    for (const [key, usedMs] of this.#usedMs) if (usedMs <= this.#floorMs) this.#usedMs.delete(key);
    if (this.#usedMs.size > rememberedMax) this.#usedMs.clear();
  }
}
