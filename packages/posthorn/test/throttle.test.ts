// Rate limits hold also of applications that the configurations in memory have no room for.
import { randomBytes } from 'node:crypto';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { ConfigCache } from '../src/delivery/config-cache.ts';
import type { Work } from '../src/delivery/dispatch-hooks.ts';
import { Throttle } from '../src/delivery/throttle.ts';
import { systemClock } from '../src/lib/clock.ts';
import { createSecretBox } from '../src/store/secret-box.ts';
import { openTestStore, type TestApplication, type TestStore } from './support/store.ts';
import { waitFor } from './support/wait.ts';

let store: TestStore;
let other: TestApplication;
beforeAll(async () => {
  store = await openTestStore();
  other = await store.makeApplication(1);
});
afterAll(() => store.stop());

function open() {
  const { pool } = store;
  const logged: string[] = [];
  const note = (_fields: object, text: string) => void logged.push(text);
  const log = { debug: note, info: note, warn: note, error: note };
  // Room for one application with its endpoint.
  const deps = { pool, box: createSecretBox(randomBytes(32)), clock: systemClock, weightMax: 2 };
  const configs = new ConfigCache(deps);
  return { configs, throttle: new Throttle({ pool, configs, clock: systemClock, log }), logged };
}

async function makeWork(ratePerSecond: number | null): Promise<Work> {
  const { id, endpointIds } = await store.makeApplication(1);
  await store.pool.query('update posthorn.endpoint set throttle_rate = $2 where application_id = $1', [
    id,
    ratePerSecond,
  ]);
  return {
    applicationId: id,
    messageId: store.newId('msg_'),
    endpointId: endpointIds[0]!,
    leaseOwner: 1,
    leaseSeq: 1,
    attempts: 0,
    trigger: 'scheduled',
    hasResumeAt: false,
    payload: null,
    contentType: 'application/json',
  };
}

it('holds when the configuration was forgotten while the delivery waited', async () => {
  const { configs, throttle } = open();
  const work = await makeWork(1);
  await configs.forSend(work.applicationId);
  await configs.forSend(other.id);
  expect(configs.peek(work.applicationId)).toBeUndefined();
  // Nothing was reserved yet: whatever this answers but 0, it must not start.
  expect(throttle.wait(work)?.ms).toBeGreaterThan(0);
  await waitFor(() => throttle.wait(work) === undefined, { what: 'the first start' });
  expect(await store.count('posthorn.rate_limit where id = $1', [work.endpointId])).toBe(1);
  expect(throttle.wait(work)?.ms).toBeGreaterThan(0);
});

it('holds, and lets starts pass, while the configuration is forgotten over and over', async () => {
  const { configs, throttle } = open();
  const work = await makeWork(20);
  const startedMs: number[] = [];
  await waitFor(
    async () => {
      await configs.forSend(other.id);
      if (throttle.wait(work) === undefined) startedMs.push(performance.now());
      return startedMs.length === 11;
    },
    { what: 'eleven starts' },
  );
  expect(startedMs.at(-1)! - startedMs[0]!).toBeGreaterThan(9 * 50);
});

it('lets those pass that have no limit, or no application any more', async () => {
  const { throttle } = open();
  const unlimited = await makeWork(null);
  const deleted = await makeWork(1);
  await store.pool.query('update posthorn.application set deleted_at = now() where id = $1', [
    deleted.applicationId,
  ]);
  for (const work of [unlimited, deleted]) {
    await waitFor(() => throttle.wait(work) === undefined, { what: 'a start' });
    expect(throttle.wait(work)).toBeUndefined();
  }
});

it('lets nothing pass while the limits cannot be read', async () => {
  const { throttle, logged } = open();
  const work = await makeWork(1);
  await store.pool.query('alter table posthorn.application rename to application_away');
  try {
    expect(throttle.wait(work)?.ms).toBeGreaterThan(0);
    await waitFor(() => logged.length > 0, { what: 'a warning' });
    // Not asked for again at once.
    expect(throttle.wait(work)?.ms).toBeGreaterThan(100);
  } finally {
    await store.pool.query('alter table posthorn.application_away rename to application');
  }
  await waitFor(() => throttle.wait(work) === undefined, { what: 'the first start' });
});
