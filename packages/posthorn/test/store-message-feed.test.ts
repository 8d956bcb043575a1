// The feed under writers that commit in any order: whoever follows it sees every message once, in the order of places.
import { afterAll, beforeAll, expect, test } from 'vitest';
import { acceptMessages } from '../src/store/accept-messages.ts';
import { positionBefore, readFeed } from '../src/store/message-feed.ts';
import type { FeedPosition } from '../src/store/message-feed.ts';
import { inTransaction } from '../src/store/transaction.ts';
import { openTestStore } from './support/store.ts';
import type { TestApplication, TestStore } from './support/store.ts';
import { waitFor } from './support/wait.ts';

let store: TestStore;
let owner: number;

beforeAll(async () => {
  store = await openTestStore();
  owner = await store.makeProcess();
});
afterAll(() => store.stop());

async function fedApplication(): Promise<TestApplication> {
  const application = await store.makeApplication(1);
  await store.pool.query('insert into posthorn.application_feed values ($1, 0)', [application.id]);
  return application;
}

const lease = () => ({ owner, firstDelayMs: 0 });
const fed = (application: TestApplication) => store.makeMessage(application, { fed: true, leased: false });

/** Reads on from `from` in small pages until nothing follows. */
async function readOn(
  application: TestApplication,
  from: FeedPosition,
  onto: string[],
): Promise<FeedPosition> {
  let at = from;
  for (;;) {
    const rows = await readFeed(store.db.queries, application.id, { from: at, rowsMax: 7 });
    onto.push(...rows.map(({ id }) => id));
    const last = rows.at(-1);
    if (!last) return at;
    at = { place: last.place, messageId: last.id };
  }
}

test('a reader that passes while four writers hold their commits back skips nothing and sees nothing twice', async () => {
  const application = await fedApplication();
  const sent: string[] = [];
  let writing = true;
  const write = async (writer: number) => {
    for (let n = 0; n < 25; n += 1) {
      const messages = Array.from({ length: 1 + ((n + writer) % 3) }, () => fed(application));
      sent.push(...messages.map(({ id }) => id));
      await inTransaction(store.pool, async (client) => {
        await acceptMessages(client, messages, lease());
        // Its ids and its snapshot are old when it commits; others have begun and ended meanwhile, but for its lock.
        if (n % 4 === writer % 4) await client.query('select pg_sleep(0.02)');
      });
    }
  };
  const seen: string[] = [];
  const read = async () => {
    let at = positionBefore(0);
    while (writing) at = await readOn(application, at, seen);
    await readOn(application, at, seen);
  };
  const reading = read();
  await Promise.all([0, 1, 2, 3].map(write));
  writing = false;
  await reading;
  expect(seen.length).toBe(sent.length);
  expect(new Set(seen)).toEqual(new Set(sent));
});

test('while one accept is not committed, nothing that comes after it is shown', async () => {
  const application = await fedApplication();
  const [first, second] = [fed(application), fed(application)];
  const seen: string[] = [];
  const client = await store.pool.connect();
  await client.query('begin');
  await acceptMessages(client, [first], lease());
  const other = acceptMessages(store.pool, [second], lease());
  const reading = readOn(application, positionBefore(0), seen);
  await waitFor(
    async () =>
      (await store.count(
        `pg_stat_activity where wait_event_type = 'Lock' and datname = current_database()`,
      )) === 2,
    { what: 'the writer and the reader to wait' },
  );
  await client.query('commit');
  client.release();
  await other;
  const at = await reading;
  await readOn(application, at, seen);
  expect(seen).toEqual([first.id, second.id]);
});

test('a later delivery is shown at its time, in its place', async () => {
  const application = await fedApplication();
  const deliverAt = new Date(Date.now() + 6_000);
  const later = [1, 2].map(() => ({ ...fed(application), deliverAt }));
  const now = [fed(application), fed(application)];
  await acceptMessages(store.pool, [...later, ...now], lease());
  const seen: string[] = [];
  let at = await readOn(application, positionBefore(0), seen);
  expect(seen).toEqual(now.map(({ id }) => id));
  await waitFor(
    async () => {
      at = await readOn(application, at, seen);
      return seen.length === 4;
    },
    { what: 'the later ones' },
  );
  expect(Date.now()).toBeGreaterThanOrEqual(deliverAt.getTime());
  expect(seen).toEqual([...now, ...later].map(({ id }) => id));
});

test('messages of an application without pollers are in no feed', async () => {
  const application = await store.makeApplication(1);
  await acceptMessages(store.pool, [store.makeMessage(application)], lease());
  expect(await store.count('posthorn.message_feed where application_id = $1', [application.id])).toBe(0);
  expect(await readFeed(store.db.queries, application.id, { from: positionBefore(0), rowsMax: 5 })).toEqual(
    [],
  );
});
