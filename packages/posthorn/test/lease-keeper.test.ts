// Who is alive, and who says so: heartbeats come in time whatever else the process and the database are busy with.
import type pg from 'pg';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { LeaseKeeper, type LeaseTimes } from '../src/delivery/lease-keeper.ts';
import { systemClock } from '../src/lib/clock.ts';
import { type Database, openDatabase } from '../src/store/database.ts';
import { listLeases } from '../src/store/leases.ts';
import { type DatabaseGate, startDatabaseGate } from './support/database-gate.ts';
import { openTestStore, type TestStore } from './support/store.ts';
import { waitFor } from './support/wait.ts';

const silent = { debug() {}, info() {}, warn() {}, error() {} };
const times: LeaseTimes = {
  heartbeatMs: 200,
  silentMaxMs: 3_000,
  freshMaxMs: 1_500,
  lateMaxMs: 1_000,
  graceMs: 0,
  sweepMs: 60_000,
};

let store: TestStore;
let keepers: LeaseKeeper[];
beforeEach(async () => {
  store = await openTestStore();
  keepers = [];
});
afterEach(async () => {
  await Promise.all(keepers.map((keeper) => keeper.stop()));
  await store.stop();
});

interface Pools {
  pool: pg.Pool;
  heartbeatPool: pg.Pool;
}

async function start(
  more: Partial<LeaseTimes> = {},
  { pool, heartbeatPool }: Pools = store.db,
): Promise<LeaseKeeper> {
  const keeper = new LeaseKeeper({
    pool,
    heartbeatPool,
    identity: { host: null, pid: 1, version: 'test' },
    isAlive: () => true,
    times: { ...times, ...more },
    clock: systemClock,
    log: silent,
    holds: () => true,
    onLost: () => {},
    onFresh: () => {},
    onFreed: () => {},
  });
  await keeper.start();
  keepers.push(keeper);
  return keeper;
}

/** When a process last beat, in milliseconds of the database's clock. */
async function beatenAtMs(id: number): Promise<number> {
  const { rows } = await store.pool.query<{ ms: number }>(
    'select (extract(epoch from heartbeat_at) * 1000)::float8 as ms from posthorn.process where id = $1',
    [id],
  );
  return rows[0]!.ms;
}

const silence = (id: number) =>
  store.pool.query("update posthorn.process set heartbeat_at = now() - interval '1 minute' where id = $1", [
    id,
  ]);

it('a process whose connections are all busy, with others waiting for one, stays alive', async () => {
  const pool = store.openPool(2);
  const keeper = await start({}, { pool, heartbeatPool: store.db.heartbeatPool });
  const busy = [1, 2].map(() => pool.query('select pg_sleep(3)'));
  const waiting = Array.from({ length: 10 }, () => pool.query('select 1'));
  let isOver = false;
  const over = Promise.all([...busy, ...waiting]).then(() => {
    isOver = true;
  });
  let wasFresh = true;
  await waitFor(() => {
    wasFresh &&= keeper.isFresh();
    return isOver;
  });
  await over;
  expect(wasFresh).toBe(true);
});

it('slow heartbeats are as many as fast ones: the next is counted from the start', async () => {
  await store.pool.query(`create function posthorn.slow() returns trigger language plpgsql as
    $$ begin perform pg_sleep(0.2); return new; end $$`);
  await store.pool.query(
    'create trigger slow before update on posthorn.process for each row execute function posthorn.slow()',
  );
  const keeper = await start({ heartbeatMs: 300 });
  let lastMs = await beatenAtMs(keeper.owner());
  await waitFor(
    async () => {
      const atMs = await beatenAtMs(keeper.owner());
      const gapMs = atMs - lastMs;
      lastMs = atMs;
      return gapMs > 250 && gapMs < 450;
    },
    { what: 'two beats 300 ms apart', timeoutMs: 20_000 },
  );
});

it('who recovers the dead goes on beating while somebody has a row of theirs locked', async () => {
  const dead = await store.makeProcess();
  await store.lease(await store.makeApplication(1), dead);
  const keeper = await start();
  const client = await store.pool.connect();
  try {
    await client.query('begin');
    await client.query('select from posthorn.delivery for update');
    await silence(dead);
    await waitFor(() => store.count('pg_locks where not granted'), { what: 'the recovery to wait' });
    const beforeMs = await beatenAtMs(keeper.owner());
    await waitFor(async () => (await beatenAtMs(keeper.owner())) > beforeMs + times.freshMaxMs, {
      what: 'beats while it waits',
      timeoutMs: 10_000,
    });
    expect(keeper.isFresh()).toBe(true);
    expect(await store.count('pg_locks where not granted')).toBeGreaterThan(0);
  } finally {
    client.release(true);
  }
  await waitFor(async () => (await listLeases(store.pool, dead)).length === 0, { what: 'the recovery' });
});

describe('of two living processes, and one that is dead,', () => {
  // Longer than a keeper takes to try again, on any test machine.
  const graceMs = 6_000;
  let gates: DatabaseGate[];
  let databases: Database[];
  let living: LeaseKeeper[];
  let livingIds: number[];
  let dead: number;

  beforeEach(async () => {
    gates = [await startDatabaseGate(store.url), await startDatabaseGate(store.url)];
    const options = { connectionsMax: 2, applicationName: 'posthorn test', onIdleError: () => {} };
    databases = gates.map(({ url }) => openDatabase({ ...options, url }));
    living = [await start({ graceMs }, databases[0]), await start({ graceMs }, databases[1])];
    livingIds = living.map((keeper) => keeper.owner());
    dead = await store.makeProcess();
    const application = await store.makeApplication(1);
    for (const id of [...livingIds, dead]) await store.lease(application, id);
  });
  afterEach(async () => {
    await Promise.all(keepers.splice(0).map((keeper) => keeper.stop()));
    await Promise.all(databases.map((database) => database.close()));
    await Promise.all(gates.map((gate) => gate.stop()));
  });

  const leaseCount = async (id: number) => (await listLeases(store.pool, id)).length;

  /** The first one beats three times before the second one can. */
  async function comeBack(): Promise<void> {
    gates[0]!.open();
    const { rows } = await store.pool.query<{ ms: number }>(
      'select (extract(epoch from clock_timestamp()) * 1000)::float8 as ms',
    );
    const thirdAtMs = rows[0]!.ms + 3 * times.heartbeatMs;
    await waitFor(async () => (await beatenAtMs(livingIds[0]!)) > thirdAtMs, { what: 'the first one back' });
    gates[1]!.open();
  }

  async function expectTheDeadAloneToBeRecovered(): Promise<void> {
    await waitFor(async () => (await leaseCount(dead)) === 0, { what: 'the recovery of the dead' });
    expect(living.map((keeper) => keeper.owner())).toEqual(livingIds);
    for (const id of livingIds) expect(await leaseCount(id)).toBe(1);
  }

  it('the first that is back after an outage leaves the other its leases', async () => {
    for (const gate of gates) gate.shut();
    const silentFor = `heartbeat_at < clock_timestamp() - ${times.silentMaxMs} * interval '1 ms'`;
    await waitFor(async () => (await store.count(`posthorn.process where ${silentFor}`)) === 3, {
      what: 'the silence of all',
    });
    await comeBack();
    await expectTheDeadAloneToBeRecovered();
  });

  it("the first that beats after a jump of the database's clock leaves the other its leases", async () => {
    for (const gate of gates) gate.shut();
    await store.pool.query("update posthorn.process set heartbeat_at = heartbeat_at - interval '1 minute'");
    await comeBack();
    await expectTheDeadAloneToBeRecovered();
  });
});
