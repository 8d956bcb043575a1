// Claims for endpoints with an order by key: one of each key at a time, in the order of acceptance, over all processes.
import fc from 'fast-check';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { Ordering } from '../src/core/ordering.ts';
import type { Transition } from '../src/core/settle.ts';
import { acceptMessages } from '../src/store/accept-messages.ts';
import { claimByKey } from '../src/store/claim-by-key.ts';
import { type Claimed, claimDeliveries, nextDue } from '../src/store/claim-deliveries.ts';
import { claimInOrder } from '../src/store/claim-in-order.ts';
import { noteOrdering } from '../src/store/endpoint-order.ts';
import { forgetProcess, releaseLeases } from '../src/store/leases.ts';
import { expungePayloads } from '../src/store/messages.ts';
import { requestResend } from '../src/store/resend.ts';
import { settleDeliveries } from '../src/store/settle-deliveries.ts';
import { sweepKeys } from '../src/store/sweep-keys.ts';
import { openTestStore, settledAs, type TestApplication, type TestStore } from './support/store.ts';

const failingMaxMs = 3_600_000;
const hourMs = 3_600_000;
const retryLater: Transition = { state: 'retrying', attempts: 1, delayMs: hourMs };
const succeeded: Transition = { state: 'succeeded', attempts: 1 };
const exhausted: Transition = { state: 'exhausted', attempts: 1 };

let store: TestStore;
let owner: number;
let other: number;

beforeAll(async () => {
  store = await openTestStore(20);
});
afterAll(() => store.stop());
beforeEach(empty);

async function empty(): Promise<void> {
  await store.pool.query(
    `truncate posthorn.message, posthorn.message_body, posthorn.delivery, posthorn.attempt, posthorn.endpoint_due,
       posthorn.endpoint_order, posthorn.endpoint_key, posthorn.process`,
  );
  owner = await store.makeProcess();
  other = await store.makeProcess();
}

interface Keyed extends TestApplication {
  endpointId: string;
  ordering: Ordering | null;
  byKey: boolean;
}

type Order = Pick<Keyed, 'ordering' | 'byKey'>;

async function setOrder(application: Keyed, { ordering, byKey }: Order): Promise<void> {
  const { id: applicationId, endpointId } = application;
  await store.pool.query(
    'update posthorn.endpoint set ordering = $2, order_by_key = $3, only_newer = false where id = $1',
    [endpointId, ordering, byKey],
  );
  await noteOrdering(store.db.queries, { applicationId, endpointId, ordering, byKey });
  await renew(application);
  Object.assign(application, { ordering, byKey });
}

/** Matched against the configuration as it is now. */
async function renew(application: Keyed): Promise<void> {
  const { rows } = await store.pool.query<{ config_version: string }>(
    'select config_version from posthorn.application where id = $1',
    [application.id],
  );
  application.configVersion = rows[0]!.config_version;
}

async function makeKeyed(ordering: Ordering = 'block'): Promise<Keyed> {
  const made = await store.makeApplication(1);
  const application = { ...made, endpointId: made.endpointIds[0]!, ordering, byKey: true };
  await setOrder(application, { ordering, byKey: true });
  return application;
}

/** Accepts a message for each key, in one batch; undefined for one without. Gives their ids. */
async function add(
  application: Keyed,
  keys: readonly (string | undefined)[],
  eventAt?: Date,
): Promise<string[]> {
  const { endpointId, ordering, byKey } = application;
  const messages = keys.map((orderKey) =>
    store.makeMessage(application, {
      orderKey,
      eventAt,
      deliveries: [{ endpointId, leased: false, ordered: ordering !== null, byKey }],
    }),
  );
  const results = await acceptMessages(store.pool, messages, { owner, firstDelayMs: 0 });
  expect([...results.values()].map(({ kind }) => kind)).toEqual(keys.map(() => 'stored'));
  return messages.map(({ id }) => id);
}

const limitsOf = (perEndpointMax: number, bytesMax = 1e9) => ({
  endpointsMax: 100,
  perEndpointMax,
  bytesMax,
  fullEndpoints: [],
});
const claim = async (by = owner, perEndpointMax = 100) =>
  (await claimByKey(store.pool, by, limitsOf(perEndpointMax))).claimed;
const idsOf = (claimed: readonly Claimed[]) => claimed.map(({ messageId }) => messageId);
const claimIds = async (by = owner, perEndpointMax = 100) => idsOf(await claim(by, perEndpointMax));

async function settle(work: Claimed, transition: Transition = succeeded, onlyNewer = false) {
  const { turn } = work;
  const settled = {
    ...settledAs(work, transition, null),
    ...(turn && {
      turn: { passes: turn.ordering === 'skip', eventAtMs: onlyNewer ? turn.eventAtMs : undefined },
    }),
  };
  return settleDeliveries(store.pool, [settled], failingMaxMs);
}

async function settleAll(claimed: readonly Claimed[]): Promise<void> {
  for (const work of claimed) await settle(work);
}

async function makeAllDue(): Promise<void> {
  await store.pool.query("update posthorn.delivery set next_attempt_at = now() where state = 'retrying'");
  await store.pool.query('update posthorn.endpoint_key set due_at = now() where due_at is not null');
  await store.pool.query('update posthorn.endpoint_due set due_at = now()');
}

describe('a claim by key', () => {
  it('takes the front of each key, and the next one when that has ended', async () => {
    const application = await makeKeyed();
    const [a1, a2, b1, none1, none2, a3] = await add(application, ['a', 'a', 'b', undefined, undefined, 'a']);
    expect(await nextDue(store.pool, [])).toEqual({ inMs: 0, order: 'key' });
    const claimed = await claim();
    expect(idsOf(claimed).toSorted()).toEqual([a1, b1, none1, none2].toSorted());
    expect(claimed[0]).toMatchObject({ turn: { ordering: 'block' }, leaseOwner: owner, leaseSeq: 1 });
    for (const by of [owner, other]) expect(await claimIds(by)).toEqual([]);
    await settle(claimed.find(({ messageId }) => messageId === b1)!);
    expect(await claimIds(other)).toEqual([]);
    await settle(claimed.find(({ messageId }) => messageId === a1)!);
    const second = await claim(other);
    expect(idsOf(second)).toEqual([a2]);
    await settleAll(second);
    const third = await claim();
    expect(idsOf(third)).toEqual([a3]);
    await settleAll([...third, ...claimed]);
    expect(await claim()).toEqual([]);
    expect(await store.count('posthorn.endpoint_key')).toBe(0);
    expect((await store.due()).size).toBe(0);
  });

  it('leaves these endpoints to no other claim', async () => {
    const application = await makeKeyed();
    await add(application, ['a']);
    expect(await claimDeliveries(store.pool, owner, limitsOf(9))).toEqual([]);
    expect(await claimInOrder(store.pool, owner, { ...limitsOf(9), waitFor: [] })).toEqual({
      claimed: [],
      busyEndpoints: [],
    });
    expect(await claimIds()).toHaveLength(1);
  });

  it('finds the other keys behind one that has a thousand', async () => {
    const application = await makeKeyed();
    const [first] = await add(
      application,
      Array.from({ length: 1_000 }, () => 'busy'),
    );
    const later = await add(application, ['b', 'c', 'd']);
    expect((await claimIds(owner, 2)).toSorted()).toEqual([first, later[0]].toSorted());
    expect(await claimIds(owner, 2)).toEqual(later.slice(1));
  });

  it('is made once for each, by many claimers at the same time', async () => {
    const application = await makeKeyed();
    const ids = await add(
      application,
      Array.from({ length: 120 }, (_, n) => `key ${n % 40}`),
    );
    const owners = await Promise.all(Array.from({ length: 8 }, () => store.makeProcess()));
    const seen: string[] = [];
    for (let rounds = 0; seen.length < 120 && rounds < 500; rounds += 1) {
      const results = await Promise.all(owners.map((by) => claim(by, 7)));
      const keys = results.flatMap((claimed) => claimed.map(({ messageId }) => ids.indexOf(messageId) % 40));
      expect(new Set(keys).size).toBe(keys.length);
      await Promise.all(results.map((claimed) => settleAll(claimed)));
      seen.push(...results.flatMap(idsOf));
    }
    expect(seen.toSorted()).toEqual(ids.toSorted());
    for (let key = 0; key < 40; key += 1) {
      const ofKey = seen.map((id) => ids.indexOf(id)).filter((n) => n % 40 === key);
      expect(ofKey).toEqual([key, key + 40, key + 80]);
    }
  });

  it('begins again with what a dead process left, before anything behind it', async () => {
    const application = await makeKeyed();
    const [a1, , b1] = await add(application, ['a', 'a', 'b']);
    const claimed = await claim();
    await forgetProcess(store.pool, owner);
    expect((await claimIds(other)).toSorted()).toEqual([a1, b1].toSorted());
    expect((await settle(claimed[0]!)).movedCount).toBe(0);
    expect(await claimIds(other)).toEqual([]);
  });

  it('takes what was given back when that is due, and not before', async () => {
    const application = await makeKeyed();
    const [a1] = await add(application, ['a', 'a']);
    const claimed = await claim();
    await releaseLeases(store.pool, claimed, hourMs);
    expect(await claimIds()).toEqual([]);
    expect((await store.due()).get(application.endpointId)).toBeGreaterThan(hourMs - 60_000);
    await store.pool.query(
      'update posthorn.delivery set next_attempt_at = now() where next_attempt_at is not null',
    );
    await makeAllDue();
    expect(await claimIds()).toEqual([a1]);
  });

  it('passes over a key whose front somebody else has locked, and stops with the content that reaches the limit', async () => {
    const application = await makeKeyed();
    const [a1, b1, c1] = await add(application, ['a', 'b', 'c']);
    const holder = await store.pool.connect();
    await holder.query('begin');
    await holder.query('select from posthorn.delivery where message_id = $1 for update', [a1]);
    expect(idsOf((await claimByKey(store.pool, owner, limitsOf(9, 8))).claimed)).toEqual([b1]);
    await holder.query('rollback');
    holder.release();
    expect((await claimIds()).toSorted()).toEqual([a1, c1].toSorted());
  });

  it('takes nothing for a process that is gone', async () => {
    const application = await makeKeyed();
    await add(application, ['a']);
    await forgetProcess(store.pool, owner);
    expect(await claimIds(owner)).toEqual([]);
    expect(await claimIds(other)).toHaveLength(1);
  });
});

describe('a failure', () => {
  it('block: holds up its own key alone, until it succeeds or is exhausted', async () => {
    const application = await makeKeyed();
    const [a1, a2, b1, b2] = await add(application, ['a', 'a', 'b', 'b']);
    const claimed = await claim();
    await settle(claimed.find(({ messageId }) => messageId === a1)!, retryLater);
    await settle(claimed.find(({ messageId }) => messageId === b1)!);
    expect(await claimIds()).toEqual([b2]);
    expect((await store.due()).get(application.endpointId)).toBeGreaterThan(hourMs - 60_000);
    await makeAllDue();
    const again = await claim();
    expect(idsOf(again)).toEqual([a1]);
    await settle(again[0]!, exhausted);
    expect(await claimIds()).toEqual([a2]);
  });

  it('skip: lets the next one with its key go, and is tried again in its turn', async () => {
    const application = await makeKeyed('skip');
    const [a1, a2, a3] = await add(application, ['a', 'a', 'a']);
    await settle((await claim())[0]!, retryLater);
    const second = await claim();
    expect(idsOf(second)).toEqual([a2]);
    // Still one at a time.
    expect(await claimIds()).toEqual([]);
    await settle(second[0]!);
    const third = await claim();
    expect(idsOf(third)).toEqual([a3]);
    await settle(third[0]!);
    expect(await claimIds()).toEqual([]);
    expect((await store.due()).get(application.endpointId)).toBeGreaterThan(hourMs - 60_000);
    await makeAllDue();
    expect(await claimIds()).toEqual([a1]);
  });

  it('skip: a first attempt is never passed over, also when it was given back for a while', async () => {
    const application = await makeKeyed('skip');
    await add(application, ['a', 'a']);
    await releaseLeases(store.pool, await claim(), hourMs);
    expect(await claimIds()).toEqual([]);
  });
});

describe('what was delivered last', () => {
  const at = (minute: number) => new Date(Date.UTC(2026, 0, 1, 0, minute));

  async function onlyNewer(): Promise<Keyed> {
    const application = await makeKeyed('skip');
    await store.pool.query('update posthorn.endpoint set only_newer = true where id = $1', [
      application.endpointId,
    ]);
    await renew(application);
    return application;
  }

  it('is known to the next one with its key, and to no other', async () => {
    const application = await onlyNewer();
    for (const minute of [20, 10, 30]) await add(application, ['a'], at(minute));
    await add(application, ['b'], at(5));
    const first = await claim();
    expect(first.map(({ turn }) => turn)).toEqual([
      { ordering: 'skip', eventAtMs: at(20).getTime() },
      { ordering: 'skip', eventAtMs: at(5).getTime() },
    ]);
    for (const work of first) await settle(work, succeeded, true);
    const [second] = await claim();
    expect(second?.turn).toEqual({
      ordering: 'skip',
      eventAtMs: at(10).getTime(),
      newestAtMs: at(20).getTime(),
    });
    // An older one that is delivered all the same does not make it less.
    await settle(second!, succeeded, true);
    const [third] = await claim();
    expect(third?.turn?.newestAtMs).toBe(at(20).getTime());
    await settle(third!, succeeded, true);
    expect(await claim()).toEqual([]);
    const { rows } = await store.pool.query(
      'select order_key, newest_at, due_at from posthorn.endpoint_key order by order_key',
    );
    expect(rows).toEqual([
      { order_key: 'a', newest_at: at(30), due_at: null },
      { order_key: 'b', newest_at: at(5), due_at: null },
    ]);
  });

  it('is neither what failed nor what a lost lease says', async () => {
    const application = await onlyNewer();
    await add(application, ['a'], at(20));
    await add(application, ['b'], at(20));
    const claimed = await claim();
    await settle(claimed[0]!, exhausted, true);
    await forgetProcess(store.pool, owner);
    await settle(claimed[1]!, succeeded, true);
    expect(await store.count('posthorn.endpoint_key where newest_at is not null')).toBe(0);
  });

  it('is forgotten when messages of that time are', async () => {
    const application = await onlyNewer();
    await add(application, ['a', 'b'], at(20));
    for (const work of await claim()) await settle(work, succeeded, true);
    await add(application, ['b'], at(30));
    await store.pool.query("update posthorn.endpoint_key set updated_at = now() - interval '100 days'");
    const { rows } = await store.pool.query<{ environment_id: string }>(
      'select environment_id from posthorn.application where id = $1',
      [application.id],
    );
    const floorMs = Date.now() - 90 * 24 * hourMs;
    const retention = {
      environmentId: rows[0]!.environment_id,
      messageFloorMs: floorMs,
      attemptFloorMs: floorMs,
      sourceEventFloorMs: floorMs,
    };
    const pace = { pagesMax: 10, rowsMax: 10, breathe: async () => {} };
    const client = await store.pool.connect();
    // "b" has its turn: something waits for it.
    await claim();
    await add(application, ['b'], at(40));
    expect(await sweepKeys(client, [retention], pace)).toBe(1);
    client.release();
    const left = await store.pool.query('select order_key from posthorn.endpoint_key');
    expect(left.rows).toEqual([{ order_key: 'b' }]);
  });
});

describe('an order that is switched', () => {
  const none: Order = { ordering: null, byKey: false };
  const fifo: Order = { ordering: 'block', byKey: false };
  const byKey: Order = { ordering: 'block', byKey: true };
  const claimFifo = async () =>
    idsOf((await claimInOrder(store.pool, owner, { ...limitsOf(100), waitFor: [] })).claimed);

  it('on: what waited has its place by its age, once nothing from before is under way', async () => {
    const application = await makeKeyed();
    await setOrder(application, none);
    const [a1, a2] = await add(application, ['a', 'a', 'b']);
    expect(await claimFifo()).toEqual([]);
    const before = (await claimDeliveries(store.pool, owner, limitsOf(1)))[0]!;
    await setOrder(application, byKey);
    const [a3] = await add(application, ['a']);
    const answer = await claimByKey(store.pool, owner, limitsOf(9));
    expect(answer).toEqual({ claimed: [], busyEndpoints: [application.endpointId] });
    await releaseLeases(store.pool, [before]);
    const order: string[] = [];
    for (let claimed = await claim(); claimed.length > 0; claimed = await claim()) {
      order.push(...idsOf(claimed));
      await settleAll(claimed);
    }
    expect(order.filter((id) => [a1, a2, a3].includes(id))).toEqual([a1, a2, a3]);
  });

  it('off: all are claimed for like others', async () => {
    const application = await makeKeyed();
    const ids = await add(application, ['a', 'a', 'b']);
    const claimed = await claim(owner, 1);
    await setOrder(application, none);
    expect(await claimFifo()).toEqual([]);
    expect(await store.count('posthorn.endpoint_order')).toBe(1);
    await settleAll(claimed);
    expect(await claimFifo()).toEqual([]);
    expect(await store.count('posthorn.endpoint_order')).toBe(0);
    expect(await store.count('posthorn.endpoint_key')).toBe(0);
    const left = await claimDeliveries(store.pool, owner, limitsOf(100));
    expect([...idsOf(claimed), ...idsOf(left)].toSorted()).toEqual(ids.toSorted());
    expect(
      await store.count('posthorn.delivery where order_key is not null and state <> $1', ['succeeded']),
    ).toBe(0);
  });

  it('from the endpoint to keys, and back', async () => {
    const application = await makeKeyed();
    await setOrder(application, fifo);
    const [a1, a2, b1] = await add(application, ['a', 'a', 'b']);
    await setOrder(application, byKey);
    expect(await claim()).toEqual([]);
    expect(await claimFifo()).toEqual([]);
    const [b2] = await add(application, ['b']);
    const claimed = await claim();
    expect(idsOf(claimed).toSorted()).toEqual([a1, b1].toSorted());
    await setOrder(application, fifo);
    expect(await claim()).toEqual([]);
    expect(await claimFifo()).toEqual([]);
    await settleAll(claimed);
    expect(await claimFifo()).toEqual([]);
    expect(await claimFifo()).toEqual([a2, b2]);
  });

  it('is found out also when it was accepted by what was before', async () => {
    const application = await makeKeyed();
    const [a1] = await add(application, ['a']);
    // As a statement does that began before the change: places of the endpoint's order.
    const late = { ...application, byKey: false };
    const [a2] = await add(late, ['a']);
    expect(await claimIds()).toEqual([]);
    expect(await claimFifo()).toEqual([]);
    const order: string[] = [];
    for (let claimed = await claim(); claimed.length > 0; claimed = await claim()) {
      order.push(...idsOf(claimed));
      await settleAll(claimed);
    }
    expect(order).toEqual([a1, a2]);
  });
});

describe('beside claims', () => {
  const resend = ({ id: applicationId, endpointId }: Keyed, messageId: string) =>
    requestResend(store.db.queries, { applicationId, messageId, endpointId });

  it('a resend goes before what came after it', async () => {
    const application = await makeKeyed();
    const [a1, a2, a3] = await add(application, ['a', 'a', 'a']);
    await settleAll(await claim());
    expect(await resend(application, a3!)).toBe('scheduled');
    expect(await resend(application, a1!)).toBe('scheduled');
    const order: (string | undefined)[] = [];
    for (let claimed = await claim(); claimed.length > 0; claimed = await claim()) {
      order.push(...claimed.map(({ messageId, trigger }) => `${messageId} ${trigger}`));
      await settleAll(claimed);
    }
    expect(order).toEqual([`${a1} manual`, `${a2} scheduled`, `${a3} manual`]);
  });

  it('a resend of what goes on later lets the others wait no longer than it', async () => {
    const application = await makeKeyed();
    const [a1, a2] = await add(application, ['a', 'a']);
    await settle((await claim())[0]!, retryLater);
    expect(await claim()).toEqual([]);
    expect(await resend(application, a1!)).toBe('scheduled');
    const again = await claim();
    expect(idsOf(again)).toEqual([a1]);
    await settle(again[0]!);
    expect(await claimIds()).toEqual([a2]);
  });

  it('the end of a content lets those behind it go', async () => {
    const application = await makeKeyed();
    const [a1, a2] = await add(application, ['a', 'a']);
    await settle((await claim())[0]!, retryLater);
    expect(await claim()).toEqual([]);
    await expungePayloads(store.db.queries, application.id, [a1!]);
    expect(await claimIds()).toEqual([a2]);
  });
});

type Step = 'accept' | 'claim' | 'settle' | 'fail' | 'die' | 'resend';

describe('whatever happens', () => {
  it('first attempts of a key are in the order of acceptance, and one of them is leased at a time', async () => {
    const step = fc.constantFrom<Step[]>(
      'accept',
      'accept',
      'claim',
      'claim',
      'settle',
      'settle',
      'fail',
      'die',
      'resend',
    );
    await fc.assert(
      fc.asyncProperty(
        fc.constantFrom<Ordering>('block', 'skip'),
        fc.array(fc.tuple(step, fc.nat({ max: 100 })), { maxLength: 40 }),
        playSteps,
      ),
      { numRuns: 25 },
    );
  });
});

/** Some processes that hold leases at the same time; at the end all that was accepted has been attempted. */
async function playSteps(ordering: Ordering, steps: readonly (readonly [Step, number])[]): Promise<void> {
  await empty();
  const application = await makeKeyed(ordering);
  const keyOf = new Map<string, string>();
  const accepted: string[] = [];
  const attempted: string[] = [];
  let held: Claimed[] = [];
  const accept = async (n: number) => {
    const keys = [n % 3, (n + 1) % 3, n % 2].map(String);
    const ids = await add(application, keys);
    for (const [place, id] of ids.entries()) keyOf.set(id, keys[place]!);
    accepted.push(...ids);
  };
  const take = async (n: number) => {
    const by = await store.makeProcess();
    held.push(...(await claim(by, 1 + (n % 3))));
    const keys = held.map(({ messageId }) => keyOf.get(messageId));
    expect(new Set(keys).size).toBe(keys.length);
  };
  const attempt = async (n: number, transition: Transition) => {
    const [work] = held.splice(n % Math.max(held.length, 1), 1);
    if (!work) return;
    attempted.push(work.messageId);
    await settle(work, transition);
  };
  const play: Record<Step, (n: number) => Promise<unknown>> = {
    accept,
    claim: take,
    settle: (n) => attempt(n, succeeded),
    fail: (n) => attempt(n, { state: 'retrying', attempts: 1, delayMs: 0 }),
    die: async (n) => {
      const dead = held[n % Math.max(held.length, 1)]?.leaseOwner;
      if (dead === undefined) return;
      await forgetProcess(store.pool, dead);
      held = held.filter(({ leaseOwner }) => leaseOwner !== dead);
    },
    resend: (n) =>
      requestResend(store.db.queries, {
        applicationId: application.id,
        messageId: accepted[n % Math.max(accepted.length, 1)] ?? '',
        endpointId: application.endpointId,
      }),
  };
  for (const [step, n] of steps) await play[step](n);
  for (let rounds = 0; rounds < 200 && attempted.length < 1_000; rounds += 1) {
    while (held.length > 0) await attempt(0, succeeded);
    await take(2);
    if (held.length === 0 && (await nextDue(store.pool, [])) === undefined) break;
  }
  const seen = [...new Set(attempted)];
  for (const key of ['0', '1', '2']) {
    const ofKey = (ids: readonly string[]) => ids.filter((id) => keyOf.get(id) === key);
    expect(ofKey(seen)).toEqual(ofKey(accepted));
  }
  expect(await store.count('posthorn.endpoint_key')).toBe(0);
}
