// The requests that came in at a source, as the API reads them; record-requests.ts writes them.
import { sql } from 'kysely';
import type { Selectable } from 'kysely';
import type { Queries } from './database.ts';
import { inPage } from './keyset.ts';
import type { Keyset } from './keyset.ts';
import type { RequestTable, RequestVerdict } from './source-tables.ts';

/** Who what is hidden of a request belongs to (store/secret-box.ts). */
export function requestOwner(id: string): string {
  return `request:${id}:hidden`;
}

const listedColumns = [
  'id',
  'received_at',
  'verdict',
  'reason',
  'detail',
  'cause',
  'advice',
  'method',
  'query',
  'address',
  'body_bytes',
  'delivery_id',
  'secret_id',
  'message_ids',
  'duplicates',
  'duplicate_at',
  'replayed_at',
] as const;
export type RequestRow = Pick<Selectable<RequestTable>, (typeof listedColumns)[number]>;
/** `body`: also where the request's only message holds it; null where it was not kept, or is gone. */
export type WholeRequestRow = RequestRow &
  Pick<Selectable<RequestTable>, 'headers' | 'hidden_sealed' | 'body'>;

export async function listRequests(
  queries: Queries,
  sourceId: string,
  { verdict }: { verdict: RequestVerdict | undefined },
  keyset: Keyset,
): Promise<RequestRow[]> {
  let query = queries.selectFrom('request').select(listedColumns).where('application_id', '=', sourceId);
  if (verdict !== undefined) query = query.where('verdict', '=', verdict);
  return inPage(query, 'id', keyset).execute();
}

export async function findRequest(
  queries: Queries,
  sourceId: string,
  id: string,
): Promise<WholeRequestRow | undefined> {
  return queries
    .selectFrom('request')
    .select([...listedColumns, 'headers', 'hidden_sealed'])
    .select(
      sql<Buffer | null>`coalesce(body, case when cardinality(message_ids) = 1 then (
        select b.payload from posthorn.message_body b
        where b.application_id = request.application_id and b.message_id = request.message_ids[1]
      ) end)`.as('body'),
    )
    .where('application_id', '=', sourceId)
    .where('id', '=', id)
    .executeTakeFirst();
}
