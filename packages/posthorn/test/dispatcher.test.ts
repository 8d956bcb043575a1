// Deliveries in memory: caps, order, fairness between endpoints, and an account of memory that always adds up.
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { classifyStatus } from '../src/core/outcome.ts';
import type { DispatchLimits } from '../src/delivery/dispatch-limits.ts';
import { Dispatcher } from '../src/delivery/dispatcher.ts';
import type { Work } from '../src/delivery/dispatch-hooks.ts';
import { waitFor } from './support/wait.ts';
import { makeWork } from './support/work.ts';

const roomy: DispatchLimits = {
  heldMax: 1_000,
  heldBytesMax: 1_000_000,
  heldPerEndpointMax: 500,
  heldPerEndpointWhenShortMax: 20,
  inFlightMax: 100,
  inFlightPerEndpointMax: 10,
  inFlightPerEndpointWhenShortMax: 10,
};

const turn = () => new Promise<void>((resolve) => setImmediate(resolve));

interface Flight {
  work: Work;
  end(): void;
  fail(): void;
}

function makeDispatcher(limits: Partial<DispatchLimits> = {}) {
  const started: Work[] = [];
  const givenBack: Work[] = [];
  const flights: Flight[] = [];
  const gate = { open: true };
  const time = { nowMs: 1_000_000 };
  const clock = { now: () => time.nowMs, monotonicMs: () => time.nowMs };
  const dispatcher = new Dispatcher(
    { ...roomy, ...limits },
    {
      mayStart: () => gate.open,
      onClosed: (waiting) => givenBack.push(...waiting),
      start(work) {
        started.push(work);
        return new Promise((resolve, reject) => {
          const leave = () => flights.splice(flights.indexOf(flight), 1);
          const flight = {
            work,
            end: () => {
              leave();
              resolve();
            },
            fail: () => {
              leave();
              reject(new Error('a bug'));
            },
          };
          flights.push(flight);
        });
      },
    },
    { clock, random: () => 0 },
  );
  const takeAll = (...works: Work[]) => {
    for (const work of works) take(dispatcher, work);
  };
  const endpointsStarted = () => started.map(({ endpointId }) => endpointId);
  return { dispatcher, started, givenBack, flights, gate, time, takeAll, endpointsStarted };
}

/** As the claimer does it. */
function take(dispatcher: Dispatcher, work: Work): void {
  dispatcher.expect(work);
  dispatcher.dispatch(work);
}

const many = (endpointId: string, count: number) => Array.from({ length: count }, () => makeWork(endpointId));

describe('caps and order', () => {
  it('gives an endpoint one slot when half of all are taken, so that those that hang leave some to the others', () => {
    const { takeAll, flights } = makeDispatcher({ inFlightMax: 40, inFlightPerEndpointWhenShortMax: 1 });
    for (let n = 0; n < 15; n += 1) takeAll(...Array.from({ length: 12 }, () => makeWork(`hangs_${n}`)));
    // Two with all they may have, one of the thirteen others each: 33 of 40.
    expect(flights.length).toBeLessThanOrEqual(33 + 1);
    takeAll(makeWork('healthy'));
    expect(flights.at(-1)!.work.endpointId).toBe('healthy');
  });

  it('leaves what is left to endpoints that respond when all others hang', async () => {
    const { dispatcher, takeAll, flights } = makeDispatcher({
      inFlightMax: 40,
      inFlightPerEndpointWhenShortMax: 1,
    });
    // Its answer is remembered while nothing of it is in memory.
    const first = makeWork('healthy');
    takeAll(first);
    flights[0]!.end();
    dispatcher.report('healthy', { outcome: classifyStatus(204) });
    dispatcher.finish(first);
    await turn();
    for (let n = 0; n < 100; n += 1) takeAll(makeWork(`hangs_${n}`, 10, { applicationId: `app_of_${n}` }));
    expect(flights).toHaveLength(35);
    takeAll(...many('healthy', 3));
    expect(flights.map(({ work }) => work.endpointId).slice(35)).toEqual(['healthy', 'healthy', 'healthy']);
  });

  it('lets an endpoint that begins to respond go before the others that wait', async () => {
    const { dispatcher, takeAll, flights, endpointsStarted } = makeDispatcher({ inFlightMax: 40 });
    takeAll(...many('responds', 12));
    for (let n = 0; n < 100; n += 1) takeAll(makeWork(`hangs_${n}`, 10, { applicationId: `app_of_${n}` }));
    expect(flights).toHaveLength(35);
    flights[0]!.end();
    await turn();
    const before = endpointsStarted().filter((id) => id === 'responds').length;
    dispatcher.report('responds', { outcome: classifyStatus(500) });
    dispatcher.pump();
    expect(endpointsStarted().filter((id) => id === 'responds').length).toBe(before + 1);
  });

  it('leaves an endpoint that answers its slots when half of all are taken', async () => {
    const { dispatcher, takeAll, flights } = makeDispatcher({
      inFlightMax: 40,
      inFlightPerEndpointWhenShortMax: 1,
    });
    const inFlightOf = (endpointId: string) =>
      flights.filter(({ work }) => work.endpointId === endpointId).length;
    for (let n = 0; n < 3; n += 1) takeAll(...many(`hangs_${n}`, 12));
    takeAll(...many('healthy', 12));
    expect(inFlightOf('healthy')).toBe(1);
    const first = flights.find(({ work }) => work.endpointId === 'healthy')!;
    dispatcher.report('healthy', { outcome: classifyStatus(204) });
    first.end();
    await turn();
    // Up to three quarters of what those that hang leave: they have 21 of 40.
    expect(inFlightOf('healthy')).toBe(10);
    dispatcher.report('healthy', { outcome: { kind: 'unreachable', reason: 'timeout', detail: '' } });
    flights.find(({ work }) => work.endpointId === 'healthy')!.end();
    await turn();
    expect(inFlightOf('healthy')).toBe(9);
  });

  it('starts as many of one endpoint as may be in flight, in the order they came', async () => {
    const { takeAll, started, flights } = makeDispatcher({ inFlightPerEndpointMax: 2 });
    const works = many('ep_1', 5);
    takeAll(...works);
    expect(started).toEqual(works.slice(0, 2));
    flights[0]!.end();
    await turn();
    expect(started).toEqual(works.slice(0, 3));
    flights[0]!.end();
    flights[0]!.end();
    await turn();
    expect(started).toEqual(works);
  });

  it('keeps the total in flight below its cap, over all endpoints', async () => {
    const { takeAll, started, flights, dispatcher } = makeDispatcher({ inFlightMax: 3 });
    takeAll(...many('ep_1', 2), ...many('ep_2', 2), ...many('ep_3', 2));
    expect(dispatcher.counts().inFlight).toBe(3);
    while (flights.length > 0) {
      expect(flights.length).toBeLessThanOrEqual(3);
      flights[0]!.end();
      await turn();
    }
    expect(started).toHaveLength(6);
  });

  it('an endpoint that hangs costs its own slots only', async () => {
    const { takeAll, flights, endpointsStarted } = makeDispatcher({
      inFlightPerEndpointMax: 2,
      inFlightMax: 4,
    });
    takeAll(...many('ep_hangs', 50));
    for (let round = 0; round < 20; round += 1) {
      takeAll(makeWork('ep_well'));
      expect(endpointsStarted().at(-1)).toBe('ep_well');
      flights.at(-1)!.end();
      await turn();
    }
    expect(endpointsStarted().filter((id) => id === 'ep_hangs')).toHaveLength(2);
  });

  it('endpoints take turns: a long backlog does not go before a short one', async () => {
    const { takeAll, flights, gate, dispatcher, endpointsStarted } = makeDispatcher({ inFlightMax: 1 });
    gate.open = false;
    takeAll(...many('ep_long', 6), ...many('ep_short', 2), ...many('ep_other', 3));
    gate.open = true;
    dispatcher.pump();
    while (flights.length > 0) {
      flights[0]!.end();
      await turn();
    }
    expect(
      endpointsStarted()
        .map((id) => id.slice(3))
        .join(' '),
    ).toBe('long short other long short other long other long long long');
  });

  it('a start that rejects frees its slot like any other', async () => {
    const { takeAll, started, flights, dispatcher } = makeDispatcher({ inFlightPerEndpointMax: 1 });
    takeAll(...many('ep_1', 2));
    flights[0]!.fail();
    await turn();
    expect(started).toHaveLength(2);
    flights[0]!.fail();
    await dispatcher.idle();
  });

  it('does not keep what was sent and settled while more of the endpoint is always waiting', async () => {
    setFlagsFromString('--expose-gc');
    const collect = runInNewContext('gc') as () => void;
    const { dispatcher, flights, started } = makeDispatcher({ inFlightPerEndpointMax: 1 });
    const sent: WeakRef<Work>[] = [];
    for (const work of many('ep_1', 3)) take(dispatcher, work);
    for (let count = 0; count < 500; count += 1) {
      take(dispatcher, makeWork('ep_1'));
      const { work } = flights[0]!;
      sent.push(new WeakRef(work));
      flights[0]!.end();
      await turn();
      dispatcher.finish(work);
      started.length = 0;
    }
    expect(dispatcher.counts().held).toBe(3);
    await turn();
    collect();
    const keptCount = sent.slice(0, 400).filter((ref) => ref.deref() !== undefined).length;
    // A register or a stack slot may still point to one of them.
    expect(keptCount).toBeLessThan(5);
  });
});

describe('an endpoint with an order', () => {
  const inOrder = (count: number) =>
    Array.from({ length: count }, () => makeWork('ep_1', 10, { ordering: 'block' }));

  it('starts one at a time, in the order they came', async () => {
    const { takeAll, started, flights } = makeDispatcher();
    const works = inOrder(3);
    takeAll(...works);
    for (let n = 1; n <= 3; n += 1) {
      expect(started).toEqual(works.slice(0, n));
      flights[0]!.end();
      await turn();
    }
    expect(flights).toHaveLength(0);
  });

  it('takes no more until all of them have ended, and then tells', () => {
    const { dispatcher, takeAll } = makeDispatcher();
    const works = inOrder(2);
    takeAll(...works);
    for (const work of works) {
      expect(dispatcher.reserve('ep_1', 'app_1', 10)).toBe(false);
      expect(dispatcher.fullEndpoints()).toEqual(['ep_1']);
      expect(dispatcher.takeEnded()).toEqual([]);
      dispatcher.finish(work);
    }
    expect(dispatcher.fullEndpoints()).toEqual([]);
    expect(dispatcher.takeEnded()).toEqual(['ep_1']);
    expect(dispatcher.takeEnded()).toEqual([]);
    expect(dispatcher.reserve('ep_1', 'app_1', 10)).toBe(true);
  });

  it('gives back those that wait behind the one under way', async () => {
    const { dispatcher, takeAll, started, flights } = makeDispatcher();
    const works = inOrder(3);
    takeAll(...works, makeWork('ep_2'));
    expect(dispatcher.removeWaitingOf('ep_1')).toEqual(works.slice(1));
    expect(dispatcher.removeWaitingOf('ep_3')).toEqual([]);
    flights[0]!.end();
    await turn();
    expect(started.filter(({ endpointId }) => endpointId === 'ep_1')).toEqual(works.slice(0, 1));
  });
});

describe('an endpoint that closes while it stands in line', () => {
  const busy = { outcome: { kind: 'rejected', status: 503 } } as const;

  it('is sent nothing until the time that it asked for', async () => {
    const { dispatcher, takeAll, flights, endpointsStarted, time } = makeDispatcher({ inFlightMax: 1 });
    takeAll(makeWork('ep_other'), makeWork('ep_1'));
    dispatcher.report('ep_1', { ...busy, retryAfterSeconds: 1 });
    flights[0]!.end();
    await turn();
    expect(endpointsStarted()).toEqual(['ep_other']);
    time.nowMs += 1_001;
    takeAll(makeWork('ep_1'));
    expect(endpointsStarted()).toEqual(['ep_other', 'ep_1']);
  });

  it('is probed with one delivery when it opens again, not with one for each time it stood in line', async () => {
    const { dispatcher, takeAll, flights, endpointsStarted, time } = makeDispatcher({ inFlightMax: 3 });
    takeAll(...many('ep_other', 3), makeWork('ep_1'));
    for (let failures = 0; failures < 10; failures += 1) dispatcher.report('ep_1', busy);
    time.nowMs += 600_000;
    takeAll(...many('ep_1', 3));
    while (flights.length > 0) flights[0]!.end();
    await turn();
    expect(endpointsStarted().slice(3)).toEqual(['ep_1']);
  });
});

describe('an endpoint that is down to one slot', () => {
  const timeout = { outcome: { kind: 'unreachable', reason: 'timeout', detail: '' } } as const;
  const sicken = (dispatcher: Dispatcher) => {
    for (let failures = 0; failures < 4; failures += 1) dispatcher.report('ep_1', timeout);
  };

  it('gives back what waits for it when memory is short for the others', () => {
    const { dispatcher, takeAll, givenBack } = makeDispatcher({ heldMax: 24, inFlightMax: 1 });
    const works = many('ep_1', 12);
    takeAll(...works);
    sicken(dispatcher);
    expect(givenBack).toEqual(works.slice(1));
  });

  it('keeps it while there is plenty', () => {
    const { dispatcher, takeAll, givenBack } = makeDispatcher({ heldMax: 26, inFlightMax: 1 });
    takeAll(...many('ep_1', 12));
    sicken(dispatcher);
    expect(givenBack).toEqual([]);
  });
});

describe('an endpoint that hangs', () => {
  const accepted = { outcome: classifyStatus(200) };
  const reserveAll = (dispatcher: Dispatcher) => {
    let count = 0;
    while (dispatcher.reserve('ep_1', 'app_1', 10)) count += 1;
    return count;
  };

  it('takes little into memory when all its slots have been taken for a while, until one is accepted', () => {
    const { dispatcher, takeAll, time } = makeDispatcher();
    takeAll(...many('ep_1', 10));
    time.nowMs += 1_000;
    expect(dispatcher.reserve('ep_1', 'app_1', 10)).toBe(true);
    time.nowMs += 1;
    expect(reserveAll(dispatcher)).toBe(9);
    expect(dispatcher.fullEndpoints()).toEqual(['ep_1']);
    dispatcher.report('ep_1', accepted);
    expect(reserveAll(dispatcher)).toBe(480);
  });

  it('is no other than the rest while a slot is free', () => {
    const { dispatcher, takeAll, time } = makeDispatcher();
    takeAll(...many('ep_1', 9));
    time.nowMs += 60_000;
    expect(reserveAll(dispatcher)).toBe(491);
  });
});

describe('room', () => {
  it('of an endpoint that was full is claimed for when half of it is free', () => {
    const { dispatcher, takeAll } = makeDispatcher({ heldPerEndpointMax: 20 });
    const works = many('ep_1', 20);
    takeAll(...works);
    expect(dispatcher.fullEndpoints()).toEqual(['ep_1']);
    for (const work of works.slice(0, 9)) dispatcher.finish(work);
    expect(dispatcher.fullEndpoints()).toEqual(['ep_1']);
    dispatcher.finish(works[9]!);
    expect(dispatcher.fullEndpoints()).toEqual([]);
    takeAll(...many('ep_1', 9));
    expect(dispatcher.fullEndpoints()).toEqual([]);
  });

  it('of an endpoint that is refilled all the time is claimed for seconds after a place became free', () => {
    const { dispatcher, takeAll, time, givenBack } = makeDispatcher({ heldPerEndpointMax: 20 });
    const works = many('ep_1', 20);
    takeAll(...works);
    expect(dispatcher.fullEndpoints()).toEqual(['ep_1']);
    const full: boolean[] = [];
    for (let turns = 0; turns < 4; turns += 1) {
      time.nowMs += 2_000;
      dispatcher.finish(works[turns]!);
      full.push(dispatcher.fullEndpoints().length > 0);
      takeAll(makeWork('ep_1'));
    }
    expect(full).toEqual([true, true, true, false]);
    expect(givenBack).toEqual([]);
  });

  it('reserves up to the number held, and again when something was finished', () => {
    const { dispatcher } = makeDispatcher({
      heldMax: 4,
      heldPerEndpointMax: 4,
      heldPerEndpointWhenShortMax: 4,
    });
    const works = many('ep_1', 4);
    for (const work of works) {
      expect(dispatcher.reserve('ep_1', 'app_1', 10)).toBe(true);
      dispatcher.dispatch(work);
    }
    expect(dispatcher.reserve('ep_1', 'app_1', 10)).toBe(false);
    expect(dispatcher.reserve('ep_2', 'app_1', 10)).toBe(false);
    expect(dispatcher.claimRoom()).toBe(0);
    dispatcher.finish(works[0]!);
    expect(dispatcher.claimRoom()).toBe(1);
    expect(dispatcher.reserve('ep_2', 'app_1', 10)).toBe(true);
  });

  it('leaves half of it to what is accepted now, however much the database has', () => {
    const { dispatcher, takeAll } = makeDispatcher({ heldMax: 40, heldPerEndpointMax: 20 });
    for (let n = 0; dispatcher.claimRoom() > 0; n += 1) takeAll(makeWork(`dead_${n}`));
    expect(dispatcher.counts().held).toBe(20);
    const accepted = makeWork('healthy');
    expect(dispatcher.reserve('healthy', 'app_1', 10)).toBe(true);
    dispatcher.dispatch(accepted);
    // What was accepted does not count against what may be claimed.
    dispatcher.finish(accepted);
    expect(dispatcher.claimRoom()).toBe(0);
  });

  it('reserves up to the bytes held', () => {
    const { dispatcher } = makeDispatcher({ heldBytesMax: 100 });
    expect(dispatcher.reserve('ep_1', 'app_1', 60)).toBe(true);
    expect(dispatcher.reserve('ep_2', 'app_2', 41)).toBe(false);
    expect(dispatcher.reserve('ep_2', 'app_2', 40)).toBe(true);
    expect(dispatcher.claimRoom()).toBe(0);
    dispatcher.unreserve('ep_1', 'app_1', 60);
    expect(dispatcher.counts()).toEqual({ held: 1, inFlight: 0, bytes: 40 });
    expect(dispatcher.claimRoom()).toBeGreaterThan(0);
  });

  it('leaves bytes to the other applications, whatever is sent to one, and however many endpoints it has', () => {
    const { dispatcher } = makeDispatcher({ heldBytesMax: 120 });
    const reserveAll = (applicationId: string) => {
      let count = 0;
      while (dispatcher.reserve(`${applicationId}_${count}`, applicationId, 10)) count += 1;
      return count;
    };
    expect(['app_1', 'app_2', 'app_3', 'app_4'].map(reserveAll)).toEqual([6, 3, 2, 1]);
  });

  it('leaves half of the bytes to what is accepted now, however much the database has', () => {
    const { dispatcher, takeAll } = makeDispatcher({ heldBytesMax: 100 });
    const claimed: Work[] = [];
    while (dispatcher.claimRoom() > 0) {
      const work = makeWork(`ep_${claimed.length}`, 10, { applicationId: `app_${claimed.length}` });
      takeAll(work);
      claimed.push(work);
    }
    expect(dispatcher.counts().bytes).toBe(50);
    expect(dispatcher.reserve('ep_other', 'app_other', 50)).toBe(true);
    dispatcher.unreserve('ep_other', 'app_other', 50);
    dispatcher.finish(claimed[0]!);
    expect(dispatcher.bytesRoom()).toBe(10);
  });

  it('claims nothing for an application with more than its share of bytes, until it has much less', () => {
    let rooms = 0;
    const hooks = { start: () => turn(), mayStart: () => false, onRoom: () => void (rooms += 1) };
    const dispatcher = new Dispatcher({ ...roomy, heldBytesMax: 120 }, hooks);
    const flood = Array.from({ length: 6 }, (_, n) => makeWork(`flood_${n}`, 10));
    const other = makeWork('other', 10, { applicationId: 'app_2' });
    for (const work of [...flood, other]) {
      expect(dispatcher.reserve(work.endpointId, work.applicationId, 10)).toBe(true);
      dispatcher.dispatch(work);
    }
    expect(dispatcher.fullEndpoints()).toEqual(flood.map(({ endpointId }) => endpointId));
    for (const work of flood.slice(0, 2)) dispatcher.finish(work);
    expect(rooms).toBe(0);
    // 30 are left, and 80 are free.
    dispatcher.finish(flood[2]!);
    expect(rooms).toBe(1);
    expect(dispatcher.fullEndpoints()).toEqual([]);
  });

  it('an endpoint may hold much while memory is at most half full, and little beyond', () => {
    const { dispatcher } = makeDispatcher({
      heldMax: 20,
      heldPerEndpointMax: 8,
      heldPerEndpointWhenShortMax: 2,
    });
    const reserveAll = (endpointId: string) => {
      let count = 0;
      while (dispatcher.reserve(endpointId, 'app_1', 1)) count += 1;
      return count;
    };
    expect(reserveAll('ep_1')).toBe(8);
    expect(dispatcher.fullEndpoints()).toEqual(['ep_1']);
    // The second one takes memory past its half.
    expect(reserveAll('ep_2')).toBe(2);
    expect(dispatcher.fullEndpoints()).toEqual(['ep_1', 'ep_2']);
    expect(reserveAll('ep_3')).toBe(2);
    dispatcher.unreserve('ep_3', 'app_1', 1);
    expect(dispatcher.fullEndpoints()).toEqual(['ep_1', 'ep_2']);
  });

  it('what is under way and not yet settled counts, and only finish frees it', async () => {
    const { dispatcher, flights } = makeDispatcher();
    const work = makeWork('ep_1', 70);
    take(dispatcher, work);
    flights[0]!.end();
    await turn();
    expect(dispatcher.counts()).toEqual({ held: 1, inFlight: 0, bytes: 70 });
    dispatcher.finish(work);
    dispatcher.finish(work);
    expect(dispatcher.counts()).toEqual({ held: 0, inFlight: 0, bytes: 0 });
  });

  it('a delivery whose content is gone takes a place but no bytes', () => {
    const { dispatcher } = makeDispatcher();
    const work = makeWork('ep_1', 0, { payload: null });
    take(dispatcher, work);
    expect(dispatcher.counts()).toMatchObject({ held: 1, bytes: 0 });
    dispatcher.finish(work);
    expect(dispatcher.counts()).toMatchObject({ held: 0, bytes: 0 });
  });
});

describe('leases', () => {
  it('holds what is waiting, under way or unsettled, by owner and sequence', async () => {
    const { dispatcher, flights } = makeDispatcher({ inFlightPerEndpointMax: 1 });
    const [first, second] = many('ep_1', 2) as [Work, Work];
    take(dispatcher, first);
    take(dispatcher, second);
    flights[0]!.end();
    await turn();
    expect([first, second].map((work) => dispatcher.holds(work))).toEqual([true, true]);
    expect(dispatcher.holds({ ...first, leaseSeq: 2 })).toBe(false);
    expect(dispatcher.holds({ ...first, leaseOwner: 2 })).toBe(false);
    expect(dispatcher.holds({ ...first, endpointId: 'ep_2' })).toBe(false);
    dispatcher.finish(first);
    expect(dispatcher.holds(first)).toBe(false);
  });

  it('the same delivery under a new lease is another piece of work', async () => {
    const { dispatcher } = makeDispatcher();
    const old = makeWork('ep_1', 5);
    const renewed = { ...old, leaseSeq: 2 };
    take(dispatcher, old);
    take(dispatcher, renewed);
    dispatcher.finish(old);
    expect(dispatcher.holds(renewed)).toBe(true);
    expect(dispatcher.counts()).toMatchObject({ held: 1, bytes: 5 });
  });

  it('starts nothing while the leases are in doubt, and all of it after the next pump', async () => {
    const { dispatcher, gate, started, takeAll, flights } = makeDispatcher({ inFlightPerEndpointMax: 1 });
    takeAll(...many('ep_1', 2));
    gate.open = false;
    flights[0]!.end();
    await turn();
    takeAll(makeWork('ep_2'));
    dispatcher.pump();
    expect(started).toHaveLength(1);
    gate.open = true;
    dispatcher.pump();
    expect(started).toHaveLength(3);
  });

  it('removeWaiting gives back exactly what has not started, and room when it is finished', async () => {
    const { dispatcher, takeAll, flights, started } = makeDispatcher({ inFlightPerEndpointMax: 1 });
    const ones = many('ep_1', 3);
    const twos = many('ep_2', 2);
    takeAll(...ones, ...twos);
    const removed = dispatcher.removeWaiting();
    expect(removed).toEqual([ones[1], ones[2], twos[1]]);
    for (const work of removed) dispatcher.finish(work);
    expect(dispatcher.counts()).toMatchObject({ held: 2, inFlight: 2 });
    expect(dispatcher.removeWaiting()).toEqual([]);
    flights[0]!.end();
    flights[0]!.end();
    await dispatcher.idle();
    expect(started).toEqual([ones[0], twos[0]]);
    takeAll(makeWork('ep_1'));
    expect(started).toHaveLength(3);
  });

  it('every endpoint that was closed starts again when its time has come, though timers fire early at times', async () => {
    const ends: (() => void)[] = [];
    const start = () => new Promise<void>((resolve) => ends.push(resolve));
    const limits = {
      ...roomy,
      inFlightMax: 1_000,
      inFlightPerEndpointMax: 1,
      inFlightPerEndpointWhenShortMax: 1,
    };
    const dispatcher = new Dispatcher(limits, { start, mayStart: () => true });
    const lanes = 300;
    for (let n = 0; n < lanes; n += 1) for (const work of many(`ep_${n}`, 2)) take(dispatcher, work);
    expect(ends).toHaveLength(lanes);
    // Times that are no whole milliseconds, as the monotonic clock gives them.
    for (let n = 0; n < lanes; n += 1) {
      dispatcher.report(`ep_${n}`, { outcome: classifyStatus(429), retryAfterSeconds: 0.05 + n * 0.000_37 });
    }
    for (const end of ends) end();
    await waitFor(() => ends.length === 2 * lanes, { what: 'every second delivery' });
  });

  it('is idle when the last attempt has ended', async () => {
    const { dispatcher, takeAll, flights } = makeDispatcher();
    await dispatcher.idle();
    takeAll(...many('ep_1', 2));
    let idle = false;
    const waiting = dispatcher.idle().then(() => {
      idle = true;
    });
    flights[0]!.end();
    await turn();
    expect(idle).toBe(false);
    flights[0]!.end();
    await waiting;
  });
});

// What may happen to a dispatcher, in any order; `pick` chooses among the candidates at that moment.
type Step =
  | { kind: 'accept' | 'cancel' | 'claim'; endpointId: string; bytes: number }
  | { kind: 'end' | 'bug' | 'settle'; pick: number }
  | { kind: 'doubt' | 'trust' | 'lose' };

const anyEndpoint = fc.constantFrom('ep_1', 'ep_2', 'ep_3');
const anyStep: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 5,
    arbitrary: fc.record({
      kind: fc.constantFrom('accept' as const, 'cancel' as const, 'claim' as const),
      endpointId: anyEndpoint,
      bytes: fc.nat({ max: 30 }),
    }),
  },
  {
    weight: 5,
    arbitrary: fc.record({
      kind: fc.constantFrom('end' as const, 'bug' as const, 'settle' as const),
      pick: fc.nat({ max: 50 }),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      kind: fc.constantFrom('doubt' as const, 'trust' as const, 'lose' as const),
    }),
  },
);
const tight: DispatchLimits = {
  heldMax: 12,
  heldBytesMax: 200,
  heldPerEndpointMax: 6,
  heldPerEndpointWhenShortMax: 2,
  inFlightMax: 4,
  inFlightPerEndpointMax: 2,
  inFlightPerEndpointWhenShortMax: 2,
};

function makeModel() {
  const harness = makeDispatcher(tight);
  const { dispatcher, flights, gate, started } = harness;
  /** In memory: waiting, under way or unsettled. */
  const held = new Set<Work>();
  const unsettled: Work[] = [];
  const waiting = (endpointId?: string) =>
    [...held].filter(
      (work) => !started.includes(work) && (endpointId === undefined || work.endpointId === endpointId),
    );

  const forget = (work: Work | undefined) => {
    if (!work) return;
    dispatcher.finish(work);
    held.delete(work);
  };
  const add = (endpointId: string, bytes: number, how: 'accept' | 'cancel' | 'claim') => {
    const work = makeWork(endpointId, bytes);
    if (how === 'claim') {
      if (dispatcher.claimRoom() === 0 || dispatcher.fullEndpoints().includes(endpointId)) return;
      held.add(work);
      take(dispatcher, work);
      return;
    }
    if (!dispatcher.reserve(endpointId, 'app_1', bytes)) return;
    if (how === 'cancel') return dispatcher.unreserve(endpointId, 'app_1', bytes);
    held.add(work);
    dispatcher.dispatch(work);
  };
  const step = (chosen: Step) => {
    if (chosen.kind === 'accept' || chosen.kind === 'cancel' || chosen.kind === 'claim') {
      add(chosen.endpointId, chosen.bytes, chosen.kind);
    } else if (chosen.kind === 'settle')
      forget(unsettled.splice(chosen.pick % (unsettled.length || 1), 1)[0]);
    else if (chosen.kind === 'end' || chosen.kind === 'bug') {
      const flight = flights[chosen.pick % (flights.length || 1)];
      if (flight && chosen.kind === 'end') unsettled.push(flight.work);
      // As the engine does when no attempt could be made: the room is free before the slot is.
      if (flight && chosen.kind === 'bug') forget(flight.work);
      flight?.end();
    } else if (chosen.kind === 'lose') {
      const removed = dispatcher.removeWaiting();
      expect(new Set(removed)).toEqual(new Set(waiting()));
      for (const work of removed) forget(work);
    } else {
      gate.open = chosen.kind === 'trust';
      dispatcher.pump();
    }
  };
  const check = () => {
    const bytes = [...held].reduce((sum, work) => sum + work.payload!.length, 0);
    expect(dispatcher.counts()).toEqual({ held: held.size, inFlight: flights.length, bytes });
    expect(flights.length).toBeLessThanOrEqual(tight.inFlightMax);
    expect([...held].every((work) => dispatcher.holds(work))).toBe(true);
    for (const endpointId of ['ep_1', 'ep_2', 'ep_3']) {
      const inFlight = flights.filter(({ work }) => work.endpointId === endpointId).length;
      expect(inFlight).toBeLessThanOrEqual(tight.inFlightPerEndpointMax);
      const couldStart =
        gate.open && flights.length < tight.inFlightMax && inFlight < tight.inFlightPerEndpointMax;
      if (couldStart) expect(waiting(endpointId)).toEqual([]);
      const order = started
        .filter((work) => work.endpointId === endpointId)
        .map(({ messageId }) => messageId);
      expect(order).toEqual(order.toSorted());
    }
  };
  const empty = async () => {
    gate.open = true;
    dispatcher.pump();
    while (flights.length > 0) {
      step({ kind: 'end', pick: 0 });
      await turn();
      check();
    }
    while (unsettled.length > 0) step({ kind: 'settle', pick: 0 });
  };
  return { ...harness, step, check, empty };
}

describe('endpoints that fail and are never heard of again', () => {
  it('are forgotten, the oldest first, when there are very many', () => {
    const { dispatcher } = makeDispatcher();
    const signal = { outcome: classifyStatus(503), retryAfterSeconds: 300 };
    for (let n = 0; n < 50_010; n += 1) dispatcher.report(`ep_${n}`, signal);
    const full = dispatcher.fullEndpoints();
    expect(full).toHaveLength(50_000);
    expect([full[0], full.at(-1)]).toEqual(['ep_10', 'ep_50009']);
  });
});

describe('whatever happens in whatever order', () => {
  it('caps hold, nothing idles that could start, and memory adds up, to zero in the end', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(anyStep, { maxLength: 60 }), async (steps) => {
        const { dispatcher, step, check, empty } = makeModel();
        for (const chosen of steps) {
          step(chosen);
          await turn();
          check();
        }
        await empty();
        expect(dispatcher.counts()).toEqual({ held: 0, inFlight: 0, bytes: 0 });
        expect(dispatcher.fullEndpoints()).toEqual([]);
        expect(dispatcher.claimRoom()).toBe(tight.heldMax / 2);
      }),
      { numRuns: 300 },
    );
  });
});
