// What one process has in memory for one endpoint.
import type { GateSignal } from '../core/endpoint-gate.ts';
import { Fifo } from '../lib/fifo.ts';
import type { ClaimedDelivery } from '../store/claimed-contents.ts';

// A lane whose slots are all taken, and of which none was accepted for so long, takes no more into memory than when that
// is short: what waits behind a receiver that hangs would only be given back, row by row, once its time is over.
const stuckAfterMs = 1_000;

export interface Lane {
  endpointId: string;
  applicationId: string;
  /** Reserved, waiting, in flight and unsettled. */
  heldCount: number;
  inFlightCount: number;
  waiting: Fifo<ClaimedDelivery>;
  /** Stands in the line of lanes that may start something, or waits for its timer. */
  ready: boolean;
  /** Was full when somebody asked: tells when it is not any more. */
  wasFull: boolean;
  /** When a place became free since it was full; monotonic, or Infinity. */
  freedAtMs: number;
  /** Those of heldCount that came out of the endpoint's order. While there are any, they go one at a time. */
  orderedCount: number;
  /** Its last attempt was accepted. */
  answers: boolean;
  /** Its last attempt had an answer, whatever it was. */
  responds: boolean;
  /** When an attempt was last accepted, or the lane began; monotonic. */
  answeredAtMs: number;
}

export function newLane(
  endpointId: string,
  applicationId: string,
  { answers, nowMs }: { answers: boolean; nowMs: number },
): Lane {
  return {
    endpointId,
    applicationId,
    heldCount: 0,
    inFlightCount: 0,
    waiting: new Fifo(),
    ready: false,
    wasFull: false,
    freedAtMs: Infinity,
    orderedCount: 0,
    answers,
    responds: answers,
    answeredAtMs: nowMs,
  };
}

/** Whether it waits for a receiver that hangs. */
export function isStuck({ inFlightCount, answeredAtMs }: Lane, inFlightMax: number, nowMs: number): boolean {
  return inFlightCount >= inFlightMax && nowMs - answeredAtMs > stuckAfterMs;
}

/** What its last attempt came to; whether it responds, and did not before. */
export function noteAnswer(lane: Lane, { outcome }: GateSignal, nowMs: number): boolean {
  const { responds } = lane;
  lane.answers = outcome.kind === 'accepted';
  lane.responds = outcome.kind !== 'unreachable';
  if (lane.answers) lane.answeredAtMs = nowMs;
  return lane.responds && !responds;
}

export function takeWaiting(lane: Lane): ClaimedDelivery[] {
  lane.ready = false;
  return lane.waiting.takeAll();
}
