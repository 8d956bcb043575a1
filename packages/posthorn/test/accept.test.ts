// The acceptor on a real database: who shares a statement with whom, and that nothing goes round for ever.
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type NewMessage, OverloadedError } from '../src/core/acceptance.ts';
import { Acceptor } from '../src/delivery/accept.ts';
import { acceptDeps } from './support/accepting.ts';
import { openTestStore, type TestApplication, type TestStore } from './support/store.ts';
import { waitFor } from './support/wait.ts';

let store: TestStore;
let environmentId: string;
let owner: number;

beforeAll(async () => {
  store = await openTestStore();
  owner = await store.makeProcess();
  const { rows } = await store.pool.query<{ id: string }>('select id from posthorn.environment');
  environmentId = rows[0]!.id;
});
afterAll(() => store.stop());

const makeAcceptor = (waitMaxMs?: number) =>
  new Acceptor({ ...acceptDeps(store, owner), ...(waitMaxMs === undefined ? {} : { waitMaxMs }) });

const messageFor = ({ id }: TestApplication, more: Partial<NewMessage> = {}): NewMessage => ({
  environmentId,
  application: id,
  eventType: 'user.created',
  payload: Buffer.from('{}'),
  ...more,
});

describe('an idempotency key of a message that was refused for its event id', () => {
  const forgetEventIds = () => store.pool.query('delete from posthorn.message_event_id');

  it.each([
    ['an application without an order', null],
    ['an application with one', 'block'],
  ])(
    'does not hold up its repetition when the event id is free again (retention): %s',
    async (_, ordering) => {
      const application = await store.makeApplication(1);
      await store.pool.query('update posthorn.endpoint set ordering = $1 where application_id = $2', [
        ordering,
        application.id,
      ]);
      const acceptor = makeAcceptor();
      const eventId = store.newId('msg_');
      const idempotency = { key: eventId, fingerprint: Buffer.from('same') };
      const first = await acceptor.accept(messageFor(application, { eventId }));
      expect(first.kind).toBe('accepted');
      const repeat = messageFor(application, { eventId, idempotency });
      expect((await acceptor.accept(repeat)).kind).toBe('duplicate_event_id');
      await forgetEventIds();
      expect(await acceptor.accept(repeat)).toMatchObject({ kind: 'accepted', replayed: false });
      expect(await acceptor.accept(repeat)).toMatchObject({ kind: 'accepted', replayed: true });
    },
  );
});

describe('an application with a thousand endpoints', () => {
  it('is stored a few messages at a time, and never together with another', async () => {
    const [wide, narrow] = [await store.makeApplication(1_000), await store.makeApplication(1)];
    const acceptor = makeAcceptor();
    const order: string[] = [];
    const acceptFor = async (application: TestApplication) => {
      expect((await acceptor.accept(messageFor(application))).kind).toBe('accepted');
      order.push(application.id);
    };
    // Their configurations are in memory from here on.
    for (const application of [wide, narrow]) await acceptFor(application);
    await Promise.all([...Array.from({ length: 30 }, () => acceptFor(wide)), acceptFor(narrow)]);
    expect(order.slice(2).indexOf(narrow.id)).toBeLessThan(30);
    const { rows } = await store.pool.query<{ applications: number; rows: number }>(
      `select count(distinct application_id)::integer as applications, count(*)::integer as rows
       from posthorn.delivery where application_id = any ($1) group by xmin::text`,
      [[wide.id, narrow.id]],
    );
    expect(Math.max(...rows.map(({ applications }) => applications))).toBe(1);
    expect(Math.max(...rows.map((row) => row.rows))).toBeLessThanOrEqual(5_000);
    expect(rows.reduce((sum, row) => sum + row.rows, 0)).toBe(31_000 + 2);
  });
});

describe('an application that sends more than is stored at once', () => {
  it('is told to wait, and leaves memory to the others', async () => {
    const [flood, other] = [await store.makeApplication(1), await store.makeApplication(1)];
    const acceptor = makeAcceptor();
    const large = { payload: Buffer.alloc(8 * 1024 * 1024, ' ') };
    const flooding = Array.from({ length: 12 }, () => acceptor.accept(messageFor(flood, large)));
    const others = acceptor.accept(messageFor(other, large));
    const results = await Promise.allSettled(flooding);
    const refused = results.filter((result) => result.status === 'rejected');
    expect(refused.every(({ reason }) => reason instanceof OverloadedError)).toBe(true);
    // Half of 64 MiB.
    expect(results.length - refused.length).toBe(4);
    expect((await others).kind).toBe('accepted');
    // What it held is free again.
    expect((await acceptor.accept(messageFor(flood, large))).kind).toBe('accepted');
  });
});

describe('an application that sends very many very small messages at once', () => {
  it('is told to wait, and the others come next', async () => {
    const [flood, other] = [await store.makeApplication(0), await store.makeApplication(0)];
    const acceptor = makeAcceptor();
    // Their configurations are in memory from here on.
    for (const application of [flood, other]) await acceptor.accept(messageFor(application));
    let [accepted, refused] = [0, 0];
    const flooding = Array.from({ length: 40_000 }, () =>
      acceptor.accept(messageFor(flood)).then(
        () => (accepted += 1),
        () => (refused += 1),
      ),
    );
    expect((await acceptor.accept(messageFor(other))).kind).toBe('accepted');
    expect(accepted).toBeLessThan(10_000);
    await Promise.all(flooding);
    // What waits takes memory, however little there is in it.
    expect(refused).toBeGreaterThan(5_000);
  });
});

describe('a message that was sent before', () => {
  setFlagsFromString('--expose-gc');
  const collectGarbage = runInNewContext('gc') as () => void;

  it('is not kept in memory after it was answered', async () => {
    const application = await store.makeApplication(1);
    const acceptor = makeAcceptor();
    const idempotency = { key: store.newId('msg_'), fingerprint: Buffer.from('same') };
    const sendAgain = async () => {
      const payload = Buffer.alloc(1_024, ' ');
      await acceptor.accept(messageFor(application, { payload, idempotency }));
      return new WeakRef(payload);
    };
    const sent: WeakRef<Buffer>[] = [];
    for (let n = 0; n < 20; n += 1) sent.push(await sendAgain());
    // The first is stored and waits for its delivery; the last may still be somebody's.
    const kept = () => {
      collectGarbage();
      return sent.filter((payload) => payload.deref() !== undefined).length;
    };
    await waitFor(() => kept() <= 2, { what: 'memory without the others' });
  });
});

/** Runs `work` while another session holds what `lock` takes; that one is left alone until `release`. */
async function whileLocked(
  [lock, values]: readonly [string, unknown[]],
  work: (release: () => Promise<unknown>) => Promise<void>,
): Promise<void> {
  const other = store.openPool(1);
  await other.query('begin');
  await other.query('set local idle_in_transaction_session_timeout = 0');
  await other.query(lock, values);
  try {
    await work(() => other.query('rollback'));
  } finally {
    await other.query('rollback');
  }
}

describe('while the statement that stores messages does not end', () => {
  it('those whose turn has not come are refused when they have waited too long, and nothing of them is stored', async () => {
    const application = await store.makeApplication(1);
    const acceptor = makeAcceptor(1_000);
    await acceptor.accept(messageFor(application));
    await whileLocked(['lock table posthorn.message in access exclusive mode', []], async (release) => {
      const refused: unknown[] = [];
      const asked = Array.from({ length: 500 }, () =>
        acceptor.accept(messageFor(application)).catch((error: unknown) => refused.push(error)),
      );
      await waitFor(() => refused.length >= 100, {
        timeoutMs: 8_000,
        what: 'the refusal of the last hundred',
      });
      expect(refused).toHaveLength(100);
      expect(refused.every((error) => error instanceof OverloadedError)).toBe(true);
      await release();
      await Promise.all(asked);
      expect(refused).toHaveLength(100);
    });
    expect(await store.count('posthorn.message where application_id = $1', [application.id])).toBe(401);
    expect((await acceptor.accept(messageFor(application))).kind).toBe('accepted');
  });
});
