// The claimer on a real database: what it takes is known here at once, and one endpoint holds up no other.
import { randomBytes } from 'node:crypto';
import type pg from 'pg';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { type Claimer, createClaimer } from '../src/delivery/claimer.ts';
import { ConfigCache } from '../src/delivery/config-cache.ts';
import { defaultDispatchLimits } from '../src/delivery/dispatch-limits.ts';
import type { Work } from '../src/delivery/dispatch-hooks.ts';
import { Dispatcher } from '../src/delivery/dispatcher.ts';
import { defaultLeaseTimes, LeaseKeeper } from '../src/delivery/lease-keeper.ts';
import { systemClock } from '../src/lib/clock.ts';
import { acceptMessages } from '../src/store/accept-messages.ts';
import { type Lease, listLeases } from '../src/store/leases.ts';
import { createSecretBox } from '../src/store/secret-box.ts';
import { openTestStore, type TestApplication, type TestStore } from './support/store.ts';
import { waitFor } from './support/wait.ts';

const silent = { debug() {}, info() {}, warn() {}, error() {} };

let store: TestStore;
let leases: LeaseKeeper;
let dispatcher: Dispatcher;
let claimer: Claimer;
let configs: ConfigCache;
let started: Work[];
let aheadMs: number;
const clock = { now: systemClock.now, monotonicMs: () => systemClock.monotonicMs() + aheadMs };

beforeEach(async () => {
  aheadMs = 0;
  store = await openTestStore();
  started = [];
  const hooks = {
    mayStart: () => true,
    start: (work: Work) => {
      started.push(work);
      return Promise.resolve();
    },
  };
  dispatcher = new Dispatcher(defaultDispatchLimits, hooks);
  leases = new LeaseKeeper({
    pool: store.pool,
    heartbeatPool: store.db.heartbeatPool,
    identity: { host: null, pid: 1, version: 'test' },
    isAlive: () => true,
    times: defaultLeaseTimes,
    clock,
    log: silent,
    holds: (lease) => dispatcher.holds(lease) || claimer.isReading(lease),
    onLost: () => {},
    onFresh: () => {},
    onFreed: () => {},
  });
  const { pool } = store;
  configs = new ConfigCache({ pool, box: createSecretBox(randomBytes(32)), clock: systemClock });
  claimer = createClaimer({ pool, dispatcher, configs, leases, clock: systemClock, log: silent });
  await leases.start();
});
afterEach(async () => {
  await leases.stop();
  await store.stop();
});

/** A message that waits in the database, with a place when the endpoint has an order. */
async function addWaiting(application: TestApplication, ordered = false): Promise<void> {
  const [endpointId] = application.endpointIds;
  const message = store.makeMessage(application, {
    deliveries: [{ endpointId: endpointId!, leased: false, ordered }],
  });
  await acceptMessages(store.pool, [message], { owner: 0, firstDelayMs: 0 });
}

/** Another connection that holds what `statement` locks until it is let go. */
async function hold(statement: string, values: unknown[] = []): Promise<() => Promise<void>> {
  const client: pg.PoolClient = await store.pool.connect();
  await client.query('begin');
  await client.query(statement, values);
  return async () => {
    await client.query('rollback');
    client.release();
  };
}

const theLease = (): Promise<Lease> =>
  waitFor(async () => (await listLeases(store.pool, leases.owner()))[0], { what: 'the claim' });

/** Unknown for long, it would be given back, and sent by another process as well. */
async function sweepLeavesOne(): Promise<void> {
  await leases.sweepOnce();
  aheadMs += 6_000;
  await leases.sweepOnce();
  expect(await listLeases(store.pool, leases.owner())).toHaveLength(1);
}

it('what was claimed is known to the sweep while its content is still read, and nobody waits for that', async () => {
  const application = await store.makeApplication(1);
  await addWaiting(application);
  const letGo = await hold('lock table posthorn.message in access exclusive mode');
  const claiming = claimer.runOnce();
  try {
    const lease = await theLease();
    await waitFor(() => store.count('pg_locks where not granted'), { what: 'the content to wait' });
    expect(claimer.isReading(lease)).toBe(true);
    await sweepLeavesOne();
    // Whoever accepts something for the endpoint puts it on this list.
    await store.pool.query(
      'insert into posthorn.endpoint_due (endpoint_id, application_id, due_at) values ($1, $2, now())',
      [application.endpointIds[0], application.id],
    );
  } finally {
    await letGo();
    await claiming;
  }
  await waitFor(() => started.length === 1, { what: 'the attempt' });
  expect(claimer.isReading(started[0]!)).toBe(false);
});

it('what was claimed and could not be read is given back', async () => {
  await addWaiting(await store.makeApplication(1));
  await store.pool.query('alter table posthorn.message rename to message_away');
  await expect(claimer.runOnce()).rejects.toThrow('does not exist');
  await store.pool.query('alter table posthorn.message_away rename to message');
  expect(await listLeases(store.pool, leases.owner())).toEqual([]);
  await claimer.runOnce();
  await waitFor(() => started.length === 1, { what: 'the attempt' });
});

it('what was claimed is known to the sweep while its configuration is still being loaded', async () => {
  await addWaiting(await store.makeApplication(1));
  const letGo = await hold('lock table posthorn.endpoint_secret in access exclusive mode');
  const claiming = claimer.runOnce();
  try {
    const lease = await theLease();
    await waitFor(() => store.count('pg_locks where not granted'), { what: 'the configuration to wait' });
    expect(dispatcher.holds(lease)).toBe(true);
    await sweepLeavesOne();
    expect(started).toEqual([]);
  } finally {
    await letGo();
    await claiming;
  }
  await waitFor(() => started.length === 1, { what: 'the attempt' });
});

it('an application whose configuration is slow holds up no other, nor the claimer', async () => {
  const [slow, other] = [await store.makeApplication(1), await store.makeApplication(1)];
  await configs.forSend(other.id);
  await addWaiting(slow);
  await addWaiting(other);
  const letGo = await hold('lock table posthorn.endpoint_secret in access exclusive mode');
  try {
    await claimer.runOnce();
    await waitFor(() => started.length > 0, { what: 'an attempt' });
    expect(started.map(({ applicationId }) => applicationId)).toEqual([other.id]);
    expect(dispatcher.counts().held).toBe(2);
  } finally {
    await letGo();
  }
  await waitFor(() => started.length === 2, { what: 'the attempt of the slow one' });
});

it('what was claimed by a statement whose answer was lost is looked for soon', async () => {
  await addWaiting(await store.makeApplication(1));
  const { pool } = store;
  const cut = cutAfterCommit(pool);
  await expect(claimer.runOnce()).rejects.toThrow('Connection terminated');
  cut.mend();
  expect(await listLeases(pool, leases.owner())).toHaveLength(1);
  // Left alone it would be looked for after 15 s, and given back 5 s later.
  const isGivenBack = async () => (await listLeases(pool, leases.owner())).length === 0;
  await waitFor(isGivenBack, { what: 'that it is given back', timeoutMs: 12_000 });
});

/** Answers of commits are lost until it is mended. */
function cutAfterCommit(pool: pg.Pool): { mend(): void } {
  const cut: pg.PoolClient[] = [];
  const connect = pool.connect.bind(pool) as () => Promise<pg.PoolClient>;
  const connectAndCut = async () => {
    const client = await connect();
    const query = client.query.bind(client) as (...asked: unknown[]) => Promise<unknown>;
    const queryAndCut = async (...asked: unknown[]) => {
      const answer = await query(...asked);
      if (asked[0] === 'commit') throw new Error('Connection terminated unexpectedly');
      return answer;
    };
    cut.push(Object.assign(client, { query: queryAndCut }));
    return client;
  };
  const original = pool.connect.bind(pool);
  Object.assign(pool, {
    connect: (done?: Parameters<typeof original>[0]) => (done ? original(done) : connectAndCut()),
  });
  return {
    mend() {
      Reflect.deleteProperty(pool, 'connect');
      for (const client of cut) Reflect.deleteProperty(client, 'query');
    },
  };
}

it('what nobody here knows of is given back, but not before a commit must have been heard of', async () => {
  await store.lease(await store.makeApplication(1), leases.owner());
  const leaseCount = async () => (await listLeases(store.pool, leases.owner())).length;
  // However often it is looked for: every failure of a statement asks for a look.
  for (let look = 0; look < 3; look += 1) await leases.sweepOnce();
  expect(await leaseCount()).toBe(1);
  aheadMs += 6_000;
  await leases.sweepOnce();
  expect(await leaseCount()).toBe(0);
});

it('what is given back does not make the sweep forget what else is unknown', async () => {
  const application = await store.makeApplication(1);
  await store.lease(application, leases.owner());
  await leases.sweepOnce();
  aheadMs += 4_000;
  await store.lease(application, leases.owner());
  await leases.sweepOnce();
  aheadMs += 2_000;
  await leases.sweepOnce();
  expect(await listLeases(store.pool, leases.owner())).toHaveLength(1);
  aheadMs += 3_500;
  await leases.sweepOnce();
  expect(await listLeases(store.pool, leases.owner())).toEqual([]);
});

it('an order whose row somebody holds keeps nobody else from being claimed', async () => {
  const [held, other] = [await store.makeApplication(1), await store.makeApplication(1)];
  const [heldId] = held.endpointIds;
  await store.pool.query("update posthorn.endpoint set ordering = 'block' where id = $1", [heldId]);
  const current = { ...held, configVersion: await versionOf(held) };
  await addWaiting(current, true);
  await claimer.runOnce();
  await waitFor(() => started.length === 1, { what: 'the first in order' });
  // Its order is at its end here: the next claim is ready to wait for its row.
  dispatcher.finish(started[0]!);
  await store.pool.query("update posthorn.delivery set state = 'succeeded', lease_owner = null");
  await addWaiting(current, true);
  await addWaiting(other);
  const letGo = await hold('select from posthorn.endpoint_due where endpoint_id = $1 for update', [heldId]);
  try {
    await claimer.runOnce();
    await waitFor(() => started.length === 2, { what: 'the other one' });
  } finally {
    await letGo();
  }
  await claimer.runOnce();
  await waitFor(() => started.length === 3, { what: 'the next in order' });
  expect(started.map(({ endpointId }) => endpointId)).toEqual([heldId, other.endpointIds[0], heldId]);
});

async function versionOf({ id }: TestApplication): Promise<string> {
  const { rows } = await store.pool.query<{ config_version: string }>(
    'select config_version from posthorn.application where id = $1',
    [id],
  );
  return rows[0]!.config_version;
}
