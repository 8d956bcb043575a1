// The claimer on a real database: what gets on slowly leaves room to claim for everybody else.
import { randomBytes } from 'node:crypto';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { type Claimer, createClaimer } from '../src/delivery/claimer.ts';
import { ConfigCache } from '../src/delivery/config-cache.ts';
import { defaultDispatchLimits } from '../src/delivery/dispatch-limits.ts';
import type { Work } from '../src/delivery/dispatch-hooks.ts';
import { Dispatcher } from '../src/delivery/dispatcher.ts';
import { defaultLeaseTimes, LeaseKeeper } from '../src/delivery/lease-keeper.ts';
import { systemClock } from '../src/lib/clock.ts';
import { acceptMessages } from '../src/store/accept-messages.ts';
import { createSecretBox } from '../src/store/secret-box.ts';
import { openTestStore, type TestApplication, type TestStore } from './support/store.ts';
import { waitFor } from './support/wait.ts';

const log = { debug() {}, info() {}, warn() {}, error() {} };

let store: TestStore;
let leases: LeaseKeeper;
let dispatcher: Dispatcher;
let claimer: Claimer;
let started: string[];
/** Endpoints of these applications never answer, or wait for their rate limit. */
let hanging: Set<string>;
let limited: Set<string>;

beforeEach(async () => {
  store = await openTestStore();
  started = [];
  hanging = new Set();
  limited = new Set();
  dispatcher = new Dispatcher(defaultDispatchLimits, {
    mayStart: () => true,
    throttle: ({ applicationId }) =>
      limited.has(applicationId) ? { ms: 60_000, isShared: false } : undefined,
    start: (work: Work) => {
      started.push(work.endpointId);
      return hanging.has(work.applicationId) ? new Promise(() => {}) : Promise.resolve();
    },
  });
  const { pool } = store;
  leases = new LeaseKeeper({
    pool,
    heartbeatPool: store.db.heartbeatPool,
    identity: { host: null, pid: 1, version: 'test' },
    isAlive: () => true,
    times: defaultLeaseTimes,
    clock: systemClock,
    log,
    holds: (lease) => dispatcher.holds(lease) || claimer.isReading(lease),
    onLost: () => {},
    onFresh: () => {},
    onFreed: () => {},
  });
  const configs = new ConfigCache({ pool, box: createSecretBox(randomBytes(32)), clock: systemClock });
  claimer = createClaimer({ pool, dispatcher, configs, leases, clock: systemClock, log });
  await leases.start();
});
afterEach(async () => {
  await leases.stop();
  await store.stop();
});

/** So many messages for each endpoint of the application, in the database. */
async function addWaiting(
  application: TestApplication,
  count: number,
  { ordered = false, payload = Buffer.from('{}') } = {},
): Promise<void> {
  const { rows } = await store.pool.query<{ config_version: string }>(
    'select config_version from posthorn.application where id = $1',
    [application.id],
  );
  const current = { ...application, configVersion: rows[0]!.config_version };
  const deliveries = application.endpointIds.map((endpointId) => ({ endpointId, leased: false, ordered }));
  const messages = Array.from({ length: count }, () => store.makeMessage(current, { deliveries, payload }));
  for (let at = 0; at < count; at += 20)
    await acceptMessages(store.pool, messages.slice(at, at + 20), { owner: 0, firstDelayMs: 0 });
}

async function expectOthersClaimed(): Promise<void> {
  const other = await store.makeApplication(1);
  await addWaiting(other, 1);
  await claimer.runOnce();
  await waitFor(() => started.includes(other.endpointIds[0]!), { what: "the others' attempt" });
}

it('endpoints with an order that hang leave some of it', async () => {
  const slow = await store.makeApplication(50);
  await store.pool.query("update posthorn.endpoint set ordering = 'block' where application_id = $1", [
    slow.id,
  ]);
  await addWaiting(slow, 110, { ordered: true });
  hanging.add(slow.id);
  await claimer.runOnce();
  await expectOthersClaimed();
});

it('endpoints that wait for their rate limit leave some of it', async () => {
  const slow = await store.makeApplication(5);
  await addWaiting(slow, 1_200);
  limited.add(slow.id);
  await claimer.runOnce();
  await expectOthersClaimed();
});

it('large contents that wait for a rate limit leave some of it', async () => {
  const slow = await store.makeApplication(5);
  await addWaiting(slow, 40, { payload: Buffer.alloc(256 * 1024, 'x') });
  limited.add(slow.id);
  await claimer.runOnce();
  await expectOthersClaimed();
});

/** Accepted one after the other, each started at once if there is room for it. */
async function acceptHere(application: TestApplication, count: number): Promise<void> {
  const [endpointId] = application.endpointIds;
  const owner = leases.owner();
  for (let made = 0; made < count; made += 1) {
    const bytes = 2;
    const leased = dispatcher.reserve(endpointId!, application.id, bytes);
    const message = store.makeMessage(application, { deliveries: [{ endpointId: endpointId!, leased }] });
    await acceptMessages(store.pool, [message], { owner, firstDelayMs: 0 });
    if (leased) dispatcher.unreserve(endpointId!, application.id, bytes);
  }
}

it('what an endpoint that answers left in the database comes before what was due earlier', async () => {
  const answering = await store.makeApplication(1);
  const slow = await store.makeApplication(300);
  // It has answered, and then more came than it may have in memory.
  const [endpointId] = answering.endpointIds;
  dispatcher.reserve(endpointId!, answering.id, 0);
  dispatcher.report(endpointId!, { outcome: { kind: 'accepted', status: 200 } });
  dispatcher.unreserve(endpointId!, answering.id, 0);
  limited.add(slow.id);
  await addWaiting(slow, 1);
  for (let taken = 0; taken < defaultDispatchLimits.heldPerEndpointMax; taken += 1)
    dispatcher.reserve(endpointId!, answering.id, 0);
  await acceptHere(answering, 3);
  for (let taken = 0; taken < defaultDispatchLimits.heldPerEndpointMax; taken += 1)
    dispatcher.unreserve(endpointId!, answering.id, 0);
  await claimer.runOnce();
  expect(started.slice(0, 3)).toEqual([endpointId, endpointId, endpointId]);
});
