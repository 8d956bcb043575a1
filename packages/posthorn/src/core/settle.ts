// What one attempt does to its delivery. The whole state machine of a delivery after an attempt is this function.
//
//   delivering --accepted----------------------------> succeeded
//   delivering --failed, scheduled, tries left-------> retrying   (after the schedule's delay)
//   delivering --failed, scheduled, none left--------> exhausted
//   delivering --failed, manual, chain still open----> retrying   (when the chain would have gone on)
//   delivering --failed, manual, no chain------------> exhausted
//   delivering --410 Gone----------------------------> exhausted, and the endpoint is disabled
import type { Outcome } from './outcome.ts';
import { nextDelayMs, type RetryPolicy } from './retry-schedule.ts';

/** The part of a delivery that decides: read when it was claimed. */
export interface DeliveryFacts {
  /** Automatic attempts before this one. */
  attempts: number;
  trigger: 'scheduled' | 'manual';
  /** The delivery had a next automatic attempt ahead when the resend came. */
  hasResumeAt: boolean;
}

/** What to write. `attempts` is the new count of automatic attempts. */
export type Transition =
  | { state: 'succeeded'; attempts: number }
  | { state: 'retrying'; attempts: number; delayMs: number }
  | { state: 'retrying'; attempts: number; resume: true }
  | { state: 'exhausted'; attempts: number };

export interface Settlement {
  transition: Transition;
  /** The endpoint said that it is gone for good. */
  endpointGone: boolean;
}

const gone = 410;

export function settle(
  delivery: DeliveryFacts,
  result: { outcome: Outcome; retryAfterSeconds?: number | undefined },
  policy: RetryPolicy,
  random: () => number,
): Settlement {
  const manual = delivery.trigger === 'manual';
  const attempts = manual ? delivery.attempts : delivery.attempts + 1;
  const { outcome } = result;
  if (outcome.kind === 'accepted')
    return { transition: { state: 'succeeded', attempts }, endpointGone: false };
  if (outcome.kind === 'rejected' && outcome.status === gone) {
    return { transition: { state: 'exhausted', attempts }, endpointGone: true };
  }
  if (manual) {
    const transition: Transition = delivery.hasResumeAt
      ? { state: 'retrying', attempts, resume: true }
      : { state: 'exhausted', attempts };
    return { transition, endpointGone: false };
  }
  const delayMs = nextDelayMs(policy, attempts, result.retryAfterSeconds, random);
  if (delayMs === undefined) return { transition: { state: 'exhausted', attempts }, endpointGone: false };
  return { transition: { state: 'retrying', attempts, delayMs }, endpointGone: false };
}
