// The story of the example against a real Posthorn, told twice, and what it says when something is missing.
import { join } from 'node:path';
import pg from 'pg';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { PosthornProcess } from '../../packages/posthorn/test/support/posthorn-process.ts';
import { expectTold, openStage, serverOf, type Stage } from '../story/test/stage.ts';

const story = new URL('run.mjs', import.meta.url);
const storyTimeoutMs = 300_000;

let stage: Stage;
let posthorn: PosthornProcess;

beforeAll(async () => {
  stage = await openStage(story);
  posthorn = await stage.start();
});
afterAll(() => stage.close());

const storyLines = [
  /^1\. The shop gets a URL for Shopify/m,
  /^ {3}rows are written as postgres:\/\/shop_writer@127\.0\.0\.1:\d+\/\w+\?sslmode=disable$/m,
  /^2\. Ada and Grace order$/m,
  /^ {3}row: #1001 ada@example\.com 24\.50 pending, not shipped$/m,
  /^ {3}row: #1002 grace@example\.com 41\.20 pending, not shipped$/m,
  /^3\. Ada pays/m,
  /^ {3}shipped: answered 200, 1 row written$/m,
  /^ {3}paid \(late\): answered 200, nothing was written/m,
  /^ {3}row: #1001 ada@example\.com 24\.50 paid, fulfilled$/m,
  /^4\. Shopify repeats itself$/m,
  /^ {3}it is known by its id: one message, and 2 duplicates counted$/m,
  /^ {3}the update under another id: answered 200, nothing was written/m,
  /^5\. Somebody who knows the URL/m,
  /^ {3}answered 401$/m,
  /^ {3}kept as req_\w{22}: mismatch \(.+\)$/m,
  /^ {3}diagnosis: unexplained, .+$/m,
  /^ {3}row: #1001 ada@example\.com 24\.50 paid, fulfilled$/m,
  /^6\. What Posthorn and the shop have in the end$/m,
  /^Done: 10 of 10 counts are right\.$/m,
];

test('the story ends well, and ends well again', { timeout: storyTimeoutMs }, async () => {
  const first = await stage.tell();
  expectTold(first, storyLines);
  expect(first.stdout).toMatch(/chat: \*#1002\*: Grace ordered 1 × Notebook, 3 × Ink for 41\.20 EUR$/m);

  const elsewhere = { POSTHORN_DATA_DIR: join(stage.folder, 'nothing') };
  expectTold(await stage.tell({ ...elsewhere, ...serverOf(posthorn), SHOP_DATABASE_URL: stage.databaseUrl }));

  const client = new pg.Client({ connectionString: stage.databaseUrl });
  await client.connect();
  const { rows } = await client.query(
    'select name, total::text, payment, fulfillment, count(*)::integer from shop.orders group by 1, 2, 3, 4 order by 1',
  );
  await client.end();
  expect(rows).toEqual([
    { name: '#1001', total: '24.50', payment: 'paid', fulfillment: 'fulfilled', count: 2 },
    { name: '#1002', total: '41.20', payment: 'pending', fulfillment: null, count: 2 },
  ]);
});

test('without Posthorn, or without a database, it says so and ends', async () => {
  const elsewhere = { POSTHORN_DATA_DIR: join(stage.folder, 'nothing') };
  expect(await stage.tell(elsewhere)).toMatchObject({
    code: 1,
    stderr: expect.stringContaining('Start it with `npm start` in another terminal') as string,
  });
  expect(await stage.tell({ ...elsewhere, ...serverOf(posthorn) })).toMatchObject({
    code: 1,
    stderr: expect.stringContaining('SHOP_DATABASE_URL') as string,
  });
});
