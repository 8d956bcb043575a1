// What became of every message, by its id, from the generator's journal and the sink's.
import { Histogram, type Quantiles } from './histogram.ts';
import { type FromGenerator, type FromSink, isAccepted } from './protocol.ts';

export type Published = Extract<FromGenerator, { kind: 'done' }>;
export type Arrived = Extract<FromSink, { kind: 'taken' }>;

/** Deliveries are counted, not messages: a message to ten endpoints arrives ten times. */
export interface Reconciled {
  sent: number;
  accepted: number;
  refused: number;
  /** Neither accepted nor refused: the connection ended before the answer. */
  unanswered: number;
  expected: number;
  delivered: number;
  /** Of accepted messages, at endpoints that answer: not there when the wait ended. They may still wait their turn. */
  missing: number;
  duplicated: number;
  /** Arrivals that nobody sent in this run. */
  strays: number;
}

export interface Window {
  fromMs: number;
  toMs: number;
}

export interface Judged {
  totals: Reconciled;
  /** Within the window. */
  acceptedInWindow: number;
  arrivedInWindow: number;
  lastArrivalAtMs: number;
  firstSentAtMs: number;
  publish: Quantiles;
  arrival: Quantiles;
}

export interface Expectation {
  /** By turn (sequence modulo its length): the numbers of the endpoints that must get the message. */
  endpointsByTurn: readonly (readonly number[])[];
  /** Latency is taken from these messages only; all when unset. */
  isMeasured?: (turn: number) => boolean;
}

export function reconcile(
  published: Published,
  arrived: Arrived,
  { endpointsByTurn, isMeasured = () => true }: Expectation,
  window: Window,
): Judged {
  const sent = published.intendedAtMs.length;
  const turns = endpointsByTurn.length;
  const widest = Math.max(1, ...endpointsByTurn.map((endpoints) => endpoints.length));
  const places = endpointsByTurn.map(
    (endpoints) => new Map(endpoints.map((number, place) => [number, place])),
  );
  const seen = new Uint8Array(sent * widest);
  const arrival = new Histogram();
  const inWindow = (atMs: number) => atMs >= window.fromMs && atMs < window.toMs;
  let { strays } = arrived;
  let duplicated = 0;
  let arrivedInWindow = 0;
  let lastArrivalAtMs = 0;
  for (let index = 0; index < arrived.sequence.length; index += 1) {
    const sequence = arrived.sequence[index] ?? 0;
    const atMs = arrived.atMs[index] ?? 0;
    const turn = sequence % turns;
    const place = places[turn]?.get(arrived.endpoint[index] ?? -1);
    if (place === undefined || sequence >= sent) {
      strays += 1;
      continue;
    }
    const slot = sequence * widest + place;
    if (seen[slot] === 1) {
      duplicated += 1;
      continue;
    }
    seen[slot] = 1;
    lastArrivalAtMs = Math.max(lastArrivalAtMs, atMs);
    if (inWindow(atMs)) arrivedInWindow += 1;
    const intendedAtMs = published.intendedAtMs[sequence] ?? 0;
    if (inWindow(intendedAtMs) && isMeasured(turn)) arrival.record(atMs - intendedAtMs);
  }
  const answers = countAnswers(published, { window, endpointsByTurn, seen, widest });
  return {
    totals: { ...answers.totals, duplicated, strays },
    acceptedInWindow: answers.acceptedInWindow,
    arrivedInWindow,
    lastArrivalAtMs,
    firstSentAtMs: published.intendedAtMs[0] ?? 0,
    publish: answers.publish,
    arrival: arrival.summary(),
  };
}

interface Seen {
  window: Window;
  endpointsByTurn: readonly (readonly number[])[];
  seen: Uint8Array;
  widest: number;
}

function countAnswers(published: Published, { window, endpointsByTurn, seen, widest }: Seen) {
  const publish = new Histogram();
  const totals = { sent: 0, accepted: 0, refused: 0, unanswered: 0, expected: 0, delivered: 0, missing: 0 };
  let acceptedInWindow = 0;
  totals.sent = published.intendedAtMs.length;
  for (let sequence = 0; sequence < totals.sent; sequence += 1) {
    const wanted = endpointsByTurn[sequence % endpointsByTurn.length]?.length ?? 0;
    let got = 0;
    for (let place = 0; place < wanted; place += 1) got += seen[sequence * widest + place] ?? 0;
    totals.delivered += got;
    const status = published.status[sequence] ?? 0;
    if (status === 0) totals.unanswered += 1;
    else if (!isAccepted(status)) totals.refused += 1;
    if (!isAccepted(status)) continue;
    totals.accepted += 1;
    totals.expected += wanted;
    totals.missing += wanted - got;
    const answeredAtMs = published.answeredAtMs[sequence] ?? 0;
    const intendedAtMs = published.intendedAtMs[sequence] ?? 0;
    if (answeredAtMs >= window.fromMs && answeredAtMs < window.toMs) acceptedInWindow += 1;
    if (intendedAtMs >= window.fromMs && intendedAtMs < window.toMs)
      publish.record(answeredAtMs - intendedAtMs);
  }
  return { totals, acceptedInWindow, publish: publish.summary() };
}
