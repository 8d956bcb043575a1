// The story of the example against a real Posthorn, and once more while that is killed in the middle of it.
import pg from 'pg';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { waitFor } from '../../packages/posthorn/test/support/wait.ts';
import { expectTold, lastingPort, openStage, type Stage } from '../story/test/stage.ts';

const story = new URL('run.mjs', import.meta.url);
const open = { POSTHORN_ALLOW_TABLES: 'finance.entries' };

let stage: Stage;
let client: pg.Client;

beforeEach(async () => {
  stage = await openStage(story);
  client = new pg.Client({ connectionString: stage.databaseUrl });
  await client.connect();
});
afterEach(async () => {
  await client.end();
  await stage.close();
});

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

test('the story ends well, and ends well again', async () => {
  await stage.start(open);
  const first = await stage.tell();
  expectTold(first, storyLines);
  for (const alert of [
    '100001 cents, card DE, bill DE',
    '4900 cents, card BR, bill DE',
    '2500 cents, card DE, bill unknown',
    '1800 cents, card unknown, bill DE',
  ])
    expect(first.stdout).toMatch(new RegExp(`^ {3}ch_\\w{24}: ${alert}$`, 'm'));
  expectTold(await stage.tell());
});

test('a table that the operator did not open is said so, with what to set', async () => {
  await stage.start();
  expect(await stage.tell()).toMatchObject({
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

test('killed in the middle, twice, it writes each payment once', async () => {
  await client.query(witnessSql);
  const port = String(await lastingPort());
  const start = () => stage.start(open, { flags: ['--port', port] });
  let posthorn = await start();
  const told = stage.tell({ FINANCE_PAYMENTS: '160' });
  const ended = told.then(({ stdout, stderr }) => {
    throw new Error(`the story ended too soon:\n${stdout}${stderr}`);
  });
  for (const entries of [30, 110]) {
    const written = waitFor(
      async () => Number((await client.query('select from finance.entries')).rowCount) >= entries,
      { what: `${entries} entries` },
    );
    await Promise.race([written, ended]);
    await posthorn.end('SIGKILL');
    posthorn = await start();
  }
  expectTold(await told, [/sent again without an answer$/m, /^Done: 7 of 7 counts are right\.$/m]);
  const { rows } = await client.query(
    'select count(*)::integer as writes, count(distinct entry)::integer as entries from finance.write',
  );
  expect(rows).toEqual([{ writes: 200, entries: 200 }]);
});
