// How much an endpoint may be sent right now: an in-flight cap that follows its health, and a breaker.
//
//   open --pressure (429, 503, timeout)--> open, with half the cap; every success brings a little back
//   open --failures in a row-------------> closed for a cool-down that doubles each time
//   closed --the time has come-----------> probing: one at a time
//   probing --success--> open            probing --failure--> closed, for longer
//   any --429 or 503 with Retry-After----> closed until then
import type { Outcome } from './outcome.ts';

export interface GateLimits {
  inFlightMax: number;
  failuresInARowMax: number;
  coolDownFirstMs: number;
  coolDownMaxMs: number;
  /** Retry-After holds the endpoint for this long at most. */
  holdMaxMs: number;
}

export const defaultGateLimits: Omit<GateLimits, 'inFlightMax'> = {
  failuresInARowMax: 10,
  coolDownFirstMs: 5_000,
  coolDownMaxMs: 120_000,
  holdMaxMs: 300_000,
};

export interface Gate {
  /** Not whole: it grows by a fraction with every success. */
  inFlightCap: number;
  failuresInARow: number;
  /** The last cool-down; 0 when there was none since it was healthy. */
  coolDownMs: number;
  /** Nothing starts before; on the caller's clock. */
  closedUntilMs: number;
}

export function newGate(limits: GateLimits): Gate {
  return { inFlightCap: limits.inFlightMax, failuresInARow: 0, coolDownMs: 0, closedUntilMs: 0 };
}

/** Healthy and with nothing to remember: the same as a new one. */
export function isPristine(gate: Gate, limits: GateLimits): boolean {
  return gate.failuresInARow === 0 && gate.closedUntilMs === 0 && gate.inFlightCap >= limits.inFlightMax;
}

const isProbing = (gate: Gate) => gate.coolDownMs > 0;

/** How many attempts may be under way at `nowMs`. */
export function slotsOf(gate: Gate, nowMs: number): number {
  if (nowMs < gate.closedUntilMs) return 0;
  return isProbing(gate) ? 1 : Math.max(1, Math.floor(gate.inFlightCap));
}

/** The reasons that more at the same time would make worse. */
function isPressure(outcome: Outcome): boolean {
  if (outcome.kind === 'unreachable') return outcome.reason === 'timeout';
  return outcome.status === 429 || outcome.status === 503;
}

export interface GateSignal {
  outcome: Outcome;
  retryAfterSeconds?: number | undefined;
}

/** The gate after an attempt that ended at `nowMs`. `random` gives [0, 1); it spreads the cool-downs. */
export function afterAttempt(
  gate: Gate,
  signal: GateSignal,
  limits: GateLimits,
  { nowMs, random }: { nowMs: number; random: () => number },
): Gate {
  if (signal.outcome.kind === 'accepted') return afterSuccess(gate, limits, nowMs);
  const failuresInARow = gate.failuresInARow + 1;
  const inFlightCap = isPressure(signal.outcome) ? Math.max(1, gate.inFlightCap / 2) : gate.inFlightCap;
  const failed: Gate = { ...gate, failuresInARow, inFlightCap };
  // What was under way when it closed says nothing new.
  const trips = failuresInARow >= limits.failuresInARowMax && nowMs >= gate.closedUntilMs;
  const tripped = trips ? close(failed, limits, { nowMs, random }) : failed;
  return hold(tripped, signal, limits, nowMs);
}

function afterSuccess(gate: Gate, limits: GateLimits, nowMs: number): Gate {
  const inFlightCap = isProbing(gate) ? 1 : gate.inFlightCap;
  return {
    inFlightCap: Math.min(limits.inFlightMax, inFlightCap + 1 / Math.max(1, inFlightCap)),
    failuresInARow: 0,
    coolDownMs: 0,
    closedUntilMs: nowMs >= gate.closedUntilMs ? 0 : gate.closedUntilMs,
  };
}

function close(
  gate: Gate,
  limits: GateLimits,
  { nowMs, random }: { nowMs: number; random: () => number },
): Gate {
  const coolDownMs = Math.min(
    limits.coolDownMaxMs,
    gate.coolDownMs === 0 ? limits.coolDownFirstMs : gate.coolDownMs * 2,
  );
  return { ...gate, coolDownMs, closedUntilMs: nowMs + coolDownMs * (1 + 0.2 * random()) };
}

function hold(gate: Gate, signal: GateSignal, limits: GateLimits, nowMs: number): Gate {
  if (signal.retryAfterSeconds === undefined || !isPressure(signal.outcome)) return gate;
  const holdMs = Math.min(signal.retryAfterSeconds * 1000, limits.holdMaxMs);
  return { ...gate, closedUntilMs: Math.max(gate.closedUntilMs, nowMs + holdMs) };
}
