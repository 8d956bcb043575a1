// Issues: what a settled batch leaves to be counted, what is made of it, and what ends an issue.
import type pg from 'pg';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import type { Outcome } from '../src/core/outcome.ts';
import { createIssueKeeper } from '../src/delivery/issue-keeper.ts';
import { systemClock } from '../src/lib/clock.ts';
import { sweepIssues } from '../src/store/issue-sightings.ts';
import { findIssue, ignoreIssue, resolveIssue } from '../src/store/issues.ts';
import { settleDeliveries } from '../src/store/settle-deliveries.ts';
import type { Settled } from '../src/store/settle-deliveries.ts';
import { inTransaction } from '../src/store/transaction.ts';
import { openTestStore, settledAs } from './support/store.ts';
import type { TestApplication, TestStore } from './support/store.ts';

const failingMaxMs = 60_000;
const quiet = { debug() {}, info() {}, warn() {}, error() {} };

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
    `truncate posthorn.issue, posthorn.issue_sighting, posthorn.attempt, posthorn.endpoint_failing, posthorn.outbox`,
  );
  application = await store.makeApplication(2);
});

/** Counts what was seen, and resolves what was not seen for `quietMs`. */
const keep = (quietMs = 0) => {
  // Each one looks at once whether something was mended.
  const clock = { ...systemClock, monotonicMs: () => 1 };
  return createIssueKeeper({ pool: store.pool, clock, log: quiet, quietMs }).runOnce();
};

interface Row extends Record<string, unknown> {
  id: string;
  state: string;
}

const issues = async () =>
  (await store.pool.query<Row>('select * from posthorn.issue order by endpoint_id, outcome, reason')).rows;
const only = async () => {
  const [row, ...others] = await issues();
  expect(others).toEqual([]);
  return row!;
};

const rejected = (status: number): Outcome => ({ kind: 'rejected', status });
const unreachable = (reason: 'timeout' | 'dns'): Outcome => ({ kind: 'unreachable', reason, detail: 'x' });

/** Leases a message for both endpoints, and what its attempts at the first one came to. */
async function tried(outcome: Outcome, state: 'exhausted' | 'retrying' | 'succeeded' = 'exhausted') {
  const [lease] = await store.lease(application, owner);
  const transition = state === 'retrying' ? { state, attempts: 1, delayMs: 1_000 } : { state, attempts: 1 };
  return settledAs(lease!, transition, { id: store.newId('atmpt_'), outcome, detail: `${outcome.kind} so` });
}

const settle = (...batch: Settled[]) => settleDeliveries(store.pool, batch, failingMaxMs);
const fail = async (outcome: Outcome) => settle(await tried(outcome));
const succeed = async () => settle(await tried({ kind: 'accepted', status: 200 }, 'succeeded'));

describe('a batch', () => {
  test('without a failure leaves nothing to be counted', async () => {
    await succeed();
    expect(await store.count('posthorn.issue_sighting')).toBe(0);
  });

  test('leaves one row for each cause, which becomes one issue', async () => {
    const batch = [
      await tried(rejected(500), 'retrying'),
      await tried(rejected(503)),
      await tried({ kind: 'accepted', status: 200 }, 'succeeded'),
      await tried(rejected(404)),
      await tried(unreachable('timeout'), 'retrying'),
    ];
    await settle(...batch);
    expect(await store.count('posthorn.issue_sighting')).toBe(3);
    await keep(1_000_000);
    const of = { application_id: application.id, endpoint_id: application.endpointIds[0], state: 'open' };
    expect(await issues()).toMatchObject([
      { ...of, outcome: 'rejected', reason: '4xx', status: 404, count: '1', exhausted_count: '1' },
      {
        ...of,
        outcome: 'rejected',
        reason: '5xx',
        status: 503,
        count: '2',
        exhausted_count: '1',
        attempt_id: batch[1]!.attempt!.id,
        message_id: batch[1]!.messageId,
        first_message_id: batch[0]!.messageId,
        detail: 'rejected so',
      },
      { ...of, outcome: 'unreachable', reason: 'timeout', status: null, count: '1', exhausted_count: '0' },
    ]);
    expect(await store.count('posthorn.issue_sighting')).toBe(0);
  });

  test('that is repeated after an answer that was lost counts once', async () => {
    const failed = await tried(rejected(500));
    await settle(failed);
    await settleDeliveries(store.pool, [failed], failingMaxMs, true);
    await keep();
    expect(await only()).toMatchObject({ count: '1' });
  });

  test('is counted together with what is being counted by somebody else', async () => {
    for (let n = 0; n < 20; n += 1) await fail(rejected(500));
    await Promise.all([keep(1e9), keep(1e9), keep(1e9), fail(rejected(502))]);
    await keep(1e9);
    expect(await only()).toMatchObject({ count: '21', opened_count: 1 });
  });
});

describe('the operator', () => {
  const told = async () =>
    (
      await store.pool.query<{ event_type: string; data: Record<string, unknown> }>(
        `select event_type, convert_from(payload, 'UTF8')::json->'data' as data from posthorn.outbox order by seq`,
      )
    ).rows;

  test('is told once of each opening and each end, and not of what his own endpoints do', async () => {
    const own = await store.makeApplication(1);
    await store.pool.query('update posthorn.application set operational = true where id = $1', [own.id]);
    try {
      await store.pool.query('truncate posthorn.outbox');
      await fail(rejected(500));
      await keep(1e9);
      await fail(rejected(500));
      await keep(1e9);
      expect((await told()).map(({ event_type }) => event_type)).toEqual(['issue.opened']);
      await succeed();
      await keep();
      await fail(rejected(500));
      await keep(1e9);
      const { id } = await only();
      expect((await told()).map(({ event_type, data }) => [event_type, data.issueId, data.state])).toEqual([
        ['issue.opened', id, 'open'],
        ['issue.resolved', id, 'resolved'],
        ['issue.opened', id, 'open'],
      ]);
      expect((await told())[1]?.data).toMatchObject({ resolvedBy: 'success', count: 2, reason: '5xx' });
      await store.pool.query('truncate posthorn.issue');
      const [lease] = await store.lease(own, owner);
      await settle(settledAs(lease!, { state: 'exhausted', attempts: 1 }, { id: store.newId('atmpt_') }));
      await keep();
      expect(await issues()).toEqual([]);
      expect(await store.count('posthorn.issue_sighting')).toBe(0);
    } finally {
      await store.pool.query('update posthorn.application set operational = false where id = $1', [own.id]);
    }
  });
});

describe('a success', () => {
  test('resolves the issues of its endpoint, and no other', async () => {
    await fail(rejected(500));
    await fail(unreachable('dns'));
    const other = await store.makeApplication(1);
    const [lease] = await store.lease(other, owner);
    await settle(settledAs(lease!, { state: 'exhausted', attempts: 1 }, { id: store.newId('atmpt_') }));
    await succeed();
    await keep();
    const states = new Map((await issues()).map((row) => [`${row.endpoint_id} ${row.reason}`, row.state]));
    const [endpoint] = application.endpointIds;
    expect(states).toEqual(
      new Map([
        [`${endpoint} 5xx`, 'resolved'],
        [`${endpoint} dns`, 'resolved'],
        [`${other.endpointIds[0]} 5xx`, 'open'],
      ]),
    );
  });

  test('from before the failure resolves nothing', async () => {
    await succeed();
    await fail(rejected(500));
    await keep();
    expect((await only()).state).toBe('open');
  });

  test('resolves nothing that was seen a moment ago: whoever fails now and then is told once', async () => {
    await fail(rejected(500));
    await succeed();
    await keep(60_000);
    expect((await only()).state).toBe('open');
    await store.pool.query("update posthorn.issue set last_seen_at = now() - interval '61 s'");
    await keep(60_000);
    expect(await only()).toMatchObject({ state: 'resolved', resolved_by: 'success' });
  });

  test('does not hide a failure that commits after the success was seen', async () => {
    await fail(rejected(500));
    await keep(1e9);
    await succeed();
    const late = await tried(rejected(500));
    await inTransaction(store.pool, async (client) => {
      await settleDeliveries(client as unknown as pg.Pool, [late], failingMaxMs);
      await keep();
      expect((await only()).state).toBe('resolved');
    });
    await keep(1e9);
    expect(await only()).toMatchObject({ state: 'open', opened_count: 2, count: '2' });
  });
});

describe('by hand', () => {
  test('resolved is until it is seen again; ignored is for good', async () => {
    await fail(rejected(500));
    await keep(1e9);
    const { id } = await only();
    const { queries } = store.db;
    expect(await resolveIssue(queries, application.id, id)).toMatchObject({ state: 'resolved' });
    await fail(rejected(500));
    await keep(1e9);
    expect(await findIssue(queries, application.id, id)).toMatchObject({ state: 'open', opened_count: 2 });
    expect(await ignoreIssue(queries, application.id, id)).toMatchObject({ state: 'ignored' });
    await fail(rejected(500));
    await keep(1e9);
    expect(await only()).toMatchObject({ state: 'ignored', count: '3', opened_count: 2 });
    expect(await resolveIssue(queries, 'app_other', id)).toBeUndefined();
  });
});

describe('what is deleted', () => {
  test('resolves the issues of an endpoint, and what is seen of it later is forgotten', async () => {
    await fail(rejected(500));
    await keep(1e9);
    const late = await tried(rejected(500));
    await store.pool.query('update posthorn.endpoint set deleted_at = now() where id = $1', [
      application.endpointIds[0],
    ]);
    await keep(1e9);
    expect(await only()).toMatchObject({ state: 'resolved', resolved_by: 'deletion' });
    await settle(late);
    await keep(1e9);
    expect(await only()).toMatchObject({ state: 'resolved', count: '1' });
  });

  test('issues go when they were not seen for as long as attempts are kept', async () => {
    await fail(rejected(500));
    await fail(unreachable('dns'));
    await keep(1e9);
    await store.pool.query(
      "update posthorn.issue set last_seen_at = now() - interval '31 days' where reason = 'dns'",
    );
    const pace = { rowsMax: 10, pagesMax: 1, breathe: () => Promise.resolve() };
    expect(await sweepIssues(store.pool, pace)).toBe(1);
    expect(await only()).toMatchObject({ reason: '5xx' });
  });
});
