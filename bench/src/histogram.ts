// A histogram with buckets that grow by 1 % each: any value from 1 µs to hours is known to within 0.5 %.

const bucketRatio = 1.01;
const smallestMs = 0.001;
const logRatio = Math.log(bucketRatio);

export interface Quantiles {
  count: number;
  meanMs: number;
  p50Ms: number;
  p95Ms: number;
  p99Ms: number;
  p999Ms: number;
  maxMs: number;
}

export class Histogram {
  readonly #buckets: number[] = [];
  #count = 0;
  #sum = 0;
  #max = 0;

  record(valueMs: number): void {
    const bucket = valueMs <= smallestMs ? 0 : Math.floor(Math.log(valueMs / smallestMs) / logRatio) + 1;
    this.#buckets[bucket] = (this.#buckets[bucket] ?? 0) + 1;
    this.#count += 1;
    this.#sum += valueMs;
    if (valueMs > this.#max) this.#max = valueMs;
  }

  /** The value that `share` (0 to 1) of the recorded ones do not exceed: the middle of its bucket, 0 when empty. */
  quantile(share: number): number {
    const wanted = Math.max(1, Math.ceil(share * this.#count));
    let seen = 0;
    for (const [bucket, count] of this.#buckets.entries()) {
      seen += count ?? 0;
      if (seen >= wanted) return Math.min(this.#max, middleOf(bucket));
    }
    return 0;
  }

  summary(): Quantiles {
    return {
      count: this.#count,
      meanMs: this.#count === 0 ? 0 : this.#sum / this.#count,
      p50Ms: this.quantile(0.5),
      p95Ms: this.quantile(0.95),
      p99Ms: this.quantile(0.99),
      p999Ms: this.quantile(0.999),
      maxMs: this.#max,
    };
  }
}

function middleOf(bucket: number): number {
  return bucket === 0 ? smallestMs : smallestMs * bucketRatio ** (bucket - 0.5);
}
