// The story of the example against a real Posthorn, and once more while that is killed in the middle of it.
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import pg from 'pg';
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest';
import { createTestDatabase } from '../../packages/posthorn/test/support/database.ts';
import {
  endAllPosthorn,
  type PosthornProcess,
  startPosthorn,
  testToken,
} from '../../packages/posthorn/test/support/posthorn-process.ts';
import { waitFor } from '../../packages/posthorn/test/support/wait.ts';
import { runStory } from '../story/test/run-story.ts';

const story = fileURLToPath(new URL('run.mjs', import.meta.url));
const open = { POSTHORN_ALLOW_TABLES: 'finance.entries' };

let folder: string;
let database: Awaited<ReturnType<typeof createTestDatabase>>;
let client: pg.Client;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'posthorn-finance-'));
});
beforeEach(async () => {
  database = await createTestDatabase();
  client = new pg.Client({ connectionString: database.url });
  await client.connect();
});
afterEach(async () => {
  await endAllPosthorn();
  await client.end();
  await database.drop();
});
afterAll(() => rm(folder, { recursive: true, force: true }));

/** Leaves the note that `npm start` leaves. */
async function note({ url, pid }: PosthornProcess): Promise<void> {
  const state = { url, token: testToken, pid, databaseUrl: database.url };
  await writeFile(join(folder, 'dev.json'), JSON.stringify(state));
}

const tell = (env: Record<string, string> = {}) => runStory(story, { POSTHORN_DATA_DIR: folder, ...env });

const storyLines = [
  /^1\. The bank gets a URL for Stripe/m,
  /^2\. Two senders tell of the same 50 payments and refunds, at the same time$/m,
  /^ {3}sender \w+: 67 requests answered with 2xx, in an order of its own$/m,
  /^ {3}sender \w+: 67 requests answered with 2xx, in an order of its own$/m,
  /^3\. What the fraud rule lets through to people$/m,
  /^4\. The balances$/m,
  /^ {3}acct_\w{24}: (-?\d+) cents, by hand \1$/m,
  /^ {3}acct_\w{24}: (-?\d+) cents, by hand \1$/m,
  /^5\. What Posthorn and the bank have in the end$/m,
  /^ {3}134 requests for 50 events$/m,
  /^Done: 7 of 7 counts are right\.$/m,
];

test('the story ends well, and ends well again', { timeout: 120_000 }, async () => {
  await note(await startPosthorn(database.url, open));
  const first = await tell();
  expect(first).toMatchObject({ code: 0, stderr: '' });
  let rest = first.stdout;
  for (const line of storyLines) {
    expect(rest).toMatch(line);
    const found = line.exec(rest);
    rest = rest.slice((found?.index ?? 0) + (found?.[0].length ?? 0));
  }
  for (const alert of [
    '100001 cents, card DE, bill DE',
    '4900 cents, card BR, bill DE',
    '2500 cents, card DE, bill unknown',
    '1800 cents, card unknown, bill DE',
  ])
    expect(first.stdout).toMatch(new RegExp(`^ {3}ch_\\w{24}: ${alert}$`, 'm'));
  expect(await tell()).toMatchObject({ code: 0, stderr: '' });
});

test('a table that the operator did not open is said so, with what to set', async () => {
  await note(await startPosthorn(database.url));
  expect(await tell()).toMatchObject({
    code: 1,
    stderr: expect.stringContaining('POSTHORN_ALLOW_TABLES=finance.entries npm start') as string,
  });
});

// Counts each write of a row, which a write of the same values again would hide.
const witnessSql = `
create schema finance;
create table finance.entries (id text primary key, account text not null, type text not null,
  amount bigint not null, currency text not null, event text not null, created bigint not null);
create table finance.write (entry text not null);
create function finance.witness() returns trigger language plpgsql as $$
  begin insert into finance.write values (new.id); return null; end $$;
create trigger witness after insert or update on finance.entries
  for each row execute function finance.witness()`;

test('killed in the middle, twice, it writes each payment once', { timeout: 180_000 }, async () => {
  await client.query(witnessSql);
  const port = String(await freePort());
  const start = () => startPosthorn(database.url, open, { flags: ['--port', port] });
  let posthorn = await start();
  await note(posthorn);
  const told = tell({ FINANCE_PAYMENTS: '160' });
  const ended = told.then(({ stdout, stderr }) => {
    throw new Error(`the story ended too soon:\n${stdout}${stderr}`);
  });
  for (const entries of [30, 110]) {
    const written = waitFor(
      async () => Number((await client.query('select from finance.entries')).rowCount) >= entries,
      { what: `${entries} entries`, timeoutMs: 60_000 },
    );
    await Promise.race([written, ended]);
    await posthorn.end('SIGKILL');
    posthorn = await start();
  }
  const { code, stdout, stderr } = await told;
  expect({ code, stderr }, stdout).toEqual({ code: 0, stderr: '' });
  expect(stdout).toMatch(/sent again without an answer$/m);
  expect(stdout).toMatch(/^Done: 7 of 7 counts are right\.$/m);
  const { rows } = await client.query(
    'select count(*)::integer as writes, count(distinct entry)::integer as entries from finance.write',
  );
  expect(rows).toEqual([{ writes: 200, entries: 200 }]);
});

/** Below the ports that the system hands out by itself: nobody is given it while Posthorn is down. */
async function freePort(): Promise<number> {
  for (let port = 20_000 + (process.pid % 5_000); port < 32_768; port += 1) {
    const probe = createServer();
    const isFree = await new Promise<boolean>((resolve) => {
      probe.once('error', () => resolve(false)).listen(port, '127.0.0.1', () => resolve(true));
    });
    if (!isFree) continue;
    await new Promise((resolve) => probe.close(resolve));
    return port;
  }
  throw new Error('no free port');
}
