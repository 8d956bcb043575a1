// The gate of an endpoint: cap, breaker, probe and hold, as tables and as properties.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  afterAttempt,
  defaultGateLimits,
  type Gate,
  isPristine,
  newGate,
  slotsOf,
} from '../src/core/endpoint-gate.ts';
import type { GateSignal } from '../src/core/endpoint-gate.ts';
import { classifyStatus } from '../src/core/outcome.ts';

fc.configureGlobal({ numRuns: 1_000 });

const limits = { ...defaultGateLimits, inFlightMax: 10 };
const ok: GateSignal = { outcome: classifyStatus(200) };
const failed: GateSignal = { outcome: classifyStatus(500) };
const busy: GateSignal = { outcome: classifyStatus(429) };
const timeout: GateSignal = { outcome: { kind: 'unreachable', reason: 'timeout', detail: '' } };

function run(signals: readonly GateSignal[], { gate = newGate(limits), nowMs = 0, random = 0 } = {}): Gate {
  return signals.reduce(
    (before, signal) => afterAttempt(before, signal, limits, { nowMs, random: () => random }),
    gate,
  );
}

const times = (count: number, signal: GateSignal) => Array.from({ length: count }, () => signal);

describe('the in-flight cap', () => {
  it('halves with every sign of pressure, down to one', () => {
    expect(slotsOf(run([busy]), 0)).toBe(5);
    expect(slotsOf(run([timeout, timeout]), 0)).toBe(2);
    expect(slotsOf(run(times(9, busy)), 0)).toBe(1);
  });

  it('is not touched by a failure that is no sign of pressure', () => {
    expect(slotsOf(run(times(9, failed)), 0)).toBe(10);
  });

  it('comes back success by success, and then there is nothing to remember', () => {
    const slowed = run(times(3, busy));
    expect(slotsOf(run(times(3, ok), { gate: slowed }), 0)).toBeGreaterThan(slotsOf(slowed, 0));
    expect(isPristine(run(times(100, ok), { gate: slowed }), limits)).toBe(true);
  });
});

describe('the breaker', () => {
  const tripped = run(times(10, failed));

  it('closes after ten failures in a row, not after nine, and not when a success came between', () => {
    expect(slotsOf(run(times(9, failed)), 0)).toBe(10);
    expect(slotsOf(tripped, 0)).toBe(0);
    expect(slotsOf(run([...times(9, failed), ok, ...times(9, failed)]), 0)).toBe(10);
  });

  it('lets one through when the cool-down is over', () => {
    expect(slotsOf(tripped, limits.coolDownFirstMs - 1)).toBe(0);
    expect(slotsOf(tripped, limits.coolDownFirstMs)).toBe(1);
  });

  it('ignores what was still under way when it closed', () => {
    expect(run(times(9, failed), { gate: tripped, nowMs: 1 }).closedUntilMs).toBe(tripped.closedUntilMs);
  });

  it('doubles the cool-down with every failed probe, up to the limit', () => {
    let gate = tripped;
    const coolDowns: number[] = [];
    for (let probe = 0; probe < 8; probe += 1) {
      gate = run([failed], { gate, nowMs: gate.closedUntilMs });
      coolDowns.push(gate.coolDownMs);
    }
    expect(coolDowns).toEqual([10, 20, 40, 80, 120, 120, 120, 120].map((seconds) => seconds * 1000));
  });

  it('opens with a successful probe, carefully', () => {
    const probed = run([ok], { gate: tripped, nowMs: tripped.closedUntilMs });
    expect(slotsOf(probed, tripped.closedUntilMs)).toBe(2);
    expect(probed.failuresInARow).toBe(0);
  });

  it('spreads the cool-downs by up to a fifth', () => {
    expect(run(times(10, failed), { random: 0.999 }).closedUntilMs).toBeCloseTo(
      limits.coolDownFirstMs * 1.2,
      -1,
    );
  });
});

describe('Retry-After', () => {
  it('holds the endpoint after 429 and 503, for no longer than the limit', () => {
    expect(run([{ ...busy, retryAfterSeconds: 7 }]).closedUntilMs).toBe(7_000);
    expect(run([{ outcome: classifyStatus(503), retryAfterSeconds: 1e9 }]).closedUntilMs).toBe(
      limits.holdMaxMs,
    );
  });

  it('does not hold it after another status', () => {
    expect(run([{ ...failed, retryAfterSeconds: 7 }]).closedUntilMs).toBe(0);
  });
});

const anySignal = fc.record({
  outcome: fc.oneof(
    fc.integer({ min: 200, max: 599 }).map(classifyStatus),
    fc.constant(timeout.outcome),
    fc.constant({ kind: 'unreachable' as const, reason: 'dns' as const, detail: '' }),
  ),
  retryAfterSeconds: fc.option(fc.nat(1e6), { nil: undefined }),
});
const anyHistory = fc.array(fc.tuple(anySignal, fc.nat(200_000)), { maxLength: 200 });

function replay(
  history: readonly (readonly [GateSignal, number])[],
  check: (gate: Gate, nowMs: number) => void,
): void {
  let gate = newGate(limits);
  let nowMs = 0;
  for (const [signal, laterMs] of history) {
    nowMs += laterMs;
    gate = afterAttempt(gate, signal, limits, { nowMs, random: () => 0.5 });
    check(gate, nowMs);
  }
}

it('never allows more than the limit, and is never closed for longer than the longest hold', () => {
  fc.assert(
    fc.property(anyHistory, (history) => {
      replay(history, (gate, nowMs) => {
        expect(slotsOf(gate, nowMs)).toBeLessThanOrEqual(limits.inFlightMax);
        expect(gate.closedUntilMs - nowMs).toBeLessThanOrEqual(
          Math.max(limits.holdMaxMs, limits.coolDownMaxMs * 1.2),
        );
        expect(slotsOf(gate, gate.closedUntilMs)).toBeGreaterThanOrEqual(1);
      });
    }),
  );
});

it('comes back to full speed after enough successes, whatever was before', () => {
  fc.assert(
    fc.property(anyHistory, (history) => {
      let gate = newGate(limits);
      replay(history, (after) => {
        gate = after;
      });
      const healed = run(times(200, ok), { gate, nowMs: gate.closedUntilMs });
      expect(isPristine(healed, limits)).toBe(true);
    }),
  );
});

it('keeps every pause that it has announced, and then lets one at a time through until one is accepted', () => {
  fc.assert(
    fc.property(anyHistory, (history) => {
      let closedUntilMs = 0;
      replay(history, (gate, nowMs) => {
        if (nowMs < closedUntilMs) expect(slotsOf(gate, nowMs)).toBe(0);
        expect(
          gate.closedUntilMs === 0 || gate.closedUntilMs >= closedUntilMs || nowMs >= closedUntilMs,
        ).toBe(true);
        closedUntilMs = Math.max(closedUntilMs, gate.closedUntilMs);
        if (gate.coolDownMs > 0) expect(slotsOf(gate, gate.closedUntilMs)).toBe(1);
      });
    }),
  );
});
