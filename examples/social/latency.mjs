// @ts-check

/**
 * The value that this share of all values is not above.
 *
 * @param {number[]} values
 * @param {number} share such as 0.99
 */
export function percentile(values, share) {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.max(0, Math.ceil(sorted.length * share) - 1)] ?? Number.NaN;
}

/** @param {number[]} durationsMs */
export function describeLatency(durationsMs) {
  const [half, most] = [percentile(durationsMs, 0.5), percentile(durationsMs, 0.99)];
  return `p50 ${half.toFixed(1)} ms, p99 ${most.toFixed(1)} ms (of ${durationsMs.length})`;
}
