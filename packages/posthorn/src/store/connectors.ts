// Connectors: templates of the sender, from which customers make an endpoint for a service they know.
import { sql } from 'kysely';
import type { Insertable, Selectable, Updateable } from 'kysely';
import type { Queries } from './database.ts';
import { databaseNow, inPage } from './keyset.ts';
import type { Keyset } from './keyset.ts';
import type { ConnectorTable } from './tables.ts';

export type ConnectorRow = Selectable<ConnectorTable>;
type WritableColumns =
  | 'name'
  | 'kind'
  | 'logo'
  | 'description'
  | 'instructions'
  | 'allowed_event_types'
  | 'transformation'
  | 'feature_flags';
export type NewConnector = Required<
  Pick<Insertable<ConnectorTable>, WritableColumns | 'id' | 'environment_id' | 'uid' | 'product'>
>;
export type ConnectorChanges = Pick<Updateable<ConnectorTable>, WritableColumns | 'product'>;

const idPrefix = 'conn_';
// With their code, that many are a few megabytes at most.
const pageRows = 20;

/** The connector with this id or uid. Uids cannot look like ids, so one column decides. */
export async function findConnector(
  queries: Queries,
  environmentId: string,
  idOrUid: string,
): Promise<ConnectorRow | undefined> {
  return queries
    .selectFrom('connector')
    .selectAll()
    .where('environment_id', '=', environmentId)
    .where(idOrUid.startsWith(idPrefix) ? 'id' : 'uid', '=', idOrUid)
    .executeTakeFirst();
}

export async function listConnectors(
  queries: Queries,
  environmentId: string,
  keyset: Keyset,
  product: ConnectorRow['product'] | undefined,
): Promise<ConnectorRow[]> {
  let query = queries.selectFrom('connector').selectAll().where('environment_id', '=', environmentId);
  if (product !== undefined) query = query.where('product', '=', product);
  return inPage(query, 'id', keyset).execute();
}

/** All of them, the oldest first, read a few at a time: whoever is slow to take them holds no connection meanwhile. */
export async function* eachConnector(queries: Queries, environmentId: string): AsyncGenerator<ConnectorRow> {
  let after: string | undefined;
  do {
    const keyset = { rowsMax: pageRows, ascending: true, ...(after === undefined ? {} : { after }) };
    const rows = await listConnectors(queries, environmentId, keyset, undefined);
    yield* rows;
    after = rows.length < pageRows ? undefined : rows.at(-1)?.id;
  } while (after !== undefined);
}

/**
 * Makes it, or replaces the one with its uid; of those without a uid, the one with its name. To be run in a transaction
 * that is alone in doing so.
 */
export async function importConnector(transaction: Queries, connector: NewConnector): Promise<void> {
  const { id, environment_id: environmentId, uid, ...content } = connector;
  const known = await transaction
    .selectFrom('connector')
    .select('id')
    .where('environment_id', '=', environmentId)
    .$if(uid !== null, (query) => query.where('uid', '=', uid))
    .$if(uid === null, (query) => query.where('uid', 'is', null).where('name', '=', content.name))
    .orderBy('id')
    .limit(1)
    .executeTakeFirst();
  if (known !== undefined) await updateConnector(transaction, { environmentId, id: known.id }, content);
  else await insertConnector(transaction, { id, environment_id: environmentId, uid, ...content });
}

/** Undefined when the uid is taken. */
export async function insertConnector(
  queries: Queries,
  connector: NewConnector,
): Promise<ConnectorRow | undefined> {
  return queries
    .insertInto('connector')
    .values(connector)
    .onConflict((conflict) => conflict.columns(['environment_id', 'uid']).doNothing())
    .returningAll()
    .executeTakeFirst();
}

/** Undefined when it is not there (any more). */
export async function updateConnector(
  queries: Queries,
  { environmentId, id }: { environmentId: string; id: string },
  changes: ConnectorChanges,
): Promise<ConnectorRow | undefined> {
  const { transformation } = changes;
  const changedAt =
    transformation === undefined
      ? {}
      : {
          transformation_updated_at: sql<Date>`case when transformation = ${transformation}
            then transformation_updated_at else now() end`,
        };
  return queries
    .updateTable('connector')
    .set({ ...changes, ...changedAt, updated_at: databaseNow })
    .where('environment_id', '=', environmentId)
    .where('id', '=', id)
    .returningAll()
    .executeTakeFirst();
}

/** False when it is not there (any more). */
export async function deleteConnector(queries: Queries, environmentId: string, id: string): Promise<boolean> {
  const row = await queries
    .deleteFrom('connector')
    .where('environment_id', '=', environmentId)
    .where('id', '=', id)
    .returning('id')
    .executeTakeFirst();
  return row !== undefined;
}
