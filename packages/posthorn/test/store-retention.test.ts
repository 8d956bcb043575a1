// What is past its time goes, by environment; what is not, and what an open delivery needs, stays.
import { randomBytes } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { Readable } from 'node:stream';
import pg from 'pg';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { exitCodes } from '../src/cli/exit-codes.ts';
import type { Io } from '../src/cli/io.ts';
import { runProgram } from '../src/cli/program.ts';
import { createHousekeeper } from '../src/delivery/housekeeper.ts';
import { createIdSource, idFloor } from '../src/lib/ids.ts';
import { acceptMessages } from '../src/store/accept-messages.ts';
import { claimDeliveries } from '../src/store/claim-deliveries.ts';
import { readContents } from '../src/store/claimed-contents.ts';
import { findPayloads } from '../src/store/messages.ts';
import { migrate } from '../src/store/migrate.ts';
import { dayMs, dropPartition, ensurePartitions, listPartitions } from '../src/store/partitions.ts';
import type { Connection } from '../src/store/partitions.ts';
import { requestResend } from '../src/store/resend.ts';
import {
  listRetentions,
  sweepEventIds,
  sweepFeeds,
  sweepTable,
  sweptTables,
  withHousekeepingLock,
} from '../src/store/retention.ts';
import { openTestStore } from './support/store.ts';
import type { TestStore } from './support/store.ts';
import { waitFor } from './support/wait.ts';

const hourMs = 60 * 60 * 1000;
const nowMs = Date.UTC(2031, 4, 20, 15);
const today = Date.UTC(2031, 4, 20);

let store: TestStore;
let logged: { level: string; fields: Record<string, unknown>; text: string }[];

beforeEach(async () => {
  store = await openTestStore();
  logged = [];
});
afterEach(() => store.stop());

function housekeeper(atMs = nowMs, pool = store.pool, machineMs = atMs) {
  const logAt = (level: string) => (fields: object, text: string) =>
    void logged.push({ level, fields: { ...fields }, text });
  const log = { debug: logAt('debug'), info: logAt('info'), warn: logAt('warn'), error: logAt('error') };
  return createHousekeeper({ pool, now: () => Promise.resolve(atMs), clock: { now: () => machineMs }, log });
}

const keepHouse = (atMs = nowMs) => housekeeper(atMs).runOnce();

const makePartitions = async (daysBack: number) => {
  await ensurePartitions(store.pool, nowMs - daysBack * dayMs, daysBack);
};

interface Tenant {
  environmentId: string;
  applicationId: string;
  endpointId: string;
}

async function makeTenant(messageDays: number, attemptDays = messageDays): Promise<Tenant> {
  const environmentId = store.newId('env_');
  const { id, endpointIds } = await store.makeApplication(1);
  await store.pool.query(
    `insert into posthorn.environment (id, name, message_retention_days, attempt_retention_days)
     values ($1, $1, $2, $3)`,
    [environmentId, messageDays, attemptDays],
  );
  await store.pool.query('update posthorn.application set environment_id = $1 where id = $2', [
    environmentId,
    id,
  ]);
  return { environmentId, applicationId: id, endpointId: endpointIds[0]! };
}

/** A message of this age with everything that hangs on it; answers its id. */
async function addMessage(
  { applicationId, endpointId }: Tenant,
  ageMs: number,
  state: 'succeeded' | 'retrying' | 'delivering' = 'succeeded',
): Promise<string> {
  const at = nowMs - ageMs;
  const id = createIdSource(() => at, randomBytes)('msg_');
  const attemptId = createIdSource(() => at, randomBytes)('atmpt_');
  const createdAt = new Date(at);
  const run = (text: string, values: unknown[]) => store.pool.query(text, values);
  await run(
    `insert into posthorn.message (application_id, id, event_type, event_id, created_at) values ($1, $2, 'x', $2, $3)`,
    [applicationId, id, createdAt],
  );
  await run(`insert into posthorn.message_body values ($1, $2, '{}')`, [applicationId, id]);
  await run('insert into posthorn.message_event_id values ($1, $2, $2, $3)', [applicationId, id, createdAt]);
  await run(
    `insert into posthorn.delivery
       (application_id, message_id, endpoint_id, state, attempts, next_attempt_at, lease_owner, created_at)
     values ($1, $2, $3, $4::posthorn.delivery_state, 1, case when $4 = 'retrying' then now() end,
       case when $4 = 'delivering' then 1 end, $5)`,
    [applicationId, id, endpointId, state, createdAt],
  );
  await run(
    `insert into posthorn.attempt
       (application_id, id, message_id, endpoint_id, trigger, url, outcome, duration_ms, started_at)
     values ($1, $2, $3, $4, 'scheduled', 'http://receiver.test/', 'accepted', 1, $5)`,
    [applicationId, attemptId, id, endpointId, createdAt],
  );
  return id;
}

type Subject = 'message' | 'message_event_id' | 'delivery' | 'message_body' | 'attempt';
const idColumns = {
  message: 'id',
  message_event_id: 'message_id',
  delivery: 'message_id',
  message_body: 'message_id',
  attempt: 'message_id',
} as const;

/** In which tables the message, or what hangs on it, still is. */
async function tracesOf(id: string): Promise<Subject[]> {
  const found: Subject[] = [];
  for (const [table, column] of Object.entries(idColumns)) {
    if ((await store.count(`posthorn.${table} where ${column} = $1`, [id])) > 0) found.push(table as Subject);
  }
  return found;
}

const everything: Subject[] = ['message', 'message_event_id', 'delivery', 'message_body', 'attempt'];
const withoutContents: Subject[] = ['message', 'message_event_id', 'delivery'];

const partitionNames = async () => (await listPartitions(store.pool)).map(({ name }) => name);
const nameOf = (table: string, daysBack: number) =>
  `${table}_${new Date(today - daysBack * dayMs).toISOString().slice(0, 10).replaceAll('-', '')}`;

describe('retention', () => {
  // The environment that the store comes with is not to be the one that keeps longest.
  beforeEach(() =>
    store.pool.query(
      'update posthorn.environment set message_retention_days = 1, attempt_retention_days = 1',
    ),
  );

  it.each(['in partitions', 'in the default partition'])(
    'takes what is past its time from each environment, and leaves the others theirs, %s',
    async (where) => {
      if (where === 'in partitions') await makePartitions(30);
      const [short, long] = [await makeTenant(5, 2), await makeTenant(20, 10)];
      const ages = [0, 1, 2, 3, 4, 5, 6, 9, 10, 11, 15, 19, 20, 21, 25];
      const of = async (tenant: Tenant) =>
        new Map(
          await Promise.all(ages.map(async (age) => [age, await addMessage(tenant, age * dayMs)] as const)),
        );
      const [ofShort, ofLong] = [await of(short), await of(long)];
      await keepHouse();
      const expected = (age: number, days: { message: number; attempt: number }) => {
        if (age > days.message) return [];
        return age > days.attempt ? withoutContents : everything;
      };
      for (const age of ages) {
        expect([age, await tracesOf(ofShort.get(age)!)]).toEqual([
          age,
          expected(age, { message: 5, attempt: 2 }),
        ]);
        expect([age, await tracesOf(ofLong.get(age)!)]).toEqual([
          age,
          expected(age, { message: 20, attempt: 10 }),
        ]);
      }
      // The next day takes the next day.
      await keepHouse(nowMs + dayMs);
      expect(await tracesOf(ofShort.get(5)!)).toEqual([]);
      expect(await tracesOf(ofShort.get(2)!)).toEqual(withoutContents);
      expect(await tracesOf(ofLong.get(10)!)).toEqual(withoutContents);
    },
  );

  it('drops the partitions that no environment keeps, and makes those of the days ahead', async () => {
    await makePartitions(30);
    await makeTenant(5, 2);
    await makeTenant(20, 10);
    await keepHouse();
    const names = await partitionNames();
    for (const table of ['message', 'delivery']) {
      expect(names).not.toContain(nameOf(table, 21));
      expect(names).toContain(nameOf(table, 20));
    }
    for (const table of ['message_body', 'attempt']) {
      expect(names).not.toContain(nameOf(table, 11));
      expect(names).toContain(nameOf(table, 10));
    }
    for (const table of sweptTables) expect(names).toContain(nameOf(table.name, -7));
    expect(names).not.toContain(nameOf('message', -8));
  });

  it.each([
    ['before the retention of another environment', 60],
    ['before the longest retention', 5],
  ])('keeps what an open delivery needs %s, until it ends', async (_, longestDays) => {
    await makePartitions(30);
    const tenant = await makeTenant(5, 2);
    if (longestDays > 5) await makeTenant(longestDays);
    const [waits, runs] = [
      await addMessage(tenant, 10 * dayMs, 'retrying'),
      await addMessage(tenant, 10 * dayMs, 'delivering'),
    ];
    const ended = await addMessage(tenant, 10 * dayMs);
    await keepHouse();
    expect(await tracesOf(waits)).toEqual(expect.arrayContaining(['message', 'delivery', 'message_body']));
    expect(await tracesOf(runs)).toEqual(expect.arrayContaining(['message', 'delivery', 'message_body']));
    expect(await tracesOf(ended)).toEqual([]);
    expect(await partitionNames()).toContain(nameOf('delivery', 10));
    const warnings = logged.filter(({ level }) => level === 'warn').map(({ fields }) => fields);
    expect(warnings).toEqual(
      longestDays > 5
        ? []
        : ['delivery', 'message_body', 'message'].map((table) => ({
            partition: nameOf(table, 10),
            openDeliveries: 2,
          })),
    );
    await store.pool.query(
      "update posthorn.delivery set state = 'succeeded', next_attempt_at = null, lease_owner = null",
    );
    await keepHouse(nowMs + hourMs);
    expect(await tracesOf(waits)).toEqual([]);
    expect(await tracesOf(runs)).toEqual([]);
    if (longestDays === 5) expect(await partitionNames()).not.toContain(nameOf('delivery', 10));
  });

  it('that is made shorter or longer counts from the next run', async () => {
    await makePartitions(30);
    const [tenant] = [await makeTenant(20), await makeTenant(60)];
    const set = (days: number) =>
      store.pool.query('update posthorn.environment set message_retention_days = $1 where id = $2', [
        days,
        tenant.environmentId,
      ]);
    const ids = await Promise.all([1, 4, 7].map((age) => addMessage(tenant, age * dayMs)));
    await keepHouse();
    await set(5);
    await keepHouse();
    expect(await Promise.all(ids.map(tracesOf))).toEqual([everything, everything, []]);
    await set(10);
    const late = await addMessage(tenant, 8 * dayMs);
    await keepHouse();
    expect(await tracesOf(late)).toEqual(everything);
    await set(3);
    await keepHouse();
    expect(await Promise.all(ids.map(tracesOf))).toEqual([everything, [], []]);
  });

  it('goes through more than one statement takes, and can be interrupted', async () => {
    await makePartitions(10);
    // A few rows to a page.
    await store.pool.query(`alter table posthorn.${nameOf('message', 5)} set (fillfactor = 10)`);
    const [tenant, other] = [await makeTenant(2), await makeTenant(60)];
    for (let at = 0; at < 20; at += 1) await addMessage(tenant, 5 * dayMs);
    const kept = await addMessage(other, 5 * dayMs);
    const [retention] = (await listRetentions(store.pool, nowMs)).filter(
      ({ environmentId }) => environmentId === tenant.environmentId,
    );
    const message = sweptTables.find(({ name }) => name === 'message')!;
    const pace = (breathsMax: number) => {
      let breaths = 0;
      const breathe = async () => {
        breaths += 1;
        if (breaths > breathsMax) throw new Error('interrupted');
      };
      return { pagesMax: 1, rowsMax: 2, breathe };
    };
    await expect(sweepTable(store.pool, message, [retention!], pace(1))).rejects.toThrow('interrupted');
    const left = await store.count('posthorn.message');
    expect(left).toBeLessThan(21);
    expect(left).toBeGreaterThan(1);
    expect(await sweepTable(store.pool, message, [retention!], pace(30))).toBe(left - 1);
    expect(await sweepTable(store.pool, message, [retention!], pace(0))).toBe(0);
    expect(await tracesOf(kept)).toEqual(everything);
  });

  it('drops and deletes nothing while the clock of the database is not that of the machine', async () => {
    await makePartitions(3);
    const partitions = async () => (await listPartitions(store.pool)).map(({ name }) => name);
    const before = await partitions();
    for (const aheadMs of [400 * dayMs, -400 * dayMs]) {
      await housekeeper(nowMs + aheadMs, store.pool, nowMs).runOnce();
    }
    expect(await partitions()).toEqual(expect.arrayContaining(before));
    expect(logged.filter(({ level }) => level === 'error').map(({ fields }) => fields.apartMs)).toEqual([
      400 * dayMs,
      -400 * dayMs,
    ]);
  });

  it('is not kept from its work by a part of it that fails, and says which', async () => {
    await makePartitions(30);
    const [tenant] = [await makeTenant(5), await makeTenant(20)];
    const [dropped, swept] = [await addMessage(tenant, 25 * dayMs), await addMessage(tenant, 10 * dayMs)];
    await store.pool.query('alter table posthorn.idempotency_key rename to elsewhere');
    await expect(keepHouse()).rejects.toThrow('idempotency_key');
    expect(await partitionNames()).not.toContain(nameOf('message', 25));
    expect([await tracesOf(dropped), await tracesOf(swept)]).toEqual([[], []]);
    expect(logged.filter(({ level }) => level === 'error').map(({ fields }) => fields.step)).toEqual([
      'idempotency keys',
    ]);
  });

  it('costs the same for many environments as for few', async () => {
    await makePartitions(10);
    const statementsFor = async (environmentCount: number) => {
      const tenants: Tenant[] = [];
      for (let n = 0; n < environmentCount; n += 1) tenants.push(await makeTenant(2 + (n % 3)));
      for (const tenant of tenants) for (const age of [0, 3, 7]) await addMessage(tenant, age * dayMs);
      let statements = 0;
      const counting: Connection = {
        query: (text, values) => {
          statements += 1;
          return store.pool.query(text, values);
        },
      };
      const pace = { pagesMax: 1_000, rowsMax: 1_000, breathe: () => Promise.resolve() };
      const retentions = await listRetentions(store.pool, nowMs);
      for (const table of sweptTables) await sweepTable(counting, table, retentions, pace);
      await sweepEventIds(counting, retentions, pace);
      await sweepFeeds(counting, retentions, pace);
      await store.pool.query('delete from posthorn.retention_sweep');
      return statements;
    };
    const few = await statementsFor(3);
    expect(await store.count('posthorn.message')).toBeLessThanOrEqual(3 * 2);
    expect(await statementsFor(30)).toBeLessThanOrEqual(few + 6);
    expect(await store.count('posthorn.message')).toBeLessThanOrEqual(33 * 2);
  });

  it('does its work in one process at a time, and the others go on without', async () => {
    await makePartitions(30);
    const tenant = await makeTenant(5);
    const old = await addMessage(tenant, 10 * dayMs);
    const first = withHousekeepingLock(store.pool, async () => {
      await keepHouse();
      return tracesOf(old);
    });
    expect(await first).toEqual(everything);
    const pool = store.openPool(10);
    await Promise.all(Array.from({ length: 5 }, () => housekeeper(nowMs, pool).runOnce()));
    expect(await tracesOf(old)).toEqual([]);
    const dropped = logged
      .filter(({ text }) => text === 'partition dropped')
      .map(({ fields }) => fields.partition);
    expect(dropped).toContain(nameOf('message', 10));
    expect(new Set(dropped).size).toBe(dropped.length);
  });

  it('waits for nobody who uses a table, and comes again', async () => {
    await makePartitions(30);
    const tenant = await makeTenant(5);
    await addMessage(tenant, 10 * dayMs);
    const reader = store.openPool(1);
    await reader.query('begin');
    await reader.query('select from posthorn.message');
    await keepHouse();
    expect(await partitionNames()).toContain(nameOf('message', 10));
    // Tried once, with the oldest, and the other tables were not left out for it.
    const busy = logged.filter(({ text }) => text.startsWith('partition in use'));
    expect(busy.map(({ fields }) => fields.partition)).toEqual([nameOf('message', 30)]);
    expect(await partitionNames()).not.toContain(nameOf('attempt', 10));
    await reader.query('commit');
    await keepHouse();
    expect(await partitionNames()).not.toContain(nameOf('message', 10));
  });

  it('is stopped between two statements', async () => {
    await makePartitions(10);
    const tenant = await makeTenant(2);
    await store.pool.query(
      `insert into posthorn.idempotency_key select $1, n::text, '', 'msg_1', now() - interval '25 h'
       from generate_series(1, 200000) n`,
      [tenant.applicationId],
    );
    const keeper = housekeeper();
    keeper.start();
    const left = () => store.count('posthorn.idempotency_key');
    await waitFor(async () => (await left()) < 200_000, { what: 'the first statement' });
    await keeper.stop();
    expect(await left()).toBeGreaterThan(0);
    expect(logged.filter(({ level }) => level === 'warn')).toEqual([]);
    // The lock was given back.
    await keepHouse();
    expect(await left()).toBe(0);
  });

  it('a partition that a resend reaches first is kept', async () => {
    await makePartitions(30);
    const tenant = await makeTenant(5);
    const old = await addMessage(tenant, 10 * dayMs);
    const resend = await store.pool.connect();
    await resend.query('begin');
    await resend.query(
      "update posthorn.delivery set state = 'pending', next_attempt_at = now() where message_id = $1",
      [old],
    );
    const partition = (await listPartitions(store.pool)).find(({ name }) => name === nameOf('delivery', 10))!;
    // Waits without a limit of its own, so that it is the resend that decides.
    const patient: Connection = {
      query: (text, values) =>
        store.pool.query(text.replace(/set local lock_timeout = \d+/, 'select 1'), values),
    };
    const dropping = dropPartition(patient, partition);
    await waitFor(() => store.count('pg_locks where not granted'), { what: 'the drop to wait' });
    await resend.query('commit');
    resend.release();
    expect(await dropping).toBe('kept');
    expect(await tracesOf(old)).toEqual(everything);
  });
});

describe('around midnight', () => {
  it('a batch with ids of two days is accepted into both, and claimed from both', async () => {
    const midnight = Date.UTC(2032, 0, 1);
    await ensurePartitions(store.pool, midnight - dayMs, 1);
    const application = await store.makeApplication(1);
    const owner = await store.makeProcess();
    const times = [midnight - 1, midnight, midnight + 1];
    const messages = times.map((at) => {
      const id = createIdSource(() => at, randomBytes)('msg_');
      return store.makeMessage(application, { id, leased: false, payload: Buffer.from(String(at)) });
    });
    await acceptMessages(store.pool, messages, { owner, firstDelayMs: 0 });
    for (const table of ['message', 'message_body', 'delivery']) {
      expect(await store.count(`posthorn.${table}_20311231`)).toBe(1);
      expect(await store.count(`posthorn.${table}_20320101`)).toBe(2);
    }
    const limits = { endpointsMax: 10, perEndpointMax: 10, bytesMax: 1e9, fullEndpoints: [] };
    const claimed = await readContents(store.pool, await claimDeliveries(store.pool, owner, limits));
    expect(claimed.map(({ payload }) => String(payload)).sort()).toEqual(times.map(String));
  });
});

describe('content that has expired', () => {
  it('is null in a claim, absent in a list, and refuses a resend', async () => {
    const application = await store.makeApplication(1);
    const owner = await store.makeProcess();
    const message = store.makeMessage(application, { leased: false });
    await acceptMessages(store.pool, [message], { owner, firstDelayMs: 0 });
    expect((await findPayloads(store.db.queries, application.id, [message.id])).get(message.id)).toEqual(
      message.payload,
    );
    await store.pool.query('delete from posthorn.message_body');
    expect((await findPayloads(store.db.queries, application.id, [message.id])).size).toBe(0);
    const [applicationId, endpointId] = [application.id, application.endpointIds[0]!];
    expect(await requestResend(store.db.queries, { applicationId, endpointId, messageId: message.id })).toBe(
      'payload_expired',
    );
    const limits = { endpointsMax: 10, perEndpointMax: 10, bytesMax: 1e9, fullEndpoints: [] };
    const claimed = await claimDeliveries(store.pool, owner, limits);
    expect(await readContents(store.pool, claimed)).toMatchObject([
      { payload: null, contentType: 'application/json' },
    ]);
  });
});

describe('the migration of a database of the first schema', () => {
  it('moves contents to partitions of the same days, byte by byte, and gives environments their days', async () => {
    const name = `posthorn_retention_${randomBytes(8).toString('hex')}`;
    await store.pool.query(`create database ${name}`);
    const url = new URL(store.url);
    url.pathname = `/${name}`;
    const client = new pg.Client({ connectionString: url.href });
    await client.connect();
    try {
      const first = await readFile(new URL('../migrations/0001_init.sql', import.meta.url), 'utf8');
      await client.query('create schema posthorn');
      await client.query(first);
      await client.query("insert into posthorn.environment (id, name) values ('env_1', 'live')");
      await client.query(
        `create table posthorn.message_20310520 partition of posthorn.message
         for values from ('${idFloor('msg_', today)}') to ('${idFloor('msg_', today + dayMs)}')`,
      );
      const payloads = [Buffer.from('{"a":1}'), randomBytes(100_000), Buffer.alloc(0), null];
      const idAt = (timeMs: number) => createIdSource(() => timeMs, randomBytes)('msg_');
      const rows = [today - 1, today, today + 1, today + 2].map(
        (at, index) => [idAt(at), payloads[index]] as const,
      );
      for (const [id, payload] of rows) {
        await client.query(
          "insert into posthorn.message (application_id, id, event_type, payload) values ('app_1', $1, 'x', $2)",
          [id, payload],
        );
      }
      await recordFirst(client, first);
      expect((await migrate(url.href)).applied).toContain('0002_retention.sql');
      const bodies = await client.query<{ message_id: string; payload: Buffer; leaf: string }>(
        `select message_id, payload, relname as leaf from posthorn.message_body b
         join pg_class on pg_class.oid = b.tableoid order by message_id`,
      );
      expect(bodies.rows).toEqual(
        rows.slice(0, 3).map(([message_id, payload], index) => ({
          message_id,
          payload,
          leaf: `message_body_${index === 0 ? 'default' : '20310520'}`,
        })),
      );
      const messages = await client.query('select id from posthorn.message order by id');
      expect(messages.rows).toEqual(rows.map(([id]) => ({ id })));
      const environment = await client.query('select * from posthorn.environment');
      expect(environment.rows[0]).toMatchObject({ message_retention_days: 90, attempt_retention_days: 30 });
    } finally {
      await client.end();
      await store.pool.query(`drop database ${name} with (force)`);
    }
  });
});

describe('posthorn environment', () => {
  async function run(...args: string[]): Promise<{ code: number; out: string }> {
    let out = '';
    const write = (text: string) => void (out += text);
    const io: Io = {
      env: {},
      cwd: '/',
      pid: 1,
      isAlive: () => false,
      stdin: Readable.from([]),
      stdout: { write },
      stderr: { write },
      json: false,
      verbose: false,
      paint: (_, text) => text,
      onSignal: () => () => {},
    };
    const code = await runProgram(['environment', ...args, '--database-url', store.url], io);
    return { code, out };
  }

  const daysOf = async (name: string) => {
    const { rows } = await store.pool.query<{ days: string }>(
      `select message_retention_days || '/' || attempt_retention_days as days from posthorn.environment
       where name = $1`,
      [name],
    );
    return rows[0]?.days;
  };

  it('update changes the days that are given, and list shows them', async () => {
    await run('create', 'live');
    expect(await daysOf('live')).toBe('90/30');
    expect((await run('update', 'live', '--message-retention-days', '60')).code).toBe(0);
    expect(await daysOf('live')).toBe('60/30');
    expect((await run('update', 'live', '--attempt-retention-days', '3650')).code).toBe(0);
    expect(await daysOf('live')).toBe('60/3650');
    expect((await run('update', 'live', '--audit-retention-days', '30')).code).toBe(0);
    expect((await run('list')).out).toMatch(
      / live .*messages 60 d, attempts and contents 3650 d, the audit log 30 d/,
    );
  });

  it('update refuses what is no number of days, no option at all, and an unknown name', async () => {
    await run('create', 'live');
    for (const days of ['0', '3651', '-1', '1.5', '1e2', '']) {
      const { code, out } = await run('update', 'live', `--message-retention-days=${days}`);
      expect([days, code]).toEqual([days, exitCodes.usage]);
      expect(out).toContain('use a whole number from 1 to 3650');
    }
    expect((await run('update', 'live')).code).toBe(exitCodes.usage);
    expect((await run('update', 'other', '--attempt-retention-days', '1')).code).toBe(exitCodes.notFound);
    expect(await daysOf('live')).toBe('90/30');
  });
});

/** As `migrate` does: the database says that it has the first file. */
async function recordFirst(client: pg.Client, sql: string): Promise<void> {
  await client.query(
    'create table posthorn.migration (name text primary key, checksum text not null, applied_at timestamptz not null default now())',
  );
  await client.query(
    "insert into posthorn.migration (name, checksum) values ('0001_init.sql', encode(sha256(convert_to($1, 'UTF8')), 'hex'))",
    [sql],
  );
}
