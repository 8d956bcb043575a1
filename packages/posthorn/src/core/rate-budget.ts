// How much of something each of many may do in a time: a bucket per key that fills again steadily.

export interface BudgetRule {
  perSecond: number;
  /** How much can be taken at once after a rest. */
  burst: number;
  /** Keys remembered; the one that took first is forgotten first, and starts full again. */
  keysMax: number;
}

interface Bucket {
  level: number;
  atMs: number;
}

export class RateBudget {
  readonly #rule: BudgetRule;
  readonly #buckets = new Map<string, Bucket>();

  constructor(rule: BudgetRule) {
    this.#rule = rule;
  }

  /** Takes one, at `nowMs` of a clock that never goes back. False, and nothing taken, when none is left. */
  take(key: string, nowMs: number): boolean {
    const { perSecond, burst } = this.#rule;
    const bucket = this.#buckets.get(key) ?? this.#add(key, nowMs);
    bucket.level = Math.min(burst, bucket.level + ((nowMs - bucket.atMs) * perSecond) / 1_000);
    bucket.atMs = nowMs;
    if (bucket.level < 1) return false;
    bucket.level -= 1;
    return true;
  }

  /** Undoes a `take`. */
  giveBack(key: string): void {
    const bucket = this.#buckets.get(key);
    if (bucket) bucket.level = Math.min(this.#rule.burst, bucket.level + 1);
  }

  #add(key: string, nowMs: number): Bucket {
    const oldest = this.#buckets.keys().next();
    if (this.#buckets.size >= this.#rule.keysMax && oldest.done !== true) this.#buckets.delete(oldest.value);
    const bucket = { level: this.#rule.burst, atMs: nowMs };
    this.#buckets.set(key, bucket);
    return bucket;
  }
}
