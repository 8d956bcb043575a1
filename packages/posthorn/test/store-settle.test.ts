// Settling a batch: transitions under their lease only, attempts appended once, and the health of endpoints.
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { Transition } from '../src/core/settle.ts';
import { claimDeliveries } from '../src/store/claim-deliveries.ts';
import { disableEndpoint } from '../src/store/disable-endpoint.ts';
import { type Lease, recoverLeases } from '../src/store/leases.ts';
import { requestResend } from '../src/store/resend.ts';
import { settleDeliveries } from '../src/store/settle-deliveries.ts';
import type { AttemptRecord, Settled } from '../src/store/settle-deliveries.ts';
import { inTransaction } from '../src/store/transaction.ts';
import { openTestStore, settledAs, shuffled } from './support/store.ts';
import type { TestApplication, TestStore } from './support/store.ts';
import { waitFor } from './support/wait.ts';

const failingMaxMs = 60_000;
const plenty = { endpointsMax: 100, perEndpointMax: 100, bytesMax: 1e9, fullEndpoints: [] };

let store: TestStore;
let owner: number;
let application: TestApplication;

beforeAll(async () => {
  store = await openTestStore();
  owner = await store.makeProcess();
});
afterAll(() => store.stop());
beforeEach(async () => {
  await store.pool.query(
    'truncate posthorn.message, posthorn.delivery, posthorn.attempt, posthorn.endpoint_due, posthorn.endpoint_failing',
  );
  application = await store.makeApplication(1);
});

const settle = (...batch: Settled[]) => settleDeliveries(store.pool, batch, failingMaxMs);
const attemptId = () => ({ id: store.newId('atmpt_') });

const succeeded: Transition = { state: 'succeeded', attempts: 1 };
const exhausted: Transition = { state: 'exhausted', attempts: 1 };
const retrying = (delayMs: number): Transition => ({ state: 'retrying', attempts: 1, delayMs });

async function leaseOne(): Promise<Lease> {
  const [lease] = await store.lease(application, owner);
  return lease!;
}

const attempts = async () =>
  (await store.pool.query<Record<string, unknown>>('select * from posthorn.attempt order by id')).rows;
const failingEndpoints = async () =>
  (
    await store.pool.query<{ endpoint_id: string }>('select endpoint_id from posthorn.endpoint_failing')
  ).rows.map((row) => row.endpoint_id);

describe('a transition', () => {
  it.each([
    ['succeeded', succeeded],
    ['exhausted', exhausted],
    ['cancelled', { state: 'cancelled', attempts: 0 }],
  ] as const)('to %s ends the lease and leaves nothing planned', async (state, transition) => {
    const lease = await leaseOne();
    expect(await settle(settledAs(lease, transition, null))).toEqual({ movedCount: 1, failingEndpoints: [] });
    const [delivery] = await store.deliveries();
    expect(delivery).toMatchObject({
      state,
      attempts: transition.attempts,
      lease_owner: null,
      lease_seq: 1,
      next_in_ms: null,
      resume_in_ms: null,
    });
    expect((await store.due()).size).toBe(0);
    expect(await attempts()).toEqual([]);
  });

  it('to retrying plans the next attempt after the delay, and puts the endpoint on the list', async () => {
    const lease = await leaseOne();
    await settle(settledAs(lease, retrying(45_000), attemptId()));
    const [delivery] = await store.deliveries();
    expect(delivery).toMatchObject({
      state: 'retrying',
      attempts: 1,
      lease_owner: null,
      trigger: 'scheduled',
    });
    expect(delivery!.next_in_ms).toBeGreaterThan(30_000);
    expect(delivery!.next_in_ms).toBeLessThanOrEqual(45_000);
    const dueInMs = (await store.due()).get(lease.endpointId)!;
    expect(Math.abs(dueInMs - delivery!.next_in_ms!)).toBeLessThan(5_000);
  });

  it('to retrying without a delay is due at once', async () => {
    const lease = await leaseOne();
    await settle(settledAs(lease, retrying(0), attemptId()));
    expect(await claimDeliveries(store.pool, owner, plenty)).toMatchObject([{ leaseSeq: 2, attempts: 1 }]);
  });

  it('of several deliveries of one endpoint: it is due when the first of them is', async () => {
    const leases = await store.lease(application, owner, 3);
    const delays = [60_000, 1_000, 30_000];
    await settle(...leases.map((lease, at) => settledAs(lease, retrying(delays[at]!), attemptId())));
    expect((await store.due()).get(application.endpointIds[0]!)).toBeLessThanOrEqual(1_000);
  });

  it('after a failed resend goes on when the automatic chain would have', async () => {
    const lease = await leaseOne();
    await settle(settledAs(lease, retrying(50_000), attemptId()));
    const { applicationId, messageId, endpointId } = lease;
    expect(await requestResend(store.db.queries, { applicationId, messageId, endpointId })).toBe('scheduled');
    const [work] = await claimDeliveries(store.pool, owner, plenty);
    expect(work).toMatchObject({ trigger: 'manual', hasResumeAt: true, attempts: 1 });
    await settle(
      settledAs(
        work!,
        { state: 'retrying', attempts: 1, resume: true },
        { ...attemptId(), trigger: 'manual' },
      ),
    );
    const [delivery] = await store.deliveries();
    expect(delivery).toMatchObject({
      state: 'retrying',
      attempts: 1,
      trigger: 'scheduled',
      resume_in_ms: null,
    });
    expect(delivery!.next_in_ms).toBeGreaterThan(30_000);
    expect((await store.due()).get(endpointId)).toBeGreaterThan(30_000);
  });

  it('is due at once when the automatic chain would have gone on long ago', async () => {
    const lease = await leaseOne();
    await store.pool.query(
      "update posthorn.delivery set resume_at = now() - interval '1 h', trigger = 'manual'",
    );
    await settle(settledAs(lease, { state: 'retrying', attempts: 0, resume: true }, null));
    expect(await claimDeliveries(store.pool, owner, plenty)).toMatchObject([{ trigger: 'scheduled' }]);
  });
});

describe('the lease', () => {
  it.each([
    ['another process', { leaseOwner: 1_000_000 }],
    ['a claim that never was', { leaseSeq: 2 }],
    ['another endpoint', { endpointId: 'ep_other' }],
    ['another application', { applicationId: 'app_other' }],
  ])('of %s changes nothing, but the attempt is on record', async (_name, wrong) => {
    const lease = await leaseOne();
    const before = await store.deliveries();
    const settled = settledAs({ ...lease, ...wrong }, succeeded, attemptId());
    expect((await settle(settled)).movedCount).toBe(0);
    expect(await store.deliveries()).toEqual(before);
    expect(await attempts()).toHaveLength(1);
  });

  it('is used up by the first settlement: a repeat of the batch changes nothing and adds no attempt', async () => {
    const leases = await store.lease(application, owner, 3);
    const batch = [
      settledAs(leases[0]!, succeeded, attemptId()),
      settledAs(leases[1]!, retrying(60_000), attemptId()),
      settledAs(leases[2]!, exhausted, attemptId()),
    ];
    expect((await settle(...batch)).movedCount).toBe(3);
    const timeless = async () =>
      (await store.deliveries()).map(({ next_in_ms, ...row }) => ({ ...row, planned: next_in_ms !== null }));
    const [before, attemptsBefore] = [await timeless(), await attempts()];
    const again = await settleDeliveries(store.pool, batch, failingMaxMs, true);
    expect(again.movedCount).toBe(0);
    expect(await timeless()).toEqual(before);
    expect(await attempts()).toEqual(attemptsBefore);
  });

  it('that was taken over is refused to the old holder, and holds for the new one', async () => {
    const lease = await leaseOne();
    await settle(settledAs(lease, retrying(0), attemptId()));
    const [renewed] = await claimDeliveries(store.pool, owner, plenty);
    expect((await settle(settledAs(lease, exhausted, attemptId()))).movedCount).toBe(0);
    expect(
      (await settle(settledAs(renewed!, { state: 'succeeded', attempts: 2 }, attemptId()))).movedCount,
    ).toBe(1);
    expect(await store.deliveries()).toMatchObject([{ state: 'succeeded', attempts: 2 }]);
    expect(await attempts()).toHaveLength(3);
  });

  it('is checked for each of a batch: those that lost theirs do not hold up the others', async () => {
    const leases = await store.lease(application, owner, 4);
    const batch = leases.map((lease, at) =>
      settledAs({ ...lease, leaseSeq: at % 2 === 0 ? 1 : 9 }, succeeded, attemptId()),
    );
    expect((await settle(...batch)).movedCount).toBe(2);
    expect(await store.count("posthorn.delivery where state = 'delivering'")).toBe(2);
  });

  it('and an empty batch are no errors', async () => {
    expect(await settle()).toEqual({ movedCount: 0, failingEndpoints: [] });
  });
});

describe('an attempt that succeeded under a lease that was lost', () => {
  const takeOver = async () => {
    const second = await store.makeProcess();
    await recoverLeases(store.pool, 60_000, { deadIds: [owner] });
    owner = await store.makeProcess();
    const [taken] = await claimDeliveries(store.pool, second, plenty);
    return taken!;
  };
  const twice: Transition = { state: 'succeeded', attempts: 2 };

  it('ends the delivery that was given back', async () => {
    const lease = await leaseOne();
    await recoverLeases(store.pool, 60_000, { deadIds: [owner] });
    owner = await store.makeProcess();
    expect((await settle(settledAs(lease, succeeded, attemptId()))).movedCount).toBe(0);
    const ended = { state: 'succeeded', attempts: 1, lease_owner: null, next_in_ms: null };
    expect(await store.deliveries()).toMatchObject([ended]);
    expect(await claimDeliveries(store.pool, owner, plenty)).toEqual([]);
  });

  it('ends it under the hands of its new holder, whose own failure changes nothing', async () => {
    const lease = await leaseOne();
    const taken = await takeOver();
    await settle(settledAs(lease, succeeded, attemptId()));
    expect((await settle(settledAs(taken, retrying(0), attemptId()))).movedCount).toBe(0);
    expect(await store.deliveries()).toMatchObject([{ state: 'succeeded', attempts: 1, lease_owner: null }]);
    expect(await attempts()).toHaveLength(2);
  });

  it('ends it after its new holder failed, and keeps what was counted', async () => {
    const lease = await leaseOne();
    const taken = await takeOver();
    await settle(settledAs(taken, { state: 'retrying', attempts: 2, delayMs: 60_000 }, attemptId()));
    await settle(settledAs(lease, succeeded, attemptId()));
    expect(await store.deliveries()).toMatchObject([{ state: 'succeeded', attempts: 2, next_in_ms: null }]);
  });

  it('ends the others of its batch too, and gives a turn back to their order', async () => {
    const leases = await store.lease(application, owner, 3);
    await store.pool.query("update posthorn.delivery set order_at = created_at, order_key = 'k'");
    await recoverLeases(store.pool, 60_000, { deadIds: [owner] });
    owner = await store.makeProcess();
    await store.pool.query('truncate posthorn.endpoint_due, posthorn.endpoint_key');
    await settle(...leases.slice(0, 2).map((lease) => settledAs(lease, succeeded, attemptId())));
    expect(await store.count("posthorn.delivery where state = 'succeeded'")).toBe(2);
    expect((await store.due()).get(application.endpointIds[0]!)).toBeLessThanOrEqual(0);
    expect(await store.count("posthorn.endpoint_key where order_key = 'k'")).toBe(1);
  });

  it('leaves it to its new holder while it has its turn in an order', async () => {
    const lease = await leaseOne();
    await store.pool.query('update posthorn.delivery set order_at = created_at');
    await recoverLeases(store.pool, 60_000, { deadIds: [owner] });
    owner = await store.makeProcess();
    await store.pool.query(
      `update posthorn.delivery set state = 'delivering', lease_owner = $1, lease_seq = 2, next_attempt_at = null`,
      [owner],
    );
    await settle(settledAs(lease, succeeded, attemptId()));
    expect(await store.deliveries()).toMatchObject([{ state: 'delivering', lease_seq: 2 }]);
  });

  it('leaves what ended, and a resend that was asked for meanwhile', async () => {
    const [first, second] = await store.lease(application, owner, 2);
    await recoverLeases(store.pool, 60_000, { deadIds: [owner] });
    owner = await store.makeProcess();
    await store.pool.query(
      "update posthorn.delivery set state = 'exhausted', next_attempt_at = null where message_id = $1",
      [first!.messageId],
    );
    const { applicationId, messageId, endpointId } = second!;
    await requestResend(store.db.queries, { applicationId, messageId, endpointId });
    await settle(settledAs(first!, succeeded, attemptId()), settledAs(second!, twice, attemptId()));
    expect((await store.deliveries()).map(({ state, trigger }) => [state, trigger])).toEqual([
      ['exhausted', 'scheduled'],
      ['pending', 'manual'],
    ]);
  });
});

describe('an attempt', () => {
  it('is stored as it was, dated by the clock of the database', async () => {
    const lease = await leaseOne();
    const record: AttemptRecord = {
      ...attemptId(),
      trigger: 'scheduled',
      url: 'https://receiver.test/ü?q=1',
      outcome: { kind: 'rejected', status: 503 },
      detail: 'The receiver answered 503.',
      responseHeaders: { 'retry-after': '5', 'x-quote': '"\\', 'x-text': 'ü 🎺' },
      responseBody: Buffer.from([0, 255, 10]),
      responseTruncated: true,
      durationMs: 123.4,
      startedAgoMs: 5_000.6,
    };
    await settle(settledAs(lease, retrying(1_000), record));
    const [row] = await attempts();
    expect(row).toMatchObject({
      application_id: lease.applicationId,
      id: record.id,
      message_id: lease.messageId,
      endpoint_id: lease.endpointId,
      trigger: 'scheduled',
      url: record.url,
      outcome: 'rejected',
      reason: null,
      detail: record.detail,
      response_status: 503,
      response_headers: record.responseHeaders,
      response_body: record.responseBody,
      response_truncated: true,
      duration_ms: 123,
    });
    expect(
      await store.count(
        `posthorn.attempt where started_at between now() - interval '15 s' and now() - interval '5 s'`,
      ),
    ).toBe(1);
  });

  it('that reached nobody has a reason in the place of a status', async () => {
    const lease = await leaseOne();
    const outcome = { kind: 'unreachable', reason: 'dns', detail: 'ENOTFOUND' } as const;
    await settle(settledAs(lease, retrying(1_000), { ...attemptId(), outcome }));
    expect(await attempts()).toMatchObject([
      {
        outcome: 'unreachable',
        reason: 'dns',
        response_status: null,
        response_headers: null,
        response_body: null,
        detail: null,
      },
    ]);
  });

  // What strangers put into headers and error messages; each of these comes from outside.
  it.each([
    ['a NUL in a header', { responseHeaders: { 'x-odd': 'a\0b' } }],
    ['the six characters \\u0000 in a header', { responseHeaders: { 'x-odd': String.raw`C:\u0000` } }],
    [
      'backslashes before \\u0000 in a header',
      { responseHeaders: { 'x-odd': String.raw`\\u0000\\\u0000"` } },
    ],
    ['the six characters of a surrogate in a header', { responseHeaders: { 'x-odd': String.raw`\ud800` } }],
    ['half a surrogate pair in a header', { responseHeaders: { 'x-odd': 'a\ud800b' } }],
    ['a NUL in a header name', { responseHeaders: { 'x\0odd': 'a' } }],
    ['a header named __proto__', { responseHeaders: Object.fromEntries([['__proto__', 'a']]) }],
    ['a NUL in the detail', { detail: 'certificate for evil\0.test' }],
    ['a NUL in the URL', { url: 'http://receiver.test/\0' }],
    ['half a surrogate pair in the detail', { detail: 'a\ud800b' }],
  ])('with %s is stored, and fails nobody else in its batch', async (_name, odd) => {
    const [lease, other] = await store.lease(application, owner, 2);
    const batch = [
      settledAs(other!, succeeded, attemptId()),
      settledAs(lease!, retrying(60_000), { ...attemptId(), ...odd }),
    ];
    expect((await settle(...batch)).movedCount).toBe(2);
    expect(await attempts()).toHaveLength(2);
  });

  it('keeps headers that only look like escapes as they came', async () => {
    const headers = { 'x-path': String.raw`C:\u0000\users`, 'x-quote': String.raw`\"` };
    const lease = await leaseOne();
    await settle(settledAs(lease, succeeded, { ...attemptId(), responseHeaders: headers }));
    expect(await attempts()).toMatchObject([{ response_headers: headers }]);
  });
});

describe('the health of an endpoint', () => {
  it('is failing from its first failure on, and the time stays that of the first', async () => {
    const [first, second] = await store.lease(application, owner, 2);
    await settle(settledAs(first!, retrying(60_000), attemptId()));
    expect(await failingEndpoints()).toEqual(application.endpointIds);
    await store.pool.query("update posthorn.endpoint_failing set since = '2020-01-01Z'");
    await settle(settledAs(second!, retrying(60_000), attemptId()));
    expect(await store.count("posthorn.endpoint_failing where since = '2020-01-01Z'")).toBe(1);
  });

  it('is restored by one success', async () => {
    const [first, second] = await store.lease(application, owner, 2);
    await settle(settledAs(first!, retrying(60_000), attemptId()));
    await settle(settledAs(second!, succeeded, attemptId()));
    expect(await failingEndpoints()).toEqual([]);
  });

  it('counts a batch with one success among failures as a success, in any order', async () => {
    for (const order of [0, 1]) {
      const [first, second, third] = await store.lease(application, owner, 3);
      const mixed = [
        settledAs(first!, retrying(60_000), attemptId()),
        settledAs(second!, succeeded, attemptId()),
        settledAs(third!, exhausted, attemptId()),
      ];
      await settle(...(order === 0 ? mixed : mixed.toReversed()));
      expect(await failingEndpoints()).toEqual([]);
    }
  });

  it('is told for each endpoint of a batch by itself', async () => {
    const other = await store.makeApplication(1);
    const [[bad], [good]] = [await store.lease(application, owner), await store.lease(other, owner)];
    await settle(settledAs(bad!, exhausted, attemptId()), settledAs(good!, succeeded, attemptId()));
    expect(await failingEndpoints()).toEqual(application.endpointIds);
  });

  it('is not touched by a delivery that was cancelled without an attempt', async () => {
    await settle(settledAs(await leaseOne(), { state: 'cancelled', attempts: 0 }, null));
    expect(await failingEndpoints()).toEqual([]);
  });

  it('is reported as failing only after the limit, and not in a batch with a success', async () => {
    const leases = await store.lease(application, owner, 4);
    const failOnce = async (at: number) =>
      (await settle(settledAs(leases[at]!, retrying(60_000), attemptId()))).failingEndpoints;
    expect(await failOnce(0)).toEqual([]);
    const backdate = (ms: number) =>
      store.pool.query("update posthorn.endpoint_failing set since = now() - $1 * interval '1 ms'", [ms]);
    await backdate(failingMaxMs - 10_000);
    expect(await failOnce(1)).toEqual([]);
    await backdate(failingMaxMs + 1_000);
    expect(await failOnce(2)).toEqual(application.endpointIds);
    await backdate(failingMaxMs + 1_000);
    expect((await settle(settledAs(leases[3]!, succeeded, attemptId()))).failingEndpoints).toEqual([]);
    expect(await failingEndpoints()).toEqual([]);
  });
});

describe('many settlements at the same time', () => {
  it('over the same endpoints in any order do not deadlock', async () => {
    const pool = store.openPool(12);
    const wide = await store.makeApplication(40);
    for (const round of [1, 2, 3]) {
      await pool.query(
        `insert into posthorn.endpoint_failing (endpoint_id) select unnest($1::text[]) on conflict do nothing`,
        [shuffled(wide.endpointIds)],
      );
      const perMessage = await store.lease(wide, owner, 12);
      const batches = Array.from({ length: 12 }, (_, at) =>
        shuffled(perMessage.slice(at * 40, (at + 1) * 40)).map((lease, place) =>
          settledAs(lease, (place + round) % 3 === 0 ? succeeded : retrying(60_000), attemptId()),
        ),
      );
      const results = await Promise.all(batches.map((batch) => settleDeliveries(pool, batch, failingMaxMs)));
      expect(results.map(({ movedCount }) => movedCount)).toEqual(batches.map(() => 40));
    }
  });
});

describe('disabling an endpoint', () => {
  it('happens once, with its reason, and changes the configuration’s version', async () => {
    const [endpointId] = application.endpointIds as [string];
    expect(await disableEndpoint(store.pool, endpointId, 'gone')).toBe(true);
    expect(await disableEndpoint(store.pool, endpointId, 'failing')).toBe(false);
    const { rows } = await store.pool.query(
      `select e.disabled, e.disabled_reason, e.disabled_at is not null as dated, a.config_version
       from posthorn.endpoint e join posthorn.application a on a.id = e.application_id where e.id = $1`,
      [endpointId],
    );
    expect(rows).toEqual([
      {
        disabled: true,
        disabled_reason: 'gone',
        dated: true,
        config_version: String(BigInt(application.configVersion) + 1n),
      },
    ]);
  });

  it('does nothing to one that is deleted or unknown', async () => {
    const [endpointId] = application.endpointIds as [string];
    await store.pool.query('update posthorn.endpoint set deleted_at = now() where id = $1', [endpointId]);
    expect(await disableEndpoint(store.pool, endpointId, 'gone')).toBe(false);
    expect(await disableEndpoint(store.pool, 'ep_unknown', 'gone')).toBe(false);
  });

  it('waits for whoever is changing the application, and does not deadlock with them', async () => {
    const [endpointId] = application.endpointIds as [string];
    const disabled = await inTransaction(store.pool, async (client) => {
      await client.query('select from posthorn.application where id = $1 for no key update', [
        application.id,
      ]);
      const disabling = disableEndpoint(store.pool, endpointId, 'failing');
      await waitFor(() => store.count('pg_locks where not granted'), { what: 'the disabling to wait' });
      await client.query("update posthorn.endpoint set url = 'http://new.test/' where id = $1", [endpointId]);
      return { disabling };
    });
    expect(await disabled.disabling).toBe(true);
  });
});

describe('a transaction', () => {
  it('is rolled back when its work fails, and the pool goes on', async () => {
    const pool = store.openPool(1);
    const failure = new Error('a bug');
    const work = inTransaction(pool, async (client) => {
      await client.query("insert into posthorn.endpoint_failing (endpoint_id) values ('ep_x')");
      throw failure;
    });
    await expect(work).rejects.toBe(failure);
    expect(await failingEndpoints()).toEqual([]);
    await inTransaction(pool, (client) => client.query('select 1'));
  });

  it('whose connection was cut fails with the reason, and the pool goes on with a new one', async () => {
    const pool = store.openPool(1);
    const pidSql = 'select pg_backend_pid() as pid';
    let cut: number | undefined;
    const work = inTransaction(pool, async (client) => {
      cut = (await client.query<{ pid: number }>(pidSql)).rows[0]!.pid;
      await store.pool.query('select pg_terminate_backend($1)', [cut]);
      await waitFor(async () => (await store.count('pg_stat_activity where pid = $1', [cut])) === 0);
      await client.query('select 1');
    });
    await expect(work).rejects.toThrow(/terminat|not queryable/);
    const after = await inTransaction(pool, (client) => client.query<{ pid: number }>(pidSql));
    expect(after.rows[0]!.pid).not.toBe(cut);
  });
});
