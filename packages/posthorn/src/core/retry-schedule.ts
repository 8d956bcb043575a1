// When the next automatic attempt comes: the schedule's delay, jitter, and what the endpoint asked for.

/** How retries are spaced: the server's for all endpoints, or one endpoint's own. */
export interface RetryPolicy {
  /** Seconds before attempt 1, 2, 3, …: as many attempts as entries. */
  delaysSeconds: readonly number[];
  /** The part of the delay that is added at random, at most. */
  jitterRatio: number;
  /** An endpoint cannot park a delivery for longer than this with Retry-After. */
  retryAfterSecondsMax: number;
}

export const defaultJitterRatio = 0.2;
export const defaultRetryAfterSecondsMax = 24 * 60 * 60;

/**
 * Milliseconds until the attempt after `attempts` automatic ones, or undefined when the schedule has ended. `random`
 * gives [0, 1). Jitter goes upward only, so a Retry-After (RFC 9110 section 10.2.3) is never undercut.
 */
export function nextDelayMs(
  policy: RetryPolicy,
  attempts: number,
  retryAfterSeconds: number | undefined,
  random: () => number,
): number | undefined {
  const scheduledSeconds = policy.delaysSeconds[attempts];
  if (scheduledSeconds === undefined) return undefined;
  const askedSeconds = Math.min(retryAfterSeconds ?? 0, policy.retryAfterSecondsMax);
  const seconds = Math.max(scheduledSeconds, askedSeconds);
  return Math.round(seconds * 1000 * (1 + policy.jitterRatio * random()));
}

/** The policy of an endpoint with delays of its own, in seconds, before each retry; null: the server's policy as it is. */
export function withRetries(policy: RetryPolicy, retryDelaysSeconds: readonly number[] | null): RetryPolicy {
  if (retryDelaysSeconds === null) return policy;
  return { ...policy, delaysSeconds: [policy.delaysSeconds[0] ?? 0, ...retryDelaysSeconds] };
}
