// The plans of what ends a lease: made once, and by key however few rows seem to be leased.
import type pg from 'pg';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { type Lease, releaseLeases } from '../src/store/leases.ts';
import { dayMs, ensurePartitions } from '../src/store/partitions.ts';
import { settleDeliveries } from '../src/store/settle-deliveries.ts';
import { nodesOf, type PlanNode } from './support/plan.ts';
import { openTestStore, settledAs, type TestApplication, type TestStore } from './support/store.ts';

let store: TestStore;
let owner: number;
let application: TestApplication;

beforeAll(async () => {
  store = await openTestStore();
  owner = await store.makeProcess();
  application = await store.makeApplication(1);
  await ensurePartitions(store.pool, Date.now() - 30 * dayMs, 31);
  await store.lease(application, owner, 3_000);
  await store.pool.query("update posthorn.delivery set state = 'succeeded', lease_owner = null");
  await store.pool.query('analyze posthorn.delivery');
});
afterAll(() => store.stop());

const settle = (pool: pg.Pool, lease: Lease) =>
  settleDeliveries(pool, [settledAs(lease, { state: 'succeeded', attempts: 1 }, null)], 60_000);

it.each([
  ['settle-deliveries', settle],
  ['release-leases', (pool: pg.Pool, lease: Lease) => releaseLeases(pool, [lease])],
] as const)('%s', async (name, end) => {
  const pool = store.openPool(1);
  for (const lease of await store.lease(application, owner, 10)) await end(pool, lease);
  const { rows } = await pool.query<{ statement: string; planned: number }>(
    'select statement, custom_plans::integer as planned from pg_prepared_statements where name = $1',
    [name],
  );
  // PostgreSQL plans the first five times for the values given, then decides for good.
  expect(rows[0]!.planned).toBe(5);
  const explained = await pool.query<{ 'QUERY PLAN': { Plan: PlanNode }[] }>({
    text: `explain (generic_plan, format json) ${rows[0]!.statement}`,
  });
  const nodes = nodesOf(explained.rows[0]!['QUERY PLAN'][0]!.Plan);
  const scans = nodes.filter((node) => node['Relation Name']?.startsWith('delivery_2'));
  const indexes = scans.flatMap((node) => node['Index Name'] ?? []);
  expect(indexes.length).toBeGreaterThan(30);
  expect(indexes.filter((index) => !/_pkey|_endpoint_id_message_id_idx/.test(index))).toEqual([]);
  expect(nodes.map((node) => node['Node Type'])).not.toContain('Seq Scan');
});
