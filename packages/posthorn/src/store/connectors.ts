// Connectors: templates of the sender, from which customers make an endpoint for a service they know.
import { sql } from 'kysely';
import type { Insertable, Selectable, Updateable } from 'kysely';
import type { Queries } from './database.ts';
import { databaseNow, keysetOf } from './keyset.ts';
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
export type ConnectorChanges = Pick<Updateable<ConnectorTable>, WritableColumns>;

const idPrefix = 'conn_';

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
  const { operator, direction } = keysetOf(keyset);
  let query = queries.selectFrom('connector').selectAll().where('environment_id', '=', environmentId);
  if (product !== undefined) query = query.where('product', '=', product);
  if (keyset.after !== undefined) query = query.where('id', operator, keyset.after);
  return query.orderBy('id', direction).limit(keyset.rowsMax).execute();
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
