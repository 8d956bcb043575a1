// Which attempts the operator is told about (operational webhooks), apart from the deliveries that go as they should.
import type { DeliveryFacts, Transition } from './settle.ts';

/** The event type that tells of it. */
export type AttemptNote =
  | 'message.attempt.failing'
  | 'message.attempt.exhausted'
  | 'message.attempt.recovered';

/** After so many automatic attempts that failed, a delivery counts as failing. */
const failingAttempts = 4;

/**
 * What there is to tell about a delivery that went through `transition`; undefined for nothing. Of a resend that was
 * accepted it cannot know whether the delivery had succeeded before: whoever tells has to look.
 */
export function noteOf(
  transition: Transition | { state: 'cancelled'; attempts: number },
  before: DeliveryFacts,
): AttemptNote | undefined {
  const { state, attempts } = transition;
  // A resend that fails ends nothing that had not ended before, unless it ends the automatic chain.
  const isOfChain = before.trigger === 'scheduled' || before.hasResumeAt;
  switch (state) {
    case 'retrying':
      return before.trigger === 'scheduled' && attempts === failingAttempts
        ? 'message.attempt.failing'
        : undefined;
    case 'exhausted':
      return isOfChain ? 'message.attempt.exhausted' : undefined;
    case 'succeeded':
      return before.attempts >= failingAttempts ? 'message.attempt.recovered' : undefined;
    case 'cancelled':
      return undefined;
  }
}
