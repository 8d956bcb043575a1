// The transition after an attempt: a table over every kind of outcome, and what holds for all of them.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Outcome } from '../src/core/outcome.ts';
import type { RetryPolicy } from '../src/core/retry-schedule.ts';
import { settle } from '../src/core/settle.ts';
import type { DeliveryFacts, Settlement } from '../src/core/settle.ts';

fc.configureGlobal({ numRuns: 1_000 });

const policy: RetryPolicy = {
  delaysSeconds: [0, 5, 300],
  jitterRatio: 0.2,
  retryAfterSecondsMax: 3_600,
};
const noJitter = () => 0;

const accepted: Outcome = { kind: 'accepted', status: 204 };
const failures: Outcome[] = [
  ...[199, 301, 308, 400, 401, 404, 409, 411, 429, 500, 503, 599].map(
    (status): Outcome => ({ kind: 'rejected', status }),
  ),
  ...(['timeout', 'dns', 'tls', 'connection', 'forbidden_address', 'too_large', 'protocol'] as const).map(
    (reason): Outcome => ({ kind: 'unreachable', reason, detail: 'why' }),
  ),
];
const gone: Outcome = { kind: 'rejected', status: 410 };

const nameOf = (outcome: Outcome) =>
  outcome.kind === 'unreachable' ? outcome.reason : `${outcome.kind} ${outcome.status}`;

interface Case {
  outcome: Outcome;
  delivery: DeliveryFacts;
  expected: Settlement;
}

const attemptsSoFar = [0, 1, 2, 3, 7];
const scheduled = (attempts: number, hasResumeAt = false): DeliveryFacts => ({
  attempts,
  trigger: 'scheduled',
  hasResumeAt,
});
const manual = (attempts: number, hasResumeAt: boolean): DeliveryFacts => ({
  attempts,
  trigger: 'manual',
  hasResumeAt,
});
const stays = (transition: Settlement['transition']): Settlement => ({ transition, endpointGone: false });

function expectedFailure(attempts: number): Settlement {
  const delayMs = { 1: 5_000, 2: 300_000 }[attempts + 1];
  return delayMs === undefined
    ? stays({ state: 'exhausted', attempts: attempts + 1 })
    : stays({ state: 'retrying', attempts: attempts + 1, delayMs });
}

const table: Case[] = attemptsSoFar.flatMap((attempts) => [
  ...[false, true].flatMap((resume): Case[] => [
    {
      outcome: accepted,
      delivery: scheduled(attempts, resume),
      expected: stays({ state: 'succeeded', attempts: attempts + 1 }),
    },
    {
      outcome: accepted,
      delivery: manual(attempts, resume),
      expected: stays({ state: 'succeeded', attempts }),
    },
    {
      outcome: gone,
      delivery: scheduled(attempts, resume),
      expected: { transition: { state: 'exhausted', attempts: attempts + 1 }, endpointGone: true },
    },
    {
      outcome: gone,
      delivery: manual(attempts, resume),
      expected: { transition: { state: 'exhausted', attempts }, endpointGone: true },
    },
  ]),
  ...failures.flatMap((outcome): Case[] => [
    { outcome, delivery: scheduled(attempts), expected: expectedFailure(attempts) },
    // A leftover resume time does not turn a scheduled attempt into a manual one.
    { outcome, delivery: scheduled(attempts, true), expected: expectedFailure(attempts) },
    {
      outcome,
      delivery: manual(attempts, true),
      expected: stays({ state: 'retrying', attempts, resume: true }),
    },
    { outcome, delivery: manual(attempts, false), expected: stays({ state: 'exhausted', attempts }) },
  ]),
]);

const rowsByName = new Map<string, Case[]>();
for (const row of table) {
  const chain = row.delivery.hasResumeAt ? 'with a time to resume' : 'without a time to resume';
  const name = `${nameOf(row.outcome)}, ${row.delivery.trigger}, ${chain}`;
  rowsByName.set(name, [...(rowsByName.get(name) ?? []), row]);
}

describe('settle', () => {
  it.each([...rowsByName])('%s', (_name, rows) => {
    expect(rows).toHaveLength(attemptsSoFar.length);
    for (const { delivery, outcome, expected } of rows) {
      expect(settle(delivery, { outcome }, policy, noJitter)).toEqual(expected);
    }
  });

  it('honours Retry-After of a scheduled failure, also without a status', () => {
    const outcomes: Outcome[] = [
      { kind: 'rejected', status: 503 },
      { kind: 'rejected', status: 404 },
    ];
    for (const outcome of outcomes) {
      const { transition } = settle(scheduled(0), { outcome, retryAfterSeconds: 60 }, policy, noJitter);
      expect(transition).toEqual({ state: 'retrying', attempts: 1, delayMs: 60_000 });
    }
  });

  it('gives Retry-After no say at the end of the schedule, after a resend and after 410', () => {
    const busy: Outcome = { kind: 'rejected', status: 503 };
    const ends = [
      settle(scheduled(2), { outcome: busy, retryAfterSeconds: 60 }, policy, noJitter),
      settle(manual(1, false), { outcome: busy, retryAfterSeconds: 60 }, policy, noJitter),
      settle(scheduled(0), { outcome: gone, retryAfterSeconds: 60 }, policy, noJitter),
    ];
    expect(ends.map(({ transition }) => transition.state)).toEqual(['exhausted', 'exhausted', 'exhausted']);
  });
});

const anyOutcome: fc.Arbitrary<Outcome> = fc.oneof(
  fc.integer({ min: 200, max: 299 }).map((status): Outcome => ({ kind: 'accepted', status })),
  fc
    .integer({ min: 100, max: 599 })
    .filter((status) => status < 200 || status > 299)
    .map((status): Outcome => ({ kind: 'rejected', status })),
  fc
    .constantFrom('timeout' as const, 'dns' as const, 'tls' as const, 'connection' as const)
    .map((reason): Outcome => ({ kind: 'unreachable', reason, detail: '' })),
);
const anyDelivery: fc.Arbitrary<DeliveryFacts> = fc.record({
  attempts: fc.nat({ max: 60 }),
  trigger: fc.constantFrom('scheduled' as const, 'manual' as const),
  hasResumeAt: fc.boolean(),
});
const anyPolicy: fc.Arbitrary<RetryPolicy> = fc.record({
  delaysSeconds: fc.array(fc.nat({ max: 604_800 }), { minLength: 1, maxLength: 50 }),
  jitterRatio: fc.double({ min: 0, max: 1, noNaN: true }),
  retryAfterSecondsMax: fc.nat({ max: 604_800 }),
});
const anyRetryAfter = fc.option(fc.nat({ max: Number.MAX_SAFE_INTEGER }), { nil: undefined });
const anyRandom = fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true });

describe('settle, for every delivery, outcome and schedule', () => {
  it('counts scheduled attempts one by one, and manual ones never', () => {
    fc.assert(
      fc.property(anyDelivery, anyOutcome, anyPolicy, (delivery, outcome, anyWay) => {
        const { transition } = settle(delivery, { outcome }, anyWay, noJitter);
        expect(transition.attempts - delivery.attempts).toBe(delivery.trigger === 'manual' ? 0 : 1);
      }),
    );
  });

  it('ends after a success, a 410 and a last failure, and goes on after every other failure', () => {
    fc.assert(
      fc.property(anyDelivery, anyOutcome, anyPolicy, (delivery, outcome, anyWay) => {
        const { transition } = settle(delivery, { outcome }, anyWay, noJitter);
        const chainOpen =
          delivery.trigger === 'manual'
            ? delivery.hasResumeAt
            : delivery.attempts + 1 < anyWay.delaysSeconds.length;
        const isGone = outcome.kind === 'rejected' && outcome.status === 410;
        const failed = chainOpen && !isGone ? 'retrying' : 'exhausted';
        expect(transition.state).toBe(outcome.kind === 'accepted' ? 'succeeded' : failed);
      }),
    );
  });

  it('waits at least as long as the schedule and the capped Retry-After say, and at most the jitter longer', () => {
    fc.assert(
      fc.property(
        anyDelivery,
        anyPolicy,
        anyRetryAfter,
        anyRandom,
        (delivery, anyWay, retryAfterSeconds, random) => {
          const outcome: Outcome = { kind: 'rejected', status: 503 };
          const { transition } = settle(delivery, { outcome, retryAfterSeconds }, anyWay, () => random);
          fc.pre('delayMs' in transition);
          const scheduledMs = anyWay.delaysSeconds[transition.attempts]! * 1_000;
          const askedMs = Math.min(retryAfterSeconds ?? 0, anyWay.retryAfterSecondsMax) * 1_000;
          const leastMs = Math.max(scheduledMs, askedMs);
          expect(transition.delayMs).toBeGreaterThanOrEqual(leastMs);
          expect(transition.delayMs).toBeLessThanOrEqual(Math.ceil(leastMs * (1 + anyWay.jitterRatio)));
          expect(Number.isSafeInteger(transition.delayMs)).toBe(true);
        },
      ),
    );
  });

  it('makes exactly as many scheduled attempts as the schedule has entries', () => {
    fc.assert(
      fc.property(anyPolicy, anyRandom, (anyWay, random) => {
        let delivery: DeliveryFacts = scheduled(0);
        for (let made = 1; ; made += 1) {
          const outcome: Outcome = { kind: 'unreachable', reason: 'timeout', detail: '' };
          const { transition } = settle(delivery, { outcome }, anyWay, () => random);
          if (transition.state === 'exhausted') {
            expect(made).toBe(anyWay.delaysSeconds.length);
            return;
          }
          expect(made).toBeLessThan(anyWay.delaysSeconds.length);
          delivery = scheduled(transition.attempts);
        }
      }),
    );
  });

  it('never leaves the schedule for a resend: the chain goes on behind it, with the attempts it had left', () => {
    const step = fc.record({ resend: fc.boolean(), outcome: anyOutcome });
    fc.assert(
      fc.property(anyPolicy, fc.array(step, { maxLength: 80 }), anyRandom, (anyWay, steps, random) => {
        let delivery = scheduled(0);
        let automatic = 0;
        for (const { resend, outcome } of steps) {
          const made = resend ? manual(delivery.attempts, true) : delivery;
          const { transition, endpointGone } = settle(made, { outcome }, anyWay, () => random);
          if (!resend) automatic += 1;
          expect(transition.attempts).toBe(automatic);
          expect(endpointGone).toBe(outcome.kind === 'rejected' && outcome.status === 410);
          if (transition.state !== 'retrying') return;
          expect(automatic).toBeLessThan(anyWay.delaysSeconds.length);
          expect('resume' in transition).toBe(resend);
          delivery = scheduled(transition.attempts);
        }
      }),
    );
  });
});
