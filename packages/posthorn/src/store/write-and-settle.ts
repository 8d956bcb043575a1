// A write into the tables of a user, in the transaction that records the attempt and moves the delivery: whatever dies,
// both are there or neither is.
import type pg from 'pg';
import { describeError } from './describe-error.ts';
import type { Lease } from './leases.ts';
import { type Settled, settleWithin } from './settle-deliveries.ts';
import { inTransaction } from './transaction.ts';

export interface WriteUnderLease {
  lease: Lease;
  write: { text: string; values: unknown[] };
  /** Of the write alone. */
  timeoutMs: number;
  failingMaxMs: number;
}

/** `error`: what PostgreSQL said, in one sentence without its end; nothing was written. */
export type Written = { ok: true; rowCount: number } | { ok: false; error: string };

/** What is left to do about its endpoint. */
export interface StoredSettlement {
  failingEndpoints: string[];
}

// Whoever takes the lease over waits for this row, and finds it moved.
const holdSql = `
select from posthorn.delivery
where application_id = $1 and message_id = $2 and endpoint_id = $3 and lease_owner = $4 and lease_seq = $5
for no key update`;

/** Undefined, and nothing written, when the lease is lost. Rejects when the database is away: then either all or none is. */
export async function writeAndSettle(
  pool: pg.Pool,
  { lease, write, timeoutMs, failingMaxMs }: WriteUnderLease,
  conclude: (written: Written) => Settled,
): Promise<StoredSettlement | undefined> {
  return inTransaction(pool, async (client) => {
    const { applicationId, messageId, endpointId, leaseOwner, leaseSeq } = lease;
    const held = await client.query(holdSql, [applicationId, messageId, endpointId, leaseOwner, leaseSeq]);
    if (held.rowCount !== 1) return undefined;
    const settled = conclude(await tryWrite(client, write, timeoutMs));
    const { failingEndpoints } = await settleWithin(client, [settled], failingMaxMs);
    return { failingEndpoints };
  });
}

/** A write that is refused is undone, and the transaction goes on. */
async function tryWrite(
  client: pg.PoolClient,
  { text, values }: WriteUnderLease['write'],
  timeoutMs: number,
): Promise<Written> {
  await client.query('savepoint before_write');
  try {
    await client.query(`set local statement_timeout = ${Math.round(timeoutMs)}`);
    const { rowCount } = await client.query(text, values);
    // What is checked at the commit could still fail there, and the attempt with it.
    await client.query('set constraints all immediate');
    await client.query('set local statement_timeout to default; release savepoint before_write');
    return { ok: true, rowCount: rowCount ?? 0 };
  } catch (error) {
    const said = describeError(error);
    // A lost connection fails here too, and ends the transaction.
    await client.query('rollback to savepoint before_write');
    return { ok: false, error: said };
  }
}
