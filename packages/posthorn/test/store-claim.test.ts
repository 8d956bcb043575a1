// Claiming due deliveries: only what is due, fairly, each once, and nothing is ever forgotten.
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { acceptMessages } from '../src/store/accept-messages.ts';
import { claimDeliveries, nextDue } from '../src/store/claim-deliveries.ts';
import type { Claimed, ClaimLimits } from '../src/store/claim-deliveries.ts';
import { readContents } from '../src/store/claimed-contents.ts';
import { forgetProcess } from '../src/store/leases.ts';
import { ensurePartitions } from '../src/store/partitions.ts';
import { settleDeliveries } from '../src/store/settle-deliveries.ts';
import { nodesOf, type PlanNode } from './support/plan.ts';
import { openTestStore, settledAs } from './support/store.ts';
import type { TestApplication, TestStore } from './support/store.ts';

const plenty: ClaimLimits = { endpointsMax: 1_000, perEndpointMax: 1_000, bytesMax: 1e9, fullEndpoints: [] };
const failingMaxMs = 3_600_000;

let store: TestStore;
let owner: number;

beforeAll(async () => {
  store = await openTestStore();
  owner = await store.makeProcess();
});
afterAll(() => store.stop());
beforeEach(() =>
  store.pool.query(
    'truncate posthorn.message, posthorn.message_body, posthorn.delivery, posthorn.attempt, posthorn.endpoint_due',
  ),
);

const claim = (limits: Partial<ClaimLimits> = {}, by = owner) =>
  claimDeliveries(store.pool, by, { ...plenty, ...limits });
const claimWithContents = async (limits: Partial<ClaimLimits> = {}) =>
  readContents(store.pool, await claim(limits));

/** `count` messages that wait, due in `dueInMs`. */
async function add(application: TestApplication, count = 1, dueInMs = 0): Promise<string[]> {
  const messages = Array.from({ length: count }, () => store.makeMessage(application, { leased: false }));
  await acceptMessages(store.pool, messages, { owner, firstDelayMs: dueInMs });
  return messages.map(({ id }) => id);
}

const keyOf = ({ messageId, endpointId }: { messageId: string; endpointId: string }) =>
  `${messageId} ${endpointId}`;

/**
 * Counts 0 when the endpoint of every waiting delivery is on the list, for the delivery's time or at once. The clock is
 * read after the snapshot: `now()` may be older than a claim that the snapshot has seen.
 */
const forgottenSql = `
  posthorn.delivery d left join posthorn.endpoint_due e on e.endpoint_id = d.endpoint_id
  where d.state in ('pending', 'retrying')
    and (e.due_at is null or e.due_at > greatest(d.next_attempt_at, clock_timestamp()))`;

describe('a claim', () => {
  it('leases what is due, with all that an attempt needs', async () => {
    const application = await store.makeApplication(1);
    const [endpointId] = application.endpointIds as [string];
    const payload = Buffer.from([0, 255, 1]);
    const message = store.makeMessage(application, { leased: false, payload });
    await acceptMessages(store.pool, [message], { owner, firstDelayMs: 0 });
    expect(await claimWithContents()).toEqual([
      {
        applicationId: application.id,
        messageId: message.id,
        endpointId,
        leaseOwner: owner,
        leaseSeq: 1,
        attempts: 0,
        trigger: 'scheduled',
        hasResumeAt: false,
        payload,
        contentType: 'application/json',
      },
    ]);
    const [delivery] = await store.deliveries();
    expect(delivery).toMatchObject({
      state: 'delivering',
      lease_owner: owner,
      lease_seq: 1,
      next_in_ms: null,
    });
    expect((await store.due()).size).toBe(0);
    expect(await claim()).toEqual([]);
  });

  it('leaves what is not due yet, and looks again when it is', async () => {
    const application = await store.makeApplication(1);
    await add(application, 2, 60_000);
    const [soon] = await add(application, 1, 0);
    expect((await claim()).map(({ messageId }) => messageId)).toEqual([soon]);
    const dueInMs = (await nextDue(store.pool, []))?.inMs;
    expect(dueInMs).toBeGreaterThan(50_000);
    expect(dueInMs).toBeLessThanOrEqual(60_000);
    expect(await claim()).toEqual([]);
  });

  it('takes the longest due of an endpoint first, up to the limit', async () => {
    const application = await store.makeApplication(1);
    const ids = await add(application, 5);
    for (const [at, id] of ids.entries()) {
      await store.pool.query(
        "update posthorn.delivery set next_attempt_at = now() - $2 * interval '1 s' where message_id = $1",
        [id, [10, 50, 30, 40, 20][at]],
      );
    }
    const claimed = await claim({ perEndpointMax: 3 });
    expect(new Set(claimed.map(({ messageId }) => messageId))).toEqual(new Set([ids[1], ids[3], ids[2]]));
    expect(await claim({ perEndpointMax: 3 })).toHaveLength(2);
    expect(await claim({ perEndpointMax: 3 })).toHaveLength(0);
  });

  it('stops with the delivery that fills the memory, and shares the content of a message', async () => {
    const application = await store.makeApplication(3);
    const payload = Buffer.alloc(100_000, 'x');
    const large = Array.from({ length: 4 }, () => store.makeMessage(application, { leased: false, payload }));
    await acceptMessages(store.pool, large, { owner, firstDelayMs: 0 });
    const claimed = await claimWithContents({ bytesMax: 250_000 });
    expect(claimed).toHaveLength(3);
    const [first] = claimed;
    const ofSame = claimed.filter(({ messageId }) => messageId === first!.messageId);
    expect(new Set(ofSame.map((one) => one.payload)).size).toBe(1);
    let rest = 0;
    for (let taken = await claim({ bytesMax: 1 }); taken.length > 0; taken = await claim({ bytesMax: 1 })) {
      rest += taken.length;
    }
    expect(rest).toBe(9);
  });

  it('keeps an endpoint on the list for a row that somebody else has locked and then leaves as it is', async () => {
    const application = await store.makeApplication(1);
    const [messageId] = await add(application, 1);
    const locker = await store.pool.connect();
    await locker.query('begin');
    await locker.query('select from posthorn.delivery where message_id = $1 for update', [messageId]);
    expect(await claim()).toEqual([]);
    await locker.query('rollback');
    locker.release();
    expect((await claim()).map((one) => one.messageId)).toEqual([messageId]);
  });

  it('takes turns between endpoints with long backlogs', async () => {
    const endpoints = await Promise.all(Array.from({ length: 4 }, () => store.makeApplication(1)));
    for (const application of endpoints) await add(application, 6);
    const rounds: string[][] = [];
    for (let round = 0; round < 6; round += 1) {
      const claimed = await claim({ endpointsMax: 2, perEndpointMax: 2 });
      expect(claimed).toHaveLength(4);
      rounds.push([...new Set(claimed.map(({ endpointId }) => endpointId))]);
    }
    for (let round = 0; round < 6; round += 2) {
      expect(new Set([...rounds[round]!, ...rounds[round + 1]!]).size).toBe(4);
    }
    expect(await claim()).toEqual([]);
  });

  it('a backlog of thousands does not keep a single delivery of another endpoint waiting', async () => {
    const [flooded, quiet] = [await store.makeApplication(1), await store.makeApplication(1)];
    await add(flooded, 3_000);
    await claim({ endpointsMax: 1, perEndpointMax: 20 });
    const [single] = await add(quiet);
    const claimed = [
      ...(await claim({ endpointsMax: 1, perEndpointMax: 20 })),
      ...(await claim({ endpointsMax: 1, perEndpointMax: 20 })),
    ];
    expect(claimed.map(({ messageId }) => messageId)).toContain(single);
  });

  it('passes over endpoints that are full in memory, and they stay on the list', async () => {
    const [full, free] = [await store.makeApplication(1), await store.makeApplication(1)];
    await add(full, 2);
    await add(free, 2);
    const fullEndpoints = full.endpointIds;
    const claimed = await claim({ fullEndpoints });
    expect(new Set(claimed.map(({ endpointId }) => endpointId))).toEqual(new Set(free.endpointIds));
    expect(await nextDue(store.pool, fullEndpoints)).toBeUndefined();
    expect(await nextDue(store.pool, [])).toEqual({ inMs: 0, order: null });
    expect(await claim()).toHaveLength(2);
  });

  it('counts the claims of a delivery: the sequence is its fencing token', async () => {
    const application = await store.makeApplication(1);
    await add(application);
    for (let seq = 1; seq <= 3; seq += 1) {
      const [work] = await claim();
      expect(work).toMatchObject({ leaseSeq: seq, attempts: seq - 1 });
      const settled = settledAs(work!, { state: 'retrying', attempts: seq, delayMs: 0 }, null);
      await settleDeliveries(store.pool, [settled], failingMaxMs);
    }
  });

  it('tells of a resend, and of content that is gone', async () => {
    const application = await store.makeApplication(1);
    await add(application);
    await store.pool.query(
      "update posthorn.delivery set trigger = 'manual', resume_at = now() + interval '1 h', attempts = 3",
    );
    await store.pool.query('delete from posthorn.message_body');
    expect(await claimWithContents()).toMatchObject([
      { trigger: 'manual', hasResumeAt: true, attempts: 3, payload: null, contentType: 'application/json' },
    ]);
  });

  it('of a message that was dropped comes without content', async () => {
    await add(await store.makeApplication(1));
    await store.pool.query('delete from posthorn.message');
    expect(await claimWithContents()).toMatchObject([{ payload: null, contentType: '' }]);
  });

  it('by a process that was declared dead takes nothing and forgets nothing', async () => {
    await add(await store.makeApplication(1), 3);
    const dead = await store.makeProcess();
    await forgetProcess(store.pool, dead);
    expect(await claim({}, dead)).toEqual([]);
    expect(await store.count(forgottenSql)).toBe(0);
    expect(await claim()).toHaveLength(3);
  });
});

describe('many claims at the same time', () => {
  it('twenty claimers share a thousand deliveries, and none gets another one’s', async () => {
    const pool = store.openPool(20);
    const application = await store.makeApplication(10);
    await add(application, 100);
    const owners = await Promise.all(Array.from({ length: 20 }, () => store.makeProcess()));
    const claimed: Claimed[] = [];
    const deadlineMs = performance.now() + 120_000;
    const claimUntilAllGone = async (by: number) => {
      while (claimed.length < 1_000 && performance.now() < deadlineMs) {
        claimed.push(
          ...(await claimDeliveries(pool, by, {
            endpointsMax: 3,
            perEndpointMax: 7,
            bytesMax: 1e9,
            fullEndpoints: [],
          })),
        );
      }
    };
    await Promise.all(owners.map(claimUntilAllGone));
    expect(claimed).toHaveLength(1_000);
    expect(new Set(claimed.map(keyOf)).size).toBe(1_000);
    const leased = new Map(
      (await store.deliveries()).map((row) => [`${row.message_id} ${row.endpoint_id}`, row.lease_owner]),
    );
    for (const work of claimed) expect(leased.get(keyOf(work))).toBe(work.leaseOwner);
    expect((await store.due()).size).toBe(0);
  });

  it('while others add deliveries and put them off, none is forgotten', async () => {
    const pool = store.openPool(12);
    const applications = [await store.makeApplication(4), await store.makeApplication(1)];
    const owners = await Promise.all([1, 2, 3].map(() => store.makeProcess()));
    const batches = 40;
    const claimsOf = new Map<string, number>();
    let writing = true;

    const write = async (application: TestApplication) => {
      for (let batch = 0; batch < batches; batch += 1) {
        const messages = [1, 2, 3].map(() => store.makeMessage(application, { leased: false }));
        await acceptMessages(pool, messages, { owner: owners[0]!, firstDelayMs: batch % 3 });
      }
    };
    // The first attempt of each fails and is retried almost at once, the second one succeeds.
    const work = async (by: number) => {
      while (writing || (await store.count("posthorn.delivery where state <> 'succeeded'")) > 0) {
        if (performance.now() > deadlineMs) throw new Error('some deliveries were never claimed');
        const claimed = await claimDeliveries(pool, by, {
          endpointsMax: 2,
          perEndpointMax: 4,
          bytesMax: 1e9,
          fullEndpoints: [],
        });
        for (const one of claimed) claimsOf.set(keyOf(one), (claimsOf.get(keyOf(one)) ?? 0) + 1);
        const settled = claimed.map((one) =>
          one.attempts === 0
            ? settledAs(one, { state: 'retrying', attempts: 1, delayMs: 2 }, null)
            : settledAs(one, { state: 'succeeded', attempts: 2 }, null),
        );
        if (settled.length > 0) await settleDeliveries(pool, settled, failingMaxMs);
        expect(await store.count(forgottenSql)).toBe(0);
      }
    };
    const deadlineMs = performance.now() + 120_000;
    const writers = [...applications, ...applications].map(write);
    const written = Promise.all(writers).finally(() => {
      writing = false;
    });
    await Promise.all([written, ...owners.map(work)]);
    const wanted = 2 * batches * 3 * (4 + 1);
    expect(claimsOf.size).toBe(wanted);
    expect([...claimsOf.values()].every((count) => count === 2)).toBe(true);
    expect(await store.count("posthorn.delivery where state = 'succeeded'")).toBe(wanted);
    await claim();
    expect((await store.due()).size).toBe(0);
  });
});

describe('the plan of a claim', () => {
  it('finds due rows by their index and never scans the deliveries, generic or not', async () => {
    const pool = store.openPool(1);
    const nowMs = Date.now();
    await ensurePartitions(pool, nowMs, 2);
    const filled = `delivery_${new Date(nowMs).toISOString().slice(0, 10).replaceAll('-', '')}`;
    const applications = [await store.makeApplication(50), await store.makeApplication(50)];
    for (const application of applications) await add(application, 100);
    expect(await store.count(`posthorn.${filled}`)).toBe(10_000);
    await pool.query('analyze posthorn.delivery, posthorn.message, posthorn.endpoint_due');
    // Prepares the statement on the only connection of this pool.
    await claimDeliveries(pool, owner, {
      endpointsMax: 1,
      perEndpointMax: 1,
      bytesMax: 1e9,
      fullEndpoints: [],
    });
    for (const mode of ['force_custom_plan', 'force_generic_plan']) {
      await pool.query(`set plan_cache_mode = ${mode}`);
      const endpoints = applications[0]!.endpointIds.map((id) => `'${id}'`);
      const { rows } = await pool.query<{ 'QUERY PLAN': { Plan: PlanNode }[] }>(
        `explain (format json) execute "claim-deliveries" (${owner}, array[${endpoints.join()}]::text[], 20, 1000000)`,
      );
      const nodes = nodesOf(rows[0]!['QUERY PLAN'][0]!.Plan);
      // Not even of partitions that are empty: the plan is kept when they fill up.
      expect(nodes.map((node) => node['Node Type'])).not.toContain('Seq Scan');
      expect(nodes.map((node) => node['Index Name'])).toContain(`${filled}_endpoint_id_next_attempt_at_idx`);
    }
  });

  it('asks a hash table which endpoints are full, however many there are, generic or not', async () => {
    const pool = store.openPool(1);
    const fullEndpoints = Array.from({ length: 20_000 }, () => store.newId('ep_'));
    await pool.query(
      `insert into posthorn.endpoint_due (endpoint_id, application_id, due_at)
       select id, 'app_1', now() - interval '1 minute' from unnest($1::text[]) as e (id)`,
      [fullEndpoints],
    );
    // Prepares both statements on the only connection of this pool.
    expect(await nextDue(pool, fullEndpoints)).toBeUndefined();
    expect(await claimDeliveries(pool, owner, { ...plenty, fullEndpoints })).toEqual([]);
    const full = `array[${fullEndpoints.map((id) => `'${id}'`).join()}]::text[]`;
    for (const mode of ['force_custom_plan', 'force_generic_plan']) {
      await pool.query(`set plan_cache_mode = ${mode}`);
      for (const execute of [`"next-due" (${full})`, `"lock-due" (${full}, 50, ${owner})`]) {
        const { rows } = await pool.query<{ 'QUERY PLAN': string }>(`explain execute ${execute}`);
        expect(rows.map((row) => row['QUERY PLAN']).join('\n')).toContain('hashed SubPlan');
      }
    }
  });
});
