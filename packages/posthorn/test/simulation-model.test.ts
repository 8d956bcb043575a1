// The model of PostgreSQL that the simulation runs on: random commands through the store functions, against the model
// and against PostgreSQL, must give the same answers and leave the same rows.
import fc from 'fast-check';
import { Kysely, PostgresDialect } from 'kysely';
import type pg from 'pg';
import { afterAll, beforeAll, expect, it } from 'vitest';
import type { Transaction } from '../../../bench/src/simulation/rows.ts';
import { deliveryKey, isOpen } from '../../../bench/src/simulation/schema.ts';
import { type Query, Server } from '../../../bench/src/simulation/server.ts';
import { epochMs } from '../../../bench/src/simulation/world.ts';
import type { Transition } from '../src/core/settle.ts';
import { acceptMessages, findConflicts, type MessageToStore } from '../src/store/accept-messages.ts';
import {
  currentConfigVersion,
  findApplicationConfig,
  loadApplicationConfig,
} from '../src/store/application-config.ts';
import { claimDeliveries, claimDeliveriesOf, nextDue } from '../src/store/claim-deliveries.ts';
import { readContents } from '../src/store/claimed-contents.ts';
import type { Queries } from '../src/store/database.ts';
import { disableEndpoint } from '../src/store/disable-endpoint.ts';
import { forgetProcess, type Lease, listLeases, recoverLeases, releaseLeases } from '../src/store/leases.ts';
import { listNeighbours, recordHeartbeat, registerProcess } from '../src/store/processes.ts';
import { reserveStarts } from '../src/store/rate-limit.ts';
import { requestResend } from '../src/store/resend.ts';
import type { SecretBox } from '../src/store/secret-box.ts';
import { settleDeliveries } from '../src/store/settle-deliveries.ts';
import { openTestStore, settledAs, type TestApplication, type TestStore } from './support/store.ts';

const box: SecretBox = { seal: (text) => Buffer.from(text), open: (sealed) => sealed.toString() };
// Times are compared with this tolerance; whether something is due never depends on so little.
const toleranceMs = 2_000;
const silentMaxMs = 15_000;
const failingMaxMs = 70_000;

let store: TestStore;
let applications: TestApplication[];

beforeAll(async () => {
  store = await openTestStore();
  applications = [await store.makeApplication(2), await store.makeApplication(1)];
});
afterAll(() => store.stop());

/** The model behind the interface of a pool; nobody else is there, so nothing waits. */
class ModelPool {
  readonly server: Server;
  constructor(server: Server) {
    this.server = server;
  }
  #run(tx: Transaction, query: string | Query, values: readonly unknown[] = []) {
    let rows: object[] | undefined;
    this.server.execute(tx, typeof query === 'string' ? { text: query, values } : query, (outcome) => {
      if ('error' in outcome) throw outcome.error;
      rows = outcome.rows;
    });
    if (!rows) throw new Error('the model waits for a lock that nobody holds');
    return { rows, rowCount: rows.length, command: 'SELECT' };
  }
  async query(query: string | Query, values?: readonly unknown[]) {
    const tx = this.server.begin();
    const result = this.#run(tx, query, values);
    this.server.commit(tx);
    return result;
  }
  async connect() {
    let tx: Transaction | undefined;
    return {
      release: () => {},
      query: async (query: string | Query, values?: readonly unknown[]) => {
        const text = typeof query === 'string' ? query : query.text;
        if (text.startsWith('begin')) tx = this.server.begin();
        else if (text === 'commit' && tx) this.server.commit(tx);
        else if (text === 'rollback' && tx) this.server.rollback(tx);
        else if (tx) return this.#run(tx, query, values);
        else return this.query(query, values);
        return { rows: [], rowCount: 0, command: 'SELECT' };
      },
    };
  }
}

interface Side {
  pool: pg.Pool;
  queries: Queries;
}

interface Command {
  name: (typeof names)[number];
  a: number;
  b: number;
  c: number;
}

const names = [
  'accept',
  'accept',
  'accept',
  'claim',
  'claim',
  'claimOf',
  'settle',
  'settle',
  'settle',
  'release',
  'list',
  'heartbeat',
  'register',
  'recover',
  'forget',
  'neighbours',
  'disable',
  'resend',
  'resend',
  'reserve',
  'conflicts',
  'config',
  'next due',
  'advance',
  'advance',
] as const;
const command: fc.Arbitrary<Command> = fc.record({
  name: fc.constantFrom(...names),
  a: fc.nat({ max: 1_000 }),
  b: fc.nat({ max: 1_000 }),
  c: fc.nat({ max: 1_000 }),
});

const pick = <T>(items: readonly T[], n: number): T | undefined => items[n % Math.max(1, items.length)];
const transitions = (attempts: number): (Transition | { state: 'cancelled'; attempts: number })[] => [
  { state: 'succeeded', attempts },
  { state: 'retrying', attempts, delayMs: 0 },
  { state: 'retrying', attempts, delayMs: 40_000 },
  { state: 'retrying', attempts, resume: true },
  { state: 'exhausted', attempts },
  { state: 'cancelled', attempts },
];

/** What a command does, the same on both sides; everything that chance decides is decided before. */
class Run {
  readonly model: Server;
  advancedMs = 0;
  #stored: MessageToStore[] = [];

  constructor() {
    const startedAtMs = performance.now();
    this.model = new Server(() => performance.now() - startedAtMs + this.advancedMs);
  }

  plan({ name, a, b, c }: Command): (side: Side) => Promise<unknown> {
    const { schema } = this.model;
    const byKey = <T>(key: (value: T) => string, values: T[]) =>
      values.toSorted((x, y) => (key(x) < key(y) ? -1 : 1));
    const deliveries = byKey((one) => deliveryKey(one.messageId, one.endpointId), schema.deliveries.values());
    const processes = [...schema.processes.values().map(({ id }) => id), 77];
    const owner = pick(processes, a) ?? 77;
    const leases = deliveries
      .filter(({ state }) => state === 'delivering')
      .map((one): Lease => ({ ...one, leaseOwner: one.leaseOwner ?? 0 }));
    const endpointId =
      pick(
        applications.flatMap(({ endpointIds }) => endpointIds),
        b,
      ) ?? '';
    const application = pick(applications, b)!;
    switch (name) {
      case 'accept': {
        const message = this.#message(application, { a, b, c });
        const lease = { owner, firstDelayMs: c % 3 === 0 ? 20_000 : 0 };
        this.#stored.push(message);
        return async ({ pool }) => {
          // The two have clocks of their own.
          const nowMs = pool === store.pool ? Date.now() : epochMs + modelNow(this);
          const sent = c % 6 === 1 ? deliveredLater(message, nowMs + 30_000) : message;
          const results = await acceptMessages(pool, [sent], lease);
          return [...results.values()].map((one) => ({ ...one, createdAt: undefined }));
        };
      }
      case 'claim': {
        const limits = {
          endpointsMax: 1 + (a % 4),
          perEndpointMax: 1 + (b % 3),
          bytesMax: c % 4 === 0 ? 40 : 1e9,
          fullEndpoints: c % 5 === 0 ? [endpointId] : [],
        };
        // Which of two endpoints that are due at the same moment comes first is nobody's promise.
        if (limits.endpointsMax < 3 || limits.bytesMax < 1e9)
          limits.endpointsMax = limits.bytesMax < 1e9 ? 4 : 3;
        return async ({ pool }) =>
          byKey(
            (one) => deliveryKey(one.messageId, one.endpointId),
            await readContents(pool, await claimDeliveries(pool, owner, limits)),
          );
      }
      case 'claimOf': {
        const ofThem = { endpointIds: [endpointId], perEndpointMax: 1 + (b % 3), bytesMax: 1e9 };
        return async ({ pool }) =>
          byKey(
            (one) => deliveryKey(one.messageId, one.endpointId),
            await readContents(pool, await claimDeliveriesOf(pool, owner, ofThem)),
          );
      }
      case 'settle': {
        const lease = pick(leases, a);
        const attempts = (deliveries.find((one) => one.messageId === lease?.messageId)?.attempts ?? 0) + 1;
        const given = lease ?? { ...(pick(deliveries, a) ?? nowhere), leaseOwner: 1 };
        const stale = { ...given, leaseSeq: given.leaseSeq + (b % 4 === 0 ? 1 : b % 4 === 1 ? -1 : 0) };
        const transition = pick(transitions(attempts), c)!;
        const attempt = transition.state === 'cancelled' ? null : { id: `atmpt_${a % 400}` };
        const settled = settledAs(stale, transition, attempt);
        const isTaken = schema.attempts.values().some(({ id }) => id === attempt?.id);
        return ({ pool }) => settleDeliveries(pool, [settled], failingMaxMs, isTaken || b % 2 === 0);
      }
      case 'release': {
        const given = leases.filter((_, i) => (a >> (i % 8)) % 2 === 0);
        return ({ pool }) => releaseLeases(pool, given, b % 2 === 0 ? 0 : 30_000);
      }
      case 'list':
        return async ({ pool }) =>
          byKey((one) => deliveryKey(one.messageId, one.endpointId), await listLeases(pool, owner));
      case 'heartbeat':
        return async ({ pool }) => {
          const { alive, wasSilentMs, silentIds } = await recordHeartbeat(pool, owner, silentMaxMs);
          const wasSilentSeconds = wasSilentMs === null ? null : Math.round(wasSilentMs / 1_000);
          return { alive, wasSilentSeconds, silentIds: silentIds.toSorted((x, y) => x - y) };
        };
      case 'register':
        return ({ pool }) =>
          registerProcess(pool, { host: a % 3 === 0 ? null : `h${a % 2}`, pid: b, version: 'test' });
      case 'recover': {
        const deadIds = a % 3 === 0 ? [owner] : [];
        const silentIds = processes.filter((id) => id % 4 !== c % 4);
        return async ({ pool }) => {
          const recovered = await recoverLeases(pool, silentMaxMs, { deadIds, silentIds });
          return { ...recovered, processIds: recovered.processIds.toSorted((x, y) => x - y) };
        };
      }
      case 'forget':
        return ({ pool }) => (a % 3 === 0 ? forgetProcess(pool, owner) : Promise.resolve());
      case 'neighbours':
        return async ({ pool }) =>
          byKey(({ id }) => String(id), await listNeighbours(pool, `h${b % 2}`, owner));
      case 'disable':
        return ({ pool }) => (a % 4 === 0 ? disableEndpoint(pool, endpointId, 'gone') : Promise.resolve());
      case 'resend': {
        const messageId = pick([...this.#stored.map(({ id }) => id), 'msg_none'], a)!;
        return ({ queries }) =>
          requestResend(queries, { applicationId: application.id, messageId, endpointId });
      }
      case 'reserve':
        return async ({ pool }) => near(await reserveStarts(pool, endpointId, 1 + (a % 100), 1 + (c % 3)));
      case 'conflicts':
        return async ({ pool }) =>
          [...(await findConflicts(pool, this.#stored.slice(-3)))].map(([id, { key, eventIdTakenBy }]) => [
            id,
            key?.messageId,
            key?.fingerprint.toString(),
            key?.createdAt === null,
            eventIdTakenBy,
          ]);
      case 'config':
        return async ({ pool }) => {
          const found = await findApplicationConfig(pool, box, this.environmentId, application.id);
          const loaded = await loadApplicationConfig(pool, box, application.id);
          const disabled = loaded?.endpoints.map(({ id, ...endpoint }) => [id, endpoint.disabled]);
          return [
            found?.version,
            loaded?.version,
            disabled,
            await currentConfigVersion(pool, application.id),
          ];
        };
      case 'next due':
        return async ({ pool }) => near((await nextDue(pool, a % 3 === 0 ? [endpointId] : []))?.inMs);
      case 'advance':
        return () => Promise.resolve();
    }
  }

  environmentId = '';

  #message(application: TestApplication, { a, b, c }: Omit<Command, 'name'>): MessageToStore {
    const version = this.model.schema.applications.rows.get(application.id)?.value?.version ?? 0;
    return store.makeMessage(application, {
      leased: a % 2 === 0,
      configVersion: String(version + (a % 7 === 0 ? 1 : 0)),
      payload: Buffer.from(`{"n":${c % 10}}`),
      ...(b % 3 === 0 ? { idempotency: { key: `key ${c % 3}`, fingerprint: Buffer.from([c % 2]) } } : {}),
      ...(b % 5 === 0 ? { eventId: `event ${c % 3}` } : {}),
    });
  }
}

function deliveredLater(message: MessageToStore, atMs: number): MessageToStore {
  const deliveries = message.deliveries.map(({ endpointId }) => ({ endpointId, leased: false }));
  return { ...message, deliveries, deliverAt: new Date(atMs), contentType: 'text/xml', contentHours: 48 };
}

const nowhere = { applicationId: 'app_none', messageId: 'msg_none', endpointId: 'ep_none', leaseSeq: 1 };
/** Within the tolerance of each other when their difference is smaller; a number for comparing with `closeTo`. */
const near = (ms: number | undefined) => (ms === undefined ? null : { ms });

const byText = (a: unknown[], b: unknown[]) => (String(a.slice(0, 3)) < String(b.slice(0, 3)) ? -1 : 1);
const inMs = (atMs: number | null, nowMs: number) => (atMs === null ? null : { ms: atMs - nowMs });

async function realRows() {
  const rows = async (text: string) =>
    (await store.pool.query<unknown[]>({ text, rowMode: 'array' } as unknown as pg.QueryArrayConfig)).rows;
  const age = (column: string) => `(extract(epoch from ${column} - clock_timestamp()) * 1000)::float8`;
  const timed = (table: unknown[][], from: number) =>
    table
      .map((row) => row.map((value, i) => (i >= from && value !== null ? { ms: value } : value)))
      .toSorted(byText);
  return {
    deliveries: timed(
      await rows(`select message_id || ' ' || endpoint_id, state::text, attempts, trigger, lease_owner, lease_seq,
        ${age('next_attempt_at')}, ${age('resume_at')} from posthorn.delivery`),
      6,
    ),
    due: timed(await rows(`select endpoint_id, ${age('due_at')} from posthorn.endpoint_due`), 1),
    failing: timed(await rows(`select endpoint_id, ${age('since')} from posthorn.endpoint_failing`), 1),
    limits: timed(await rows(`select id, ${age('next_at')} from posthorn.rate_limit`), 1),
    processes: timed(await rows(`select id, ${age('heartbeat_at')} from posthorn.process`), 1),
    attempts: timed(await rows('select id, message_id, endpoint_id, outcome from posthorn.attempt'), 9),
    messages: timed(await rows('select id, event_id from posthorn.message'), 9),
  };
}

function modelRows(server: Server, nowMs: number) {
  const { schema } = server;
  return {
    deliveries: schema.deliveries
      .values()
      .map((one) => [
        deliveryKey(one.messageId, one.endpointId),
        one.state,
        one.attempts,
        one.trigger,
        one.leaseOwner,
        one.leaseSeq,
        inMs(one.nextAtMs, nowMs),
        inMs(one.resumeAtMs, nowMs),
      ])
      .toSorted(byText),
    due: schema.due
      .values()
      .map((one) => [one.endpointId, inMs(one.dueAtMs, nowMs)])
      .toSorted(byText),
    failing: schema.failing
      .values()
      .map((one) => [one.endpointId, inMs(one.sinceMs, nowMs)])
      .toSorted(byText),
    limits: [...schema.rateLimits.rows.values()]
      .map(({ key, value }) => [key, inMs(value?.nextAtMs ?? 0, nowMs)])
      .toSorted(byText),
    processes: schema.processes
      .values()
      .map((one) => [one.id, inMs(one.heartbeatAtMs, nowMs)])
      .toSorted(byText),
    attempts: schema.attempts
      .values()
      .map((one) => [one.id, one.messageId, one.endpointId, one.outcome])
      .toSorted(byText),
    messages: schema.messages
      .values()
      .map((one) => [one.id, one.eventId])
      .toSorted(byText),
  };
}

/** Times are wrapped as `{ ms }`; all else must be equal. */
function expectSame(model: unknown, real: unknown, what: string): void {
  const close = (value: unknown, other: unknown): unknown => {
    if (Array.isArray(value) && Array.isArray(other)) return value.map((one, i) => close(one, other[i]));
    if (typeof value !== 'object' || value === null || typeof other !== 'object' || other === null)
      return value;
    const [a, b] = [(value as { ms?: unknown }).ms, (other as { ms?: unknown }).ms];
    if (typeof a === 'number' && typeof b === 'number') return Math.abs(a - b) <= toleranceMs ? other : value;
    const pairs = Object.entries(value).map(([key, one]) => [
      key,
      close(one, (other as Record<string, unknown>)[key]),
    ]);
    return Buffer.isBuffer(value) ? value : Object.fromEntries(pairs);
  };
  expect(close(model, real), what).toEqual(real);
}

async function prepare(run: Run): Promise<void> {
  await store.pool.query(`truncate posthorn.message, posthorn.message_body, posthorn.delivery, posthorn.attempt,
    posthorn.endpoint_due, posthorn.endpoint_failing, posthorn.rate_limit, posthorn.idempotency_key,
    posthorn.message_event_id`);
  await store.pool.query('truncate posthorn.process restart identity');
  await store.pool.query('update posthorn.endpoint set disabled = false');
  const { rows } = await store.pool.query<{ id: string; environment_id: string; config_version: string }>(
    'select id, environment_id, config_version from posthorn.application',
  );
  const tx = run.model.begin();
  const { schema } = run.model;
  for (const { id, environment_id: environmentId, config_version } of rows) {
    run.environmentId = environmentId;
    tx.write(schema.applications.row(id), {
      id,
      environmentId,
      uid: null,
      throttleRate: null,
      version: Number(config_version),
      deleted: false,
    });
  }
  for (const { id: applicationId, endpointIds } of applications) {
    for (const id of endpointIds) {
      const base = { id, applicationId, url: 'http://receiver.test/', eventTypes: null, channels: null };
      const off = { disabled: false, disabledReason: null, deleted: false };
      tx.write(schema.endpoints.row(id), { ...base, ...off, throttleRate: null, secretHex: '' });
    }
  }
  run.model.commit(tx);
}

/** Time passes: for the model by its clock, for PostgreSQL by moving everything that is stored into the past. */
async function advance(run: Run, byMs: number): Promise<void> {
  run.advancedMs += byMs;
  const back = (column: string) => `${column} = ${column} - ${byMs} * interval '1 ms'`;
  await store.pool.query(
    `update posthorn.delivery set ${back('next_attempt_at')}, ${back('resume_at')};
     update posthorn.endpoint_due set ${back('due_at')};
     update posthorn.endpoint_failing set ${back('since')};
     update posthorn.rate_limit set ${back('next_at')};
     update posthorn.process set ${back('heartbeat_at')};`,
  );
}

it('answers and stores as PostgreSQL does, for every sequence of commands', async () => {
  const seen = new Set<string>();
  await fc.assert(
    fc.asyncProperty(fc.array(command, { minLength: 25, maxLength: 60 }), async (commands) => {
      const run = new Run();
      await prepare(run);
      const pool = new ModelPool(run.model) as unknown as pg.Pool;
      const queries: Queries = new Kysely({ dialect: new PostgresDialect({ pool }) });
      const register: Command = { name: 'register', a: 1, b: 1, c: 1 };
      for (const one of [register, ...commands]) {
        if (one.name === 'advance') await advance(run, one.a % 2 === 0 ? 25_000 : 55_000);
        const execute = run.plan(one);
        const what = JSON.stringify(one);
        const [model, real] = [
          await execute({ pool, queries }),
          await execute({ pool: store.pool, queries: store.db.queries }),
        ];
        expectSame(model, real, what);
        expectSame(modelRows(run.model, modelNow(run)), await realRows(), what);
        for (const { state } of run.model.schema.deliveries.values())
          seen.add(isOpen(state) ? `open ${state}` : state);
      }
    }),
    { numRuns: 25, endOnFailure: true },
  );
  // It went through every state: the comparison was about something.
  expect([...seen].toSorted()).toEqual([
    'cancelled',
    'delivering',
    'exhausted',
    'open pending',
    'open retrying',
    'succeeded',
  ]);
}, 300_000);

function modelNow(run: Run): number {
  return run.model.begin().nowMs;
}
