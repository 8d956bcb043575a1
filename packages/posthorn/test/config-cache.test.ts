// The configuration in memory while it changes: what is refused is used for nothing but the limits it still holds.
import { randomBytes } from 'node:crypto';
import { afterAll, beforeAll, beforeEach, expect, it } from 'vitest';
import { ConfigCache } from '../src/delivery/config-cache.ts';
import { systemClock } from '../src/lib/clock.ts';
import { createSecretBox } from '../src/store/secret-box.ts';
import { openTestStore, type TestApplication, type TestStore } from './support/store.ts';

let store: TestStore;
let application: TestApplication;
let environmentId: string;
let configs: ConfigCache;

beforeAll(async () => {
  store = await openTestStore();
});
afterAll(() => store.stop());
beforeEach(async () => {
  application = await store.makeApplication(1);
  const { rows } = await store.pool.query<{ id: string }>('select id from posthorn.environment');
  environmentId = rows[0]!.id;
  configs = new ConfigCache({ pool: store.pool, box: createSecretBox(randomBytes(32)), clock: systemClock });
});

const setRate = (rate: number) =>
  store.pool.query('update posthorn.endpoint set throttle_rate = $1 where application_id = $2', [
    rate,
    application.id,
  ]);
const rateInMemory = () => configs.peek(application.id)?.endpoints[0]?.throttleRate;

it('keeps the limits of a refused version until the next one is here', async () => {
  await setRate(1);
  const first = (await configs.forSend(application.id))!;
  await setRate(2);
  configs.refuse(first);
  expect(rateInMemory()).toBe(1);
  const loading = configs.forSend(application.id);
  expect(rateInMemory()).toBe(1);
  expect((await loading)?.endpoints[0]?.throttleRate).toBe(2);
  expect(rateInMemory()).toBe(2);
});

it('matches nothing against a refused version', async () => {
  const first = (await configs.forAccept(environmentId, application.id))!;
  expect(await configs.forAccept(environmentId, application.id)).toBe(first);
  await setRate(3);
  configs.refuse(first);
  // An answer to a statement from before the change does not bring it back.
  configs.confirm(first);
  const next = await configs.forAccept(environmentId, application.id);
  expect(next?.version).not.toBe(first.version);
});

it('forgets an application that was deleted', async () => {
  const first = (await configs.forSend(application.id))!;
  await store.pool.query('update posthorn.application set deleted_at = now() where id = $1', [
    application.id,
  ]);
  configs.refuse(first);
  expect(await configs.forSend(application.id)).toBeUndefined();
  expect(configs.peek(application.id)).toBeUndefined();
});

it('cancels by nothing from before the question', async () => {
  const first = (await configs.forSend(application.id))!;
  await store.pool.query('update posthorn.endpoint set disabled = true where application_id = $1', [
    application.id,
  ]);
  // Within its second it may be sent by, and not be cancelled by.
  expect(await configs.forSend(application.id)).toBe(first);
  const [one, other] = [configs.forCancel(application.id), configs.forCancel(application.id)];
  expect((await one)?.endpoints[0]?.disabled).toBe(true);
  expect(await other).toBe(await one);
});

it('holds only so many endpoints, whoever they belong to, and loads the others again', async () => {
  const weighed = new ConfigCache({
    pool: store.pool,
    box: createSecretBox(randomBytes(32)),
    clock: systemClock,
    weightMax: 10,
  });
  const [first, second, giant] = [
    await store.makeApplication(4),
    await store.makeApplication(4),
    await store.makeApplication(20),
  ];
  const inMemory = () => [first, second, giant].map(({ id }) => weighed.peek(id) !== undefined);
  const load = (id: string) => weighed.forAccept(environmentId, id);
  for (const { id } of [first, second, first]) expect((await load(id))?.endpoints).toHaveLength(4);
  expect(inMemory()).toEqual([true, true, false]);
  expect((await load(giant.id))?.endpoints).toHaveLength(20);
  expect(inMemory()).toEqual([false, false, true]);
  await load(second.id);
  expect(inMemory()).toEqual([false, true, false]);
  // What is loaded anew for a change is counted once.
  for (let n = 0; n < 5; n += 1) {
    weighed.refuse((await load(second.id))!);
    await load(second.id);
  }
  await load(first.id);
  expect(inMemory()).toEqual([true, true, false]);
});
