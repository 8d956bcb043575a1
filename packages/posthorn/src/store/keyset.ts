// A page by key: rows after (or before) the last key seen, never an offset.
import { sql } from 'kysely';
import type { RawBuilder, SelectQueryBuilder, StringReference } from 'kysely';

/** `after` is exclusive, in the direction of the walk; absent at the start. */
export interface Keyset {
  /** Rows to read: one more than the page shows, so that the end is known without another query. */
  rowsMax: number;
  ascending: boolean;
  after?: string;
}

/** The rows of that page, by `key`: one plain range scan of an index on it. */
export function inPage<DB, TB extends keyof DB, O>(
  query: SelectQueryBuilder<DB, TB, O>,
  key: StringReference<DB, TB>,
  { ascending, after, rowsMax }: Keyset,
): SelectQueryBuilder<DB, TB, O> {
  const column = sql.ref<string>(key);
  const rest = after === undefined ? query : query.where(column, ascending ? '>' : '<', after);
  return rest.orderBy(column, ascending ? 'asc' : 'desc').limit(rowsMax);
}

/** `now()` of the database: stored times come from one clock. */
export const databaseNow: RawBuilder<Date> = sql<Date>`now()`;
