// @ts-check
// The ledger in Posthorn's own database: one row for each payment and each refund, never changed, and the balance of an
// account as their sum. A sum does not ask in which order its parts came.
import pg from 'pg';

const ledgerSql = `
create schema if not exists finance;
create table if not exists finance.entries (
  id text primary key,
  account text not null,
  type text not null check (type in ('charge.succeeded', 'refund.created')),
  amount bigint not null check (amount > 0),
  currency text not null,
  event text not null,
  created bigint not null
);
create index if not exists entries_account on finance.entries (account);
create or replace view finance.balances as
select account, currency, count(*) as entries,
  sum(case type when 'charge.succeeded' then amount else -amount end) as balance
from finance.entries
group by account, currency`;

/** @param {string} databaseUrl Posthorn's own */
export async function openLedger(databaseUrl) {
  const client = new pg.Client({ connectionString: databaseUrl, application_name: 'ledger' });
  await client.connect();
  try {
    await client.query(ledgerSql);
  } catch (error) {
    await client.end();
    throw error;
  }
  return {
    /** @param {string[]} accounts */
    async entryCount(accounts) {
      const sql = 'select count(*)::integer as n from finance.entries where account = any($1)';
      return Number((await client.query(sql, [accounts])).rows[0].n);
    },
    /** In cents. @param {string} account */
    async balance(account) {
      const sql = 'select balance::float8 from finance.balances where account = $1';
      return Number((await client.query(sql, [account])).rows[0]?.balance ?? 0);
    },
    close: () => client.end(),
  };
}
