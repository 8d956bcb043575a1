// A page by key: rows after (or before) the last key seen, never an offset.
import { sql } from 'kysely';
import type { RawBuilder } from 'kysely';

/** `after` is exclusive, in the direction of the walk; absent at the start. */
export interface Keyset {
  /** Rows to read: one more than the page shows, so that the end is known without another query. */
  rowsMax: number;
  ascending: boolean;
  after?: string;
}

/** The comparison and direction for `order by`, made for one plain range scan of an index on the key. */
export function keysetOf(keyset: Keyset): { operator: '>' | '<'; direction: 'asc' | 'desc' } {
  return keyset.ascending ? { operator: '>', direction: 'asc' } : { operator: '<', direction: 'desc' };
}

/** `now()` of the database: stored times come from one clock. */
export const databaseNow: RawBuilder<Date> = sql<Date>`now()`;
