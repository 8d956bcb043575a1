// The outbox's publisher on a real database: how much it stores at once, and who waits for whom.
import { randomBytes } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createOutboxPublisher, type OutboxPublisher } from '../src/delivery/outbox-publisher.ts';
import { systemClock } from '../src/lib/clock.ts';
import { createSecretBox } from '../src/store/secret-box.ts';
import { openTestStore, type TestApplication, type TestStore } from './support/store.ts';

const quiet = { debug() {}, info() {}, warn() {}, error() {} };

let store: TestStore;
let environmentId: string;

beforeAll(async () => {
  store = await openTestStore();
  const { rows } = await store.pool.query<{ id: string }>('select id from posthorn.environment');
  environmentId = rows[0]!.id;
});
afterAll(() => store.stop());

function makePublisher(pool = store.pool): OutboxPublisher {
  const box = createSecretBox(randomBytes(32));
  return createOutboxPublisher({ pool, box, firstDelayMs: 0, clock: systemClock, log: quiet, wake() {} });
}

async function send(application: TestApplication, count = 1): Promise<void> {
  await store.pool.query(
    `select posthorn.send($1, 'user.created', '{}', environment => $2) from generate_series(1, $3::integer)`,
    [application.id, environmentId, count],
  );
}

const shardOf = async ({ id }: TestApplication): Promise<number> => {
  const { rows } = await store.pool.query<{ shard: number }>(
    'select shard from posthorn.outbox where application = $1 limit 1',
    [id],
  );
  return rows[0]!.shard;
};

const storedOf = ({ id }: TestApplication) => store.count('posthorn.message where application_id = $1', [id]);

const idsOf = async (from: string, { id }: TestApplication): Promise<string[]> => {
  const { rows } = await store.pool.query<{ id: string }>(from, [id]);
  return rows.map((row) => row.id);
};

describe('an application with a thousand endpoints', () => {
  it('is stored a few messages at a time, in the order in which they were written', async () => {
    const wide = await store.makeApplication(1_000);
    await send(wide, 12);
    const sent = await idsOf(
      'select message_id as id from posthorn.outbox where application = $1 order by seq',
      wide,
    );
    const publisher = makePublisher();
    for (let before = 0; before < sent.length; ) {
      await publisher.runOnce();
      const stored = await idsOf('select id from posthorn.message where application_id = $1', wide);
      expect(stored.length).toBeGreaterThan(before);
      expect(stored.toSorted()).toEqual(sent.slice(0, stored.length).toSorted());
      before = stored.length;
    }
    const { rows } = await store.pool.query<{ count: number }>(
      `select count(*)::integer from posthorn.delivery where application_id = $1 group by xmin::text`,
      [wide.id],
    );
    expect(rows.reduce((sum, { count }) => sum + count, 0)).toBe(12_000);
    expect(Math.max(...rows.map(({ count }) => count))).toBeLessThanOrEqual(5_000);
    expect(await store.count('posthorn.outbox')).toBe(0);
  });
});

/** Two applications with a message each, the one with the earlier shard first. */
async function inTwoShards(): Promise<[TestApplication, TestApplication]> {
  const one = await store.makeApplication();
  await send(one);
  for (;;) {
    const other = await store.makeApplication();
    await send(other);
    const difference = (await shardOf(one)) - (await shardOf(other));
    if (difference !== 0) return difference < 0 ? [one, other] : [other, one];
  }
}

describe('an application that cannot be stored now', () => {
  it('holds up none of another shard', async () => {
    const [held, free] = await inTwoShards();
    const holder = await store.pool.connect();
    try {
      await holder.query('begin');
      await holder.query('select from posthorn.application where id = $1 for update', [held.id]);
      const impatient = store.openPool(1);
      await impatient.query('set statement_timeout = 200');
      await expect(makePublisher(impatient).runOnce()).rejects.toMatchObject({ code: '57014' });
      expect([await storedOf(held), await storedOf(free)]).toEqual([0, 1]);
    } finally {
      await holder.query('rollback');
      holder.release();
    }
    await makePublisher().runOnce();
    expect(await storedOf(held)).toBe(1);
  });
});
