// @ts-check
// The shop's own PostgreSQL, which knows nothing of webhooks: a table of orders, and a role that may write it and no more.
import { randomBytes } from 'node:crypto';
import pg from 'pg';

const writer = 'shop_writer';
const passwordBytes = 24;

const tableSql = `
create schema if not exists shop;
create table if not exists shop.orders (
  id bigint primary key,
  name text not null,
  customer text,
  total numeric not null,
  currency text not null,
  payment text,
  fulfillment text,
  updated_at timestamptz not null
)`;

/** @typedef {{ name: string, customer: string, total: string, payment: string, fulfillment: string | null }} OrderRow */

/**
 * Makes the table when it is missing.
 *
 * @param {{ ownUrl: string | undefined, posthornUrl: string | undefined }} urls of a database of the shop's own; of
 * Posthorn's, where the shop gets a corner when it has none
 */
export async function openShop({ ownUrl, posthornUrl }) {
  const url = ownUrl ?? posthornUrl;
  if (!url) throw new Error('The shop needs a PostgreSQL: name one with SHOP_DATABASE_URL.');
  const client = new pg.Client({ connectionString: url, application_name: 'shop' });
  await client.connect();
  try {
    await client.query(tableSql);
    const target = ownUrl === undefined ? await writerTarget(client, url) : targetOf(new URL(url));
    return { target, ...readers(client), close: () => client.end() };
  } catch (error) {
    await client.end();
    throw error;
  }
}

/** @param {pg.Client} client */
function readers(client) {
  return {
    /** @param {number} id @returns {Promise<OrderRow | undefined>} */
    async order(id) {
      const sql = 'select name, customer, total::text, payment, fulfillment from shop.orders where id = $1';
      return (await client.query(sql, [id])).rows[0];
    },
    /** How many rows these orders have, and what they are worth. @param {number[]} ids */
    async summary(ids) {
      const sql = `select count(*)::integer as rows, coalesce(sum(total), 0)::float8 as total
        from shop.orders where id = any($1)`;
      const { rows, total } = (await client.query(sql, [ids])).rows[0];
      return { rows: Number(rows), total: Number(total) };
    },
  };
}

/**
 * A role for Posthorn alone, with a new password.
 *
 * @param {pg.Client} client
 * @param {string} url
 */
async function writerTarget(client, url) {
  const password = randomBytes(passwordBytes).toString('hex');
  const known = await client.query('select from pg_roles where rolname = $1', [writer]);
  if (known.rowCount === 0) await client.query(`create role ${writer}`);
  await client.query(`alter role ${writer} login password ${client.escapeLiteral(password)};
    grant usage on schema shop to ${writer};
    grant select, insert, update on shop.orders to ${writer}`);
  const target = new URL(url);
  target.username = writer;
  target.password = password;
  return targetOf(target);
}

/**
 * As an endpoint of kind postgres has it: the password is not part of the URL, and TLS is the rule, but for this machine.
 *
 * @param {URL} url
 */
function targetOf(url) {
  const isHere = ['127.0.0.1', 'localhost', '[::1]'].includes(url.hostname);
  const sslmode = url.searchParams.get('sslmode') ?? (isHere ? 'disable' : 'verify-full');
  return {
    url: `postgres://${url.username}@${url.host}${url.pathname}?sslmode=${sslmode}`,
    password: decodeURIComponent(url.password),
  };
}
