// Sweeps that go over everyone's rows at once: a few statements however many there are, each bounded.
import type pg from 'pg';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createHousekeeper } from '../src/delivery/housekeeper.ts';
import { systemClock } from '../src/lib/clock.ts';
import { idFloor } from '../src/lib/ids.ts';
import { sweepAuditLog } from '../src/store/audit-log.ts';
import { sweepIdempotentRequests } from '../src/store/idempotent-requests.ts';
import { dayMs } from '../src/store/partitions.ts';
import type { Connection } from '../src/store/partitions.ts';
import { deleteIdleLimits, reserveStarts } from '../src/store/rate-limit.ts';
import type { Pace } from '../src/store/retention.ts';
import { nodesOf, type PlanNode } from './support/plan.ts';
import { openTestStore } from './support/store.ts';
import type { TestStore } from './support/store.ts';

let store: TestStore;
/** How many rows each statement deleted, in their order. */
let deleted: number[];
let counting: Connection;

beforeEach(async () => {
  store = await openTestStore();
  deleted = [];
  counting = {
    async query<R extends pg.QueryResultRow>(text: string, values?: unknown[]) {
      const result = await store.pool.query<R>(text, values);
      if (result.command === 'DELETE') deleted.push(result.rowCount ?? 0);
      else if (text.includes('delete from')) deleted.push(Number(result.rows[0]?.count));
      return result;
    },
  };
});
afterEach(() => store.stop());

const paceOf = (rowsMax: number): Pace => ({ pagesMax: 1, rowsMax, breathe: async () => {} });

async function makeEnvironments(count: number, auditDays = 365): Promise<string[]> {
  const ids = Array.from({ length: count }, () => store.newId('env_'));
  await store.pool.query(
    'insert into posthorn.environment (id, name, audit_retention_days) select id, id, $2 from unnest($1::text[]) e (id)',
    [ids, auditDays],
  );
  return ids;
}

describe('the audit log', () => {
  const nowMs = Date.UTC(2031, 4, 20, 15);

  const addEntries = (environmentIds: string[], ageDays: number) =>
    store.pool.query(
      `insert into posthorn.audit_log
         (environment_id, id, token_id, token_name, method, route, objects, status, request_id, address)
       select e.id, $2, 'tok_1', 'x', 'POST', '/x', '{}', 200, $3, '::1' from unnest($1::text[]) e (id)`,
      [environmentIds, `${idFloor('audit_', nowMs - ageDays * dayMs)}00000000000000`, String(ageDays)],
    );
  const left = (environmentIds: string[]) =>
    store.count('posthorn.audit_log where environment_id = any ($1::text[])', [environmentIds]);

  it('is swept by as many statements as its rows need, and not by one for each environment', async () => {
    const brief = await makeEnvironments(30, 10);
    const long = await makeEnvironments(30, 100);
    for (const age of [9, 11, 99]) await addEntries([...brief, ...long], age);
    expect(await sweepAuditLog(counting, nowMs, paceOf(1_000))).toBe(60);
    expect(deleted).toEqual([60]);
    expect(await left(brief)).toBe(30);
    expect(await left(long)).toBe(90);
  });

  it('goes in batches that none exceeds, whoever the rows belong to', async () => {
    const environmentIds = await makeEnvironments(5, 10);
    for (const age of [11, 12, 13]) await addEntries(environmentIds, age);
    expect(await sweepAuditLog(counting, nowMs, paceOf(4))).toBe(15);
    expect(deleted).toEqual([4, 4, 4, 3]);
  });
});

describe('requests under an idempotency key', () => {
  /** `count` of each environment, one every minute, the youngest `youngestMinutes` old. */
  const addRequests = (environmentIds: string[], count: number, youngestMinutes = 0) =>
    store.pool.query(
      `insert into posthorn.idempotent_request (environment_id, caller, key, fingerprint, started_at)
       select e.id, '', minute::text, '', now() - minute * interval '1 minute'
       from unnest($1::text[]) e (id), generate_series($2::integer, $2 + $3 - 1) minute`,
      [environmentIds, youngestMinutes, count],
    );
  const keysOf = async (environmentId: string) => {
    const { rows } = await store.pool.query<{ key: string }>(
      'select key from posthorn.idempotent_request where environment_id = $1 order by key::integer',
      [environmentId],
    );
    return rows.map(({ key }) => Number(key));
  };

  it('go after a day, and the oldest of an environment that has too many', async () => {
    const [full = '', other = '', quiet = ''] = await makeEnvironments(3);
    await addRequests([full], 20);
    await addRequests([full, other], 3, 24 * 60 + 1);
    await addRequests([other], 7);
    await addRequests([quiet], 1);
    expect(await sweepIdempotentRequests(counting, paceOf(4), 7)).toBe(6 + 13);
    // In batches: 6 for their age, 13 beyond 7.
    expect(deleted).toEqual([4, 2, 4, 4, 4, 1]);
    const youngest = [0, 1, 2, 3, 4, 5, 6];
    expect([await keysOf(full), await keysOf(other), await keysOf(quiet)]).toEqual([youngest, youngest, [0]]);
  });

  it('are found without sorting any', async () => {
    const [full = '', other = ''] = await makeEnvironments(2);
    await addRequests([full, other], 1_200);
    await store.pool.query('vacuum analyze posthorn.idempotent_request');
    const used: string[] = [];
    const explaining: Connection = {
      async query(text, values) {
        const { rows } = await store.pool.query<{ 'QUERY PLAN': { Plan: PlanNode }[] }>(
          `explain (format json) ${text}`,
          values,
        );
        used.push(...nodesOf(rows[0]!['QUERY PLAN'][0]!.Plan).map((node) => node['Node Type']));
        return counting.query(text, values);
      },
    };
    expect(await sweepIdempotentRequests(explaining, paceOf(100), 1_000)).toBe(400);
    expect(used).toContain('Index Scan');
    expect(used.filter((type) => /Sort|Window/.test(type))).toEqual([]);
  });
});

describe('rate limits', () => {
  const hourMs = 60 * 60 * 1000;
  /** The next start of each is free in so many seconds. */
  const addLimits = (secondsById: Record<string, number>) =>
    store.pool.query(
      `insert into posthorn.rate_limit (id, next_at)
       select i.id, now() + i.seconds * interval '1 second' from unnest($1::text[], $2::integer[]) i (id, seconds)`,
      [Object.keys(secondsById), Object.values(secondsById)],
    );
  const left = async () => {
    const { rows } = await store.pool.query<{ id: string }>('select id from posthorn.rate_limit order by id');
    return rows.map(({ id }) => id);
  };

  it('go when nobody has used them for an hour, and not while they hold somebody back', async () => {
    await addLimits({ a: -7_200, b: -3_601, c: -86_400, busy: 60, lately: -3_500, reserved: 86_400 });
    expect(await deleteIdleLimits(counting, hourMs, paceOf(2))).toBe(3);
    expect(deleted).toEqual([2, 1]);
    expect(await left()).toEqual(['busy', 'lately', 'reserved']);
  });

  it('hold nobody back for longer than a minute, whatever a clock that was wrong has written', async () => {
    await addLimits({ ahead: 86_400 });
    const waitsMs = [
      await reserveStarts(store.pool, 'ahead', 5, 1),
      await reserveStarts(store.pool, 'ahead', 1, 1),
    ];
    for (const waitMs of waitsMs) {
      expect(waitMs).toBeGreaterThan(59_000);
      expect(waitMs).toBeLessThanOrEqual(60_000);
    }
  });

  it('let the same starts pass with their row and without', async () => {
    await addLimits({ idle: -7_200 });
    for (const id of ['idle', 'gone']) {
      expect(await reserveStarts(store.pool, id, 2, 1)).toBe(0);
      expect(await reserveStarts(store.pool, id, 1, 1)).toBeGreaterThan(1_900);
    }
  });

  it('stay, and hold up no sweep, while somebody reserves of them', async () => {
    await addLimits({ free: -7_200, held: -7_200 });
    const holder = await store.pool.connect();
    try {
      await holder.query('begin');
      await holder.query("update posthorn.rate_limit set next_at = now() where id = 'held'");
      expect(await deleteIdleLimits(counting, hourMs, paceOf(10))).toBe(1);
      await holder.query('commit');
    } finally {
      holder.release();
    }
    expect(await left()).toEqual(['held']);
  });

  it('are swept by the housekeeper', async () => {
    await addLimits({ idle: -7_200, busy: 60 });
    const log = { debug() {}, info() {}, warn() {}, error() {} };
    await createHousekeeper({ pool: store.pool, log, clock: systemClock }).runOnce();
    expect(await left()).toEqual(['busy']);
  });
});
