// A migrated database with what the statements of the hot path need: applications, endpoints, processes, messages.
import { randomBytes } from 'node:crypto';
import pg from 'pg';
import type { Transition } from '../../src/core/settle.ts';
import { systemClock } from '../../src/lib/clock.ts';
import { createIdSource } from '../../src/lib/ids.ts';
import type { NewId } from '../../src/lib/ids.ts';
import { acceptMessages } from '../../src/store/accept-messages.ts';
import type { MessageToStore } from '../../src/store/accept-messages.ts';
import { openDatabase } from '../../src/store/database.ts';
import type { Database } from '../../src/store/database.ts';
import { registerProcess } from '../../src/store/processes.ts';
import type { Lease } from '../../src/store/leases.ts';
import type { AttemptRecord, Settled } from '../../src/store/settle-deliveries.ts';
import type { DeliveryState, Trigger } from '../../src/store/tables.ts';
import { createTestDatabase } from './database.ts';

export interface TestApplication {
  id: string;
  configVersion: string;
  endpointIds: string[];
}

export interface DeliveryView {
  message_id: string;
  endpoint_id: string;
  state: DeliveryState;
  attempts: number;
  trigger: Trigger;
  lease_owner: number | null;
  lease_seq: number;
  /** Milliseconds from now; null when nothing is planned. */
  next_in_ms: number | null;
  resume_in_ms: number | null;
}

export interface TestStore {
  url: string;
  db: Database;
  pool: pg.Pool;
  newId: NewId;
  makeApplication(endpointCount?: number): Promise<TestApplication>;
  /** A message for all endpoints of the application, leased unless told otherwise. */
  makeMessage(
    application: TestApplication,
    more?: Partial<MessageToStore> & { leased?: boolean },
  ): MessageToStore;
  makeProcess(): Promise<number>;
  /** Accepts `count` messages under `owner` and gives the leases, one for each message and endpoint. */
  lease(application: TestApplication, owner: number, count?: number): Promise<Lease[]>;
  deliveries(): Promise<DeliveryView[]>;
  /** Endpoint ids with how many milliseconds from now they are due. */
  due(): Promise<Map<string, number>>;
  count(from: string, values?: unknown[]): Promise<number>;
  /** A second pool on the same database, closed with the store. */
  openPool(connectionsMax: number): pg.Pool;
  stop(): Promise<void>;
}

const deliveriesSql = `
  select message_id, endpoint_id, state, attempts, trigger, lease_owner, lease_seq,
    (extract(epoch from next_attempt_at - clock_timestamp()) * 1000)::float8 as next_in_ms,
    (extract(epoch from resume_at - clock_timestamp()) * 1000)::float8 as resume_in_ms
  from posthorn.delivery order by message_id, endpoint_id`;

export async function openTestStore(connectionsMax = 10): Promise<TestStore> {
  const database = await createTestDatabase();
  const open = (max: number) =>
    openDatabase({
      url: database.url,
      connectionsMax: max,
      applicationName: 'posthorn test',
      onIdleError: () => {},
    });
  await hideSchema(database.url);
  const db = open(connectionsMax);
  const more: Database[] = [];
  const { pool } = db;
  const newId = createIdSource(systemClock.now, randomBytes);
  const environmentId = newId('env_');
  await pool.query('insert into posthorn.environment (id, name) values ($1, $1)', [environmentId]);

  const makeApplication = async (endpointCount = 1): Promise<TestApplication> => {
    const id = newId('app_');
    const endpointIds = Array.from({ length: endpointCount }, () => newId('ep_'));
    await pool.query('insert into posthorn.application (id, environment_id, name) values ($1, $2, $1)', [
      id,
      environmentId,
    ]);
    await pool.query(
      `insert into posthorn.endpoint (id, application_id, url)
       select e.id, $1, 'http://receiver.test/' from unnest($2::text[]) as e (id)`,
      [id, endpointIds],
    );
    const { rows } = await pool.query<{ config_version: string }>(
      'select config_version from posthorn.application where id = $1',
      [id],
    );
    return { id, configVersion: rows[0]!.config_version, endpointIds };
  };

  const makeMessage: TestStore['makeMessage'] = (application, { leased = true, ...message } = {}) => ({
    id: newId('msg_'),
    applicationId: application.id,
    configVersion: application.configVersion,
    eventType: 'user.created',
    payload: Buffer.from('{"n":1}'),
    deliveries: application.endpointIds.map((endpointId) => ({ endpointId, leased })),
    ...message,
  });

  return {
    url: database.url,
    db,
    pool,
    newId,
    makeApplication,
    makeMessage,
    makeProcess: () => registerProcess(pool, { host: null, pid: 1, version: 'test' }),
    async lease(application, owner, count = 1) {
      const messages = Array.from({ length: count }, () => makeMessage(application));
      await acceptMessages(pool, messages, { owner, firstDelayMs: 0 });
      return messages.flatMap((message) =>
        message.deliveries.map((d) => leaseOf(message, d.endpointId, owner)),
      );
    },
    deliveries: async () => (await pool.query<DeliveryView>(deliveriesSql)).rows,
    async due() {
      const { rows } = await pool.query<{ endpoint_id: string; ms: number }>(
        `select endpoint_id, (extract(epoch from due_at - clock_timestamp()) * 1000)::float8 as ms
         from posthorn.endpoint_due`,
      );
      return new Map(rows.map((row) => [row.endpoint_id, row.ms]));
    },
    async count(from, values = []) {
      const { rows } = await pool.query<{ n: number }>(`select count(*)::integer as n from ${from}`, values);
      return rows[0]!.n;
    },
    openPool(max) {
      const opened = open(max);
      more.push(opened);
      return opened.pool;
    },
    async stop() {
      await Promise.all([db, ...more].map((opened) => opened.close()));
      await database.drop();
    },
  };
}

/** PostgreSQL looks into the schema that is named like the user: a name without its schema must not be found here. */
async function hideSchema(databaseUrl: string): Promise<void> {
  const client = new pg.Client({ connectionString: databaseUrl });
  await client.connect();
  try {
    await client.query(`alter database ${new URL(databaseUrl).pathname.slice(1)} set search_path = public`);
  } finally {
    await client.end();
  }
}

function leaseOf(message: MessageToStore, endpointId: string, leaseOwner: number): Lease {
  return { applicationId: message.applicationId, messageId: message.id, endpointId, leaseOwner, leaseSeq: 1 };
}

/** What an attempt under this lease came to; `attempt: null` for none. */
export function settledAs(
  lease: Lease,
  transition: Transition | { state: 'cancelled'; attempts: number },
  attempt: (Partial<AttemptRecord> & { id: string }) | null,
): Settled {
  const { applicationId, messageId, endpointId, leaseOwner, leaseSeq } = lease;
  const settled: Settled = { applicationId, messageId, endpointId, leaseOwner, leaseSeq, transition };
  if (attempt === null) return settled;
  const accepted = transition.state === 'succeeded';
  const outcome = accepted
    ? ({ kind: 'accepted', status: 200 } as const)
    : ({ kind: 'rejected', status: 500 } as const);
  const record: AttemptRecord = {
    trigger: 'scheduled',
    url: 'http://receiver.test/',
    outcome,
    responseTruncated: false,
    durationMs: 12,
    startedAgoMs: 20,
    ...attempt,
  };
  return { ...settled, attempt: record };
}

/** The same items in an order that differs from call to call. */
export function shuffled<T>(items: readonly T[]): T[] {
  const keyed = items.map((item) => ({ item, key: randomBytes(4).readUInt32BE() }));
  return keyed.sort((a, b) => a.key - b.key).map(({ item }) => item);
}
