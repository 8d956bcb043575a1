// The story of the example against a real Posthorn, told twice, and what it says when something is missing.
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import pg from 'pg';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { createTestDatabase } from '../../packages/posthorn/test/support/database.ts';
import {
  endAllPosthorn,
  type PosthornProcess,
  startPosthorn,
  testToken,
} from '../../packages/posthorn/test/support/posthorn-process.ts';
import { runStory } from '../story/test/run-story.ts';

const story = fileURLToPath(new URL('run.mjs', import.meta.url));
const storyTimeoutMs = 90_000;

let folder: string;
let database: Awaited<ReturnType<typeof createTestDatabase>>;
let posthorn: PosthornProcess;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'posthorn-ecommerce-'));
  database = await createTestDatabase();
  posthorn = await startPosthorn(database.url);
  const note = { url: posthorn.url, token: testToken, pid: posthorn.pid, databaseUrl: database.url };
  await writeFile(join(folder, 'dev.json'), JSON.stringify(note));
});
afterAll(async () => {
  await endAllPosthorn();
  await database.drop();
  await rm(folder, { recursive: true, force: true });
});

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
  const first = await runStory(story, { POSTHORN_DATA_DIR: folder });
  expect(first).toMatchObject({ code: 0, stderr: '' });
  let rest = first.stdout;
  for (const line of storyLines) {
    expect(rest).toMatch(line);
    const found = line.exec(rest);
    rest = rest.slice((found?.index ?? 0) + (found?.[0].length ?? 0));
  }
  expect(first.stdout).toMatch(/chat: \*#1002\*: Grace ordered 1 × Notebook, 3 × Ink for 41\.20 EUR$/m);

  const again = await runStory(story, {
    POSTHORN_SERVER_URL: posthorn.url,
    POSTHORN_TOKEN: testToken,
    SHOP_DATABASE_URL: database.url,
  });
  expect(again).toMatchObject({ code: 0, stderr: '' });

  const client = new pg.Client({ connectionString: database.url });
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
  const elsewhere = { POSTHORN_DATA_DIR: join(folder, 'nothing') };
  expect(await runStory(story, elsewhere)).toMatchObject({
    code: 1,
    stderr: expect.stringContaining('Start it with `npm start` in another terminal') as string,
  });
  const server = { ...elsewhere, POSTHORN_SERVER_URL: posthorn.url, POSTHORN_TOKEN: testToken };
  expect(await runStory(story, server)).toMatchObject({
    code: 1,
    stderr: expect.stringContaining('SHOP_DATABASE_URL') as string,
  });
});
