// Claims for endpoints with an order: places in the order of the commits, and one lease holder at a time.
import fc from 'fast-check';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { Ordering } from '../src/core/ordering.ts';
import type { Transition } from '../src/core/settle.ts';
import { acceptMessages } from '../src/store/accept-messages.ts';
import { type Claimed, claimDeliveries, nextDue } from '../src/store/claim-deliveries.ts';
import { claimInOrder } from '../src/store/claim-in-order.ts';
import { noteOrdering } from '../src/store/endpoint-order.ts';
import { forgetProcess, releaseLeases } from '../src/store/leases.ts';
import { requestResend } from '../src/store/resend.ts';
import { settleDeliveries } from '../src/store/settle-deliveries.ts';
import { openTestStore, settledAs, shuffled } from './support/store.ts';
import type { TestApplication, TestStore } from './support/store.ts';

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
       posthorn.endpoint_order, posthorn.process`,
  );
  owner = await store.makeProcess();
  other = await store.makeProcess();
}

interface Ordered extends TestApplication {
  endpointId: string;
}

async function setOrdering(application: TestApplication, ordering: Ordering | null): Promise<void> {
  for (const endpointId of application.endpointIds) {
    await store.pool.query('update posthorn.endpoint set ordering = $2 where id = $1', [
      endpointId,
      ordering,
    ]);
    const change = { applicationId: application.id, endpointId, ordering, byKey: false };
    await noteOrdering(store.db.queries, change);
  }
  const { rows } = await store.pool.query<{ config_version: string }>(
    'select config_version from posthorn.application where id = $1',
    [application.id],
  );
  application.configVersion = rows[0]!.config_version;
}

async function makeOrdered(ordering: Ordering | null = 'block', endpoints = 1): Promise<Ordered> {
  const application = await store.makeApplication(endpoints);
  await setOrdering(application, ordering);
  return { ...application, endpointId: application.endpointIds[0]! };
}

const messagesOf = (application: TestApplication, count: number, ordered = true) =>
  Array.from({ length: count }, () =>
    store.makeMessage(application, {
      deliveries: application.endpointIds.map((endpointId) => ({ endpointId, leased: false, ordered })),
    }),
  );

/** Accepts `count` messages in one batch; gives their ids. */
async function add(application: TestApplication, count = 1, ordered = true): Promise<string[]> {
  const messages = messagesOf(application, count, ordered);
  await acceptMessages(store.pool, messages, { owner, firstDelayMs: 0 });
  return messages.map(({ id }) => id);
}

const claim = (by = owner, perEndpointMax = 100, waitFor: string[] = []) =>
  claimInOrder(store.pool, by, {
    endpointsMax: 100,
    perEndpointMax,
    bytesMax: 1e9,
    fullEndpoints: [],
    waitFor,
  });
const claimAny = (by = owner) =>
  claimDeliveries(store.pool, by, {
    endpointsMax: 100,
    perEndpointMax: 100,
    bytesMax: 1e9,
    fullEndpoints: [],
  });
const idsOf = (claimed: readonly Claimed[]) => claimed.map(({ messageId }) => messageId);
const claimIds = async (by = owner, perEndpointMax = 100) => idsOf((await claim(by, perEndpointMax)).claimed);

const settle = (work: Claimed, transition: Transition) =>
  settleDeliveries(store.pool, [settledAs(work, transition, null)], failingMaxMs);
async function settleAll(claimed: readonly Claimed[], transition: Transition = succeeded) {
  for (const work of claimed) await settle(work, transition);
}

describe('places', () => {
  it('grow with the commits, over batches at the same time, and keep the order within each batch', async () => {
    const application = await makeOrdered('block', 3);
    const batches: { ids: string[]; begun: number; ended: number }[] = [];
    let time = 0;
    await Promise.all(
      Array.from({ length: 40 }, async () => {
        const messages = messagesOf(application, 5);
        for (const message of messages) message.deliveries = shuffled(message.deliveries);
        const begun = (time += 1);
        await acceptMessages(store.pool, messages, { owner, firstDelayMs: 0 });
        batches.push({ ids: messages.map(({ id }) => id), begun, ended: (time += 1) });
      }),
    );
    const later = await add(application, 2);
    for (const endpointId of application.endpointIds) {
      const { rows } = await store.pool.query<{ message_id: string; order_at: string }>(
        `select message_id, order_at::text, created_at = order_at as same from posthorn.delivery
         where endpoint_id = $1 order by order_at`,
        [endpointId],
      );
      expect(new Set(rows.map((row) => row.order_at)).size).toBe(202);
      const place = new Map(rows.map((row, index) => [row.message_id, index]));
      for (const { ids } of batches) {
        const places = ids.map((id) => place.get(id)!);
        expect(places).toEqual(places.toSorted((a, b) => a - b));
        expect(places.at(-1)! - places[0]!).toBe(4);
      }
      expect(later.map((id) => place.get(id))).toEqual([200, 201]);
    }
  });

  it('never go back, also when the clock does', async () => {
    const application = await makeOrdered();
    const first = await add(application, 2);
    await store.pool.query("update posthorn.endpoint_order set last_at = now() + interval '1 hour'");
    await store.pool.query(
      'update posthorn.delivery set order_at = (select last_at from posthorn.endpoint_order)',
    );
    const second = await add(application, 2);
    expect(await claimIds()).toEqual([...first, ...second]);
  });
});

describe('a claim in order', () => {
  it('takes the front, and leaves these endpoints to nobody else', async () => {
    const application = await makeOrdered();
    const ids = await add(application, 5);
    expect(await claimAny()).toEqual([]);
    expect(await nextDue(store.pool, [])).toEqual({ inMs: 0, order: 'endpoint' });
    const { claimed } = await claim(owner, 3);
    expect(idsOf(claimed)).toEqual(ids.slice(0, 3));
    expect(claimed[0]).toMatchObject({ ordering: 'block', leaseOwner: owner, leaseSeq: 1, attempts: 0 });
  });

  it('takes nothing while anything of the endpoint is leased, to itself or to another', async () => {
    const application = await makeOrdered();
    const ids = await add(application, 5);
    const { claimed } = await claim(owner, 2);
    for (const by of [owner, other]) {
      expect(await claim(by)).toEqual({ claimed: [], busyEndpoints: [application.endpointId] });
    }
    await settle(claimed[1]!, succeeded);
    expect(await claimIds(other)).toEqual([]);
    await settle(claimed[0]!, succeeded);
    expect(await claimIds(other)).toEqual(ids.slice(2));
  });

  it('is made by one of many claimers at the same time', async () => {
    const application = await makeOrdered();
    const ids = await add(application, 30);
    const owners = await Promise.all(Array.from({ length: 10 }, () => store.makeProcess()));
    for (let from = 0; from < 30; from += 10) {
      const results = await Promise.all(owners.map((by) => claim(by, 10, [application.endpointId])));
      const winners = results.filter(({ claimed }) => claimed.length > 0);
      expect(winners).toHaveLength(1);
      expect(idsOf(winners[0]!.claimed)).toEqual(ids.slice(from, from + 10));
      await settleAll(winners[0]!.claimed);
    }
  });

  it('begins again with what a dead process left, before anything behind it', async () => {
    const application = await makeOrdered();
    const ids = await add(application, 6);
    const { claimed } = await claim(owner, 4);
    await settle(claimed[0]!, succeeded);
    await forgetProcess(store.pool, owner);
    expect(await claimIds(other)).toEqual(ids.slice(1));
    const late = await settleDeliveries(store.pool, [settledAs(claimed[1]!, succeeded, null)], failingMaxMs);
    expect(late.movedCount).toBe(0);
  });

  it('block: nothing passes one that is retried; when that is exhausted, the next one goes', async () => {
    const application = await makeOrdered();
    const ids = await add(application, 3);
    const { claimed } = await claim(owner, 1);
    await settle(claimed[0]!, retryLater);
    expect(await claimIds()).toEqual([]);
    expect((await store.due()).get(application.endpointId)).toBeGreaterThan(hourMs - 60_000);
    await store.pool.query("update posthorn.delivery set next_attempt_at = now() where state = 'retrying'");
    await store.pool.query('update posthorn.endpoint_due set due_at = now()');
    const again = (await claim(owner, 1)).claimed;
    expect(idsOf(again)).toEqual([ids[0]]);
    await settle(again[0]!, exhausted);
    expect(await claimIds()).toEqual(ids.slice(1));
    expect((await store.due()).size).toBe(0);
  });

  it('skip: goes on behind one that is retried, and takes that when it is due', async () => {
    const application = await makeOrdered('skip');
    const ids = await add(application, 4);
    const { claimed } = await claim(owner, 2);
    await settle(claimed[0]!, retryLater);
    await settle(claimed[1]!, succeeded);
    const next = (await claim(owner, 1)).claimed;
    expect(idsOf(next)).toEqual([]);
    // The window was taken up by the one that it passed over.
    const behind = (await claim(owner, 1)).claimed;
    expect(idsOf(behind)).toEqual([ids[2]]);
    await settleAll(behind);
    await store.pool.query("update posthorn.delivery set next_attempt_at = now() where state = 'retrying'");
    expect(await claimIds()).toEqual([ids[0], ids[3]]);
  });

  it('skip: a first attempt is never passed over, also when it was given back for a while', async () => {
    const application = await makeOrdered('skip');
    const ids = await add(application, 2);
    await releaseLeases(store.pool, (await claim()).claimed.slice(0, 1), hourMs);
    await releaseLeases(store.pool, [{ ...(await leaseOf(ids[1]!)) }], 0);
    expect(await claimIds()).toEqual([]);
    expect((await store.due()).get(application.endpointId)).toBeGreaterThan(hourMs - 60_000);
  });

  it('stops at a row that somebody else has locked', async () => {
    const application = await makeOrdered();
    const ids = await add(application, 4);
    const holder = await store.pool.connect();
    await holder.query('begin');
    await holder.query('select from posthorn.delivery where message_id = $1 for update', [ids[1]]);
    const { claimed } = await claim();
    expect(idsOf(claimed)).toEqual(ids.slice(0, 1));
    await holder.query('rollback');
    holder.release();
    await settleAll(claimed);
    expect(await claimIds()).toEqual(ids.slice(1));
  });

  it('stops with the delivery whose content reaches the limit', async () => {
    const application = await makeOrdered();
    const ids = await add(application, 4);
    const limits = { endpointsMax: 9, perEndpointMax: 9, bytesMax: 8, fullEndpoints: [], waitFor: [] };
    const { claimed } = await claimInOrder(store.pool, owner, limits);
    expect(idsOf(claimed)).toEqual(ids.slice(0, 2));
  });

  it('takes nothing for a process that is gone', async () => {
    const application = await makeOrdered();
    await add(application);
    await forgetProcess(store.pool, owner);
    expect(await claimIds(owner)).toEqual([]);
    expect(await claimIds(other)).toHaveLength(1);
  });
});

async function leaseOf(messageId: string): Promise<Claimed> {
  const { rows } = await store.pool.query<{
    application_id: string;
    endpoint_id: string;
    lease_owner: number;
    lease_seq: number;
  }>('select * from posthorn.delivery where message_id = $1', [messageId]);
  const row = rows[0]!;
  return {
    applicationId: row.application_id,
    messageId,
    endpointId: row.endpoint_id,
    leaseOwner: row.lease_owner,
    leaseSeq: row.lease_seq,
    attempts: 0,
    trigger: 'scheduled',
    hasResumeAt: false,
  };
}

describe('an order that is switched', () => {
  it('on: what waits and what is given back comes first, when nothing is leased any more', async () => {
    const application = await makeOrdered(null);
    const ids = await add(application, 6, false);
    const before = (await claimAny()).slice(0, 6);
    await releaseLeases(store.pool, before.slice(1));
    await setOrdering(application, 'block');
    const later = await add(application, 2);
    expect(await claimAny()).toEqual([]);
    expect(await claimIds()).toEqual([]);
    await settle(before[0]!, retryLater);
    expect(await claimIds()).toEqual([]);
    await store.pool.query(
      'update posthorn.delivery set next_attempt_at = now() where next_attempt_at is not null',
    );
    await store.pool.query('update posthorn.endpoint_due set due_at = now()');
    expect(await claimIds()).toEqual([...ids, ...later]);
  });

  it('off: all are claimed for like others, when nothing has a place any more', async () => {
    const application = await makeOrdered('block');
    const ids = await add(application, 5);
    const { claimed } = await claim(owner, 1);
    await settle(claimed[0]!, retryLater);
    await setOrdering(application, null);
    const later = await add(application, 2, false);
    expect(await claimAny()).toEqual([]);
    expect(await claim()).toEqual({ claimed: [], busyEndpoints: [] });
    expect(await store.count('posthorn.endpoint_order')).toBe(0);
    expect(idsOf(await claimAny()).toSorted()).toEqual([...ids.slice(1), ...later].toSorted());
  });

  it('off: keeps its row while one with a place is leased', async () => {
    const application = await makeOrdered('block');
    await add(application, 2);
    const { claimed } = await claim(owner, 1);
    await setOrdering(application, null);
    await claim();
    expect(await store.count('posthorn.endpoint_order')).toBe(1);
    await settle(claimed[0]!, { state: 'retrying', attempts: 1, delayMs: 0 });
    await claim();
    expect(await store.count('posthorn.endpoint_order')).toBe(0);
    expect(await claimAny()).toHaveLength(2);
  });
});

describe('a resend', () => {
  const resend = (application: Ordered, messageId: string) =>
    requestResend(store.db.queries, {
      applicationId: application.id,
      messageId,
      endpointId: application.endpointId,
    });

  it('goes before what came after it, and what waits keeps its place', async () => {
    const application = await makeOrdered();
    const ids = await add(application, 4);
    await settleAll((await claim(owner, 1)).claimed);
    expect(await resend(application, ids[2]!)).toBe('scheduled');
    expect(await resend(application, ids[0]!)).toBe('scheduled');
    const { claimed } = await claim();
    expect(idsOf(claimed)).toEqual(ids);
    expect(claimed.map(({ trigger }) => trigger)).toEqual(['manual', 'scheduled', 'manual', 'scheduled']);
  });
});

type Step = 'accept' | 'claim' | 'settle' | 'fail' | 'die' | 'resend';

describe('whatever happens', () => {
  it('first attempts are in the order of acceptance, and no two processes hold leases', async () => {
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
        fc.array(step, { maxLength: 40 }),
        playSteps,
      ),
      { numRuns: 25 },
    );
  });
});

/** Two processes; each attempts what it holds one after the other, and stops where its order says so. */
async function playSteps(ordering: Ordering, steps: readonly Step[]): Promise<void> {
  await empty();
  const application = await makeOrdered(ordering);
  const accepted: string[] = [];
  const attempted: string[] = [];
  let holder = owner;
  let held: Claimed[] = [];
  const play: Record<Step, () => Promise<unknown>> = {
    accept: async () => accepted.push(...(await add(application, 3))),
    claim: async () => {
      const by = (await store.makeProcess()) || holder;
      const { claimed } = await claim(by, 4);
      if (claimed.length > 0) expect(held).toEqual([]);
      if (claimed.length > 0) [holder, held] = [by, claimed];
    },
    settle: () => attempt(succeeded),
    fail: () => attempt({ state: 'retrying', attempts: 1, delayMs: 0 }),
    die: async () => {
      await forgetProcess(store.pool, holder);
      held = [];
    },
    resend: () =>
      requestResend(store.db.queries, {
        applicationId: application.id,
        messageId: accepted[Math.floor(accepted.length / 2)] ?? '',
        endpointId: application.endpointId,
      }),
  };
  const attempt = async (transition: Transition) => {
    const work = held.shift();
    if (!work) return;
    attempted.push(work.messageId);
    await settle(work, transition);
    if (transition.state !== 'retrying' || ordering === 'skip') return;
    await releaseLeases(store.pool, held);
    held = [];
  };
  for (const step of steps) await play[step]();
  const seen = [...new Set(attempted)];
  expect(seen).toEqual(accepted.slice(0, seen.length));
}
