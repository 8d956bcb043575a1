// Somebody else has a row locked that a message needs: whoever is accepted at the same time does not wait for it.
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { OverloadedError } from '../src/core/acceptance.ts';
import { InboundAcceptor } from '../src/delivery/accept-inbound.ts';
import { type AcceptDeps, Acceptor } from '../src/delivery/accept.ts';
import { acceptDeps } from './support/accepting.ts';
import { openTestStore, type TestApplication, type TestStore } from './support/store.ts';
import { waitFor } from './support/wait.ts';

// A statement that waits until its timeout waits for 15 s.
const soonMs = 5_000;

let store: TestStore;
let environmentId: string;
let owner: number;
let uncertainCount: number;

beforeAll(async () => {
  store = await openTestStore();
  owner = await store.makeProcess();
  const { rows } = await store.pool.query<{ id: string }>('select id from posthorn.environment');
  environmentId = rows[0]!.id;
});
beforeEach(() => {
  uncertainCount = 0;
});
afterAll(() => store.stop());

/** All deliveries wait in the database: each endpoint is put on the list of those that have something due. */
const waitingDeps = (more: Partial<AcceptDeps> = {}): AcceptDeps => ({
  ...acceptDeps(store, owner, 60_000),
  onUncertain: () => (uncertainCount += 1),
  ...more,
});

/** Accepts one message of the application. */
type Send = (application: TestApplication) => Promise<{ kind: string }>;

const sender =
  (acceptor: Acceptor): Send =>
  ({ id }) =>
    acceptor.accept({
      environmentId,
      application: id,
      eventType: 'user.created',
      payload: Buffer.from('{}'),
    });

async function makeSource(): Promise<TestApplication> {
  const application = await store.makeApplication(1);
  await store.pool.query(
    `insert into posthorn.source (id, environment_id, name, type, provider, allowed_methods, body_max_bytes, deduplicate_by)
     values ($1, $2, $1, 'github', 'github', '{POST}', 1000, 'nothing')`,
    [application.id, environmentId],
  );
  return application;
}

const requestSender =
  (acceptor: InboundAcceptor): Send =>
  async ({ id }) => {
    const { rows } = await store.pool.query<{ version: string }>(
      'select version from posthorn.source where id = $1',
      [id],
    );
    const body = Buffer.from('{}');
    return acceptor.accept({
      id: store.newId('req_'),
      environmentId,
      sourceId: id,
      sourceVersion: rows[0]!.version,
      method: 'POST',
      query: '',
      headers: {},
      body,
      bodyBytes: body.length,
      address: undefined,
      verdict: 'accepted',
      messages: [{ eventType: 'push', payload: body }],
      replayed: false,
    });
  };

/** Runs `work` while another session has the endpoints of the applications locked on the list of those that are due. */
async function whileLocked(
  applications: TestApplication | readonly TestApplication[],
  work: (release: () => Promise<unknown>) => Promise<void>,
): Promise<void> {
  const other = store.openPool(1);
  await other.query('begin');
  await other.query('set local idle_in_transaction_session_timeout = 0');
  const ids = [applications].flat().map(({ id }) => id);
  const lock = 'select from posthorn.endpoint_due where application_id = any ($1) for update';
  expect((await other.query(lock, [ids])).rowCount).toBe(ids.length);
  try {
    await work(() => other.query('rollback'));
  } finally {
    await other.query('rollback');
  }
}

/** Statements that wait for a lock. */
const lockedCount = () =>
  store.count(
    `pg_stat_activity where datname = current_database() and wait_event_type = 'Lock' and query like '%posthorn.process where id = $15%'`,
  );
const messagesOf = ({ id }: TestApplication) =>
  store.count('posthorn.message where application_id = $1', [id]);

/** Deadline and all: `kind` of what `sent` resolves with, while nobody gives the lock back. */
async function answerOf(sent: Promise<{ kind: string }>, what: string): Promise<string | undefined> {
  let kind: string | undefined;
  let failure: unknown;
  sent.then(
    (acceptance) => (kind = acceptance.kind),
    (error: unknown) => (failure = error),
  );
  await waitFor(() => kind !== undefined || failure !== undefined, { timeoutMs: soonMs, what });
  expect(failure).toBeUndefined();
  return kind;
}

describe.each([
  ['messages', () => store.makeApplication(1), () => sender(new Acceptor(waitingDeps()))],
  ['requests of providers', makeSource, () => requestSender(new InboundAcceptor(waitingDeps()))],
] as const)('while somebody else has a row locked: %s', (_what, make, makeSend) => {
  it('those of others that share the statement are accepted, and those that need it when it is free', async () => {
    const [held, ...others] = await Promise.all(Array.from({ length: 30 }, () => make()));
    const send = makeSend();
    // Their configurations are in memory, and their endpoints on the list, from here on.
    for (const application of [held!, ...others]) await send(application);
    await whileLocked(held!, async (release) => {
      const all = [...others.slice(0, 15), held!, held!, ...others.slice(15)].map(
        (application) => [application, send(application)] as const,
      );
      const sentBy = (isHeld: boolean) =>
        all.filter(([application]) => (application === held) === isHeld).map(([, sent]) => sent);
      const kinds = sentBy(false).map((sent) => answerOf(sent, 'the others'));
      expect(new Set(await Promise.all(kinds))).toEqual(new Set(['accepted']));
      // It is known now that it waits: nobody waits with it once more.
      const late = send(held!);
      expect(await answerOf(send(others[0]!), 'the next of another')).toBe('accepted');
      expect(await messagesOf(held!)).toBe(1);
      await release();
      for (const sent of [...sentBy(true), late]) expect((await sent).kind).toBe('accepted');
    });
    expect(await messagesOf(held!)).toBe(4);
    expect(await messagesOf(others[0]!)).toBe(3);
    expect(await messagesOf(others[1]!)).toBe(2);
    // A statement that was given up had no effect.
    expect(uncertainCount).toBe(0);
  });

  it('those that need it leave room for others, when they were alone in their statements', async () => {
    const [held, other] = [await make(), await make()];
    const send = makeSend();
    for (const application of [held, other]) await send(application);
    await whileLocked(held, async (release) => {
      const first = send(held);
      await waitFor(async () => (await lockedCount()) === 1, { timeoutMs: soonMs, what: 'the first' });
      const second = send(held);
      expect(await answerOf(send(other), 'the other')).toBe('accepted');
      await release();
      for (const sent of [first, second]) expect((await sent).kind).toBe('accepted');
    });
    expect(await messagesOf(held)).toBe(3);
  });
});

describe('while somebody else has rows of many applications locked', () => {
  // As many as there are connections, and some.
  const heldCount = 15;

  it('they do not take every connection', async () => {
    const held = await Promise.all(Array.from({ length: heldCount }, () => store.makeApplication(1)));
    const free = await store.makeApplication(1);
    const send = sender(new Acceptor(waitingDeps({ waitMaxMs: 60_000 })));
    for (const application of [...held, free]) await send(application);
    await whileLocked(held, async (release) => {
      const sent = held.map(send);
      await waitFor(async () => (await lockedCount()) === 1, { timeoutMs: soonMs, what: 'the shared try' });
      await waitFor(async () => (await lockedCount()) === 3, { timeoutMs: soonMs, what: 'three at a time' });
      expect(store.pool.waitingCount).toBe(0);
      expect(await answerOf(send(free), 'the other')).toBe('accepted');
      expect(await lockedCount()).toBeLessThanOrEqual(3);
      await release();
      for (const { kind } of await Promise.all(sent)) expect(kind).toBe('accepted');
    });
  });
});

describe('while somebody else has a row of an application locked for long', () => {
  it('its messages are refused when they have waited too long, and nothing of them is stored', async () => {
    const held = await store.makeApplication(1);
    const send = sender(new Acceptor(waitingDeps({ waitMaxMs: 1_500 })));
    await send(held);
    await whileLocked(held, async () => {
      const refused: unknown[] = [];
      for (let n = 0; n < 3; n += 1) void send(held).catch((error: unknown) => refused.push(error));
      await waitFor(() => refused.length === 3, { timeoutMs: 10_000, what: 'the refusal' });
      expect(refused.every((error) => error instanceof OverloadedError)).toBe(true);
    });
    expect(await messagesOf(held)).toBe(1);
    expect((await send(held)).kind).toBe('accepted');
  });

  it('those of an endpoint with an order come in the order in which they were sent', async () => {
    const held = await store.makeApplication(1);
    await store.pool.query(`update posthorn.endpoint set ordering = 'block' where application_id = $1`, [
      held.id,
    ]);
    const acceptor = new Acceptor(waitingDeps());
    const send = (eventId: string) =>
      acceptor.accept({
        environmentId,
        application: held.id,
        eventType: 'user.created',
        eventId,
        payload: Buffer.from('{}'),
      });
    await send('0');
    await whileLocked(held, async (release) => {
      const sent = ['1', '2', '3'].map(send);
      await waitFor(async () => (await lockedCount()) === 1, { timeoutMs: soonMs, what: 'the first try' });
      await waitFor(async () => (await lockedCount()) === 0, { timeoutMs: soonMs, what: 'its end' });
      sent.push(send('4'));
      await release();
      for (const { kind } of await Promise.all(sent)) expect(kind).toBe('accepted');
    });
    const { rows } = await store.pool.query<{ event_id: string }>(
      `select m.event_id from posthorn.delivery d join posthorn.message m on m.id = d.message_id
       where d.application_id = $1 order by d.order_at`,
      [held.id],
    );
    expect(rows.map(({ event_id }) => event_id)).toEqual(['0', '1', '2', '3', '4']);
  });
});
