// Endpoints, their secrets and their custom headers.
import { sql } from 'kysely';
import type { Insertable, Selectable, Updateable } from 'kysely';
import type { Subscription } from '../core/matching.ts';
import type { Queries } from './database.ts';
import { noteOrdering } from './endpoint-order.ts';
import type { OrderChange } from './endpoint-order.ts';
import { databaseNow, inPage } from './keyset.ts';
import type { Keyset } from './keyset.ts';
import type { EndpointTable } from './tables.ts';

export type EndpointRow = Selectable<EndpointTable>;
type OptionColumns =
  | 'retry_delays_seconds'
  | 'timeout_seconds'
  | 'signature_headers'
  | 'auth_sealed'
  | 'auth_shown';
type WritableColumns =
  | 'uid'
  | 'url'
  | 'kind'
  | 'config_sealed'
  | 'config_shown'
  | 'description'
  | 'event_types'
  | 'channels'
  | 'metadata'
  | 'throttle_rate'
  | 'signature_style'
  | 'ordering'
  | 'order_by_key'
  | 'only_newer'
  | 'filter'
  | OptionColumns;
export type NewEndpoint = Pick<
  Insertable<EndpointTable>,
  WritableColumns | 'id' | 'application_id' | 'headers_sealed'
> & { disabled: boolean };
export type EndpointChanges = Pick<Updateable<EndpointTable>, WritableColumns | 'headers_sealed'> & {
  disabled?: boolean;
};

/** The unique index that a second use of a uid violates. */
export const endpointUidConstraint = 'endpoint_uid';
const idPrefix = 'ep_';

/** Who a sealed signing secret belongs to (store/secret-box.ts). */
export function secretOwner(endpointId: string): string {
  return `endpoint:${endpointId}:secret`;
}

/** Who an endpoint's sealed custom headers belong to. */
export function headersOwner(endpointId: string): string {
  return `endpoint:${endpointId}:headers`;
}

/** Who what an endpoint authenticates with belongs to. */
export function authOwner(endpointId: string): string {
  return `endpoint:${endpointId}:auth`;
}

/** Who the sealed configuration of an endpoint of another kind than `http` belongs to. */
export function configOwner(endpointId: string): string {
  return `endpoint:${endpointId}:config`;
}

/** The live endpoint with this id or uid. Uids cannot look like ids (api/fields.ts), so one column decides. */
export async function findEndpoint(
  queries: Queries,
  applicationId: string,
  idOrUid: string,
): Promise<EndpointRow | undefined> {
  return queries
    .selectFrom('endpoint')
    .selectAll()
    .where('application_id', '=', applicationId)
    .where(idOrUid.startsWith(idPrefix) ? 'id' : 'uid', '=', idOrUid)
    .where('deleted_at', 'is', null)
    .executeTakeFirst();
}

export async function listEndpoints(
  queries: Queries,
  applicationId: string,
  keyset: Keyset,
): Promise<EndpointRow[]> {
  const query = queries
    .selectFrom('endpoint')
    .selectAll()
    .where('application_id', '=', applicationId)
    .where('deleted_at', 'is', null);
  return inPage(query, 'id', keyset).execute();
}

/** Those of these kinds whose messages wait for each other. */
export async function listDestinations(
  queries: Queries,
  applicationId: string,
  kinds: readonly string[],
  keyset: Keyset,
): Promise<EndpointRow[]> {
  const query = queries
    .selectFrom('endpoint')
    .selectAll()
    .where('application_id', '=', applicationId)
    .where('deleted_at', 'is', null)
    .where('kind', 'in', kinds)
    .where('ordering', '=', 'block')
    .where('order_by_key', '=', false);
  return inPage(query, 'id', keyset).execute();
}

/** What each endpoint of the application wants; its pollers too. */
export async function listSubscriptions(queries: Queries, applicationId: string): Promise<Subscription[]> {
  const { rows } = await sql<Pick<EndpointRow, 'disabled' | 'event_types' | 'channels'>>`
    select disabled, event_types, channels from posthorn.endpoint
    where application_id = ${applicationId} and deleted_at is null
    union all
    select false, event_types, channels from posthorn.poller
    where application_id = ${applicationId} and deleted_at is null`.execute(queries);
  return rows.map(({ disabled, event_types: eventTypes, channels }) => ({ disabled, eventTypes, channels }));
}

/** Undefined when the uid is taken. `secretSealed` becomes its current secret. The application must be locked. */
export async function insertEndpoint(
  transaction: Queries,
  endpoint: NewEndpoint,
  secret: { id: string; sealed: Buffer },
): Promise<EndpointRow | undefined> {
  const row = await transaction
    .insertInto('endpoint')
    .values({
      ...endpoint,
      disabled_reason: endpoint.disabled ? 'requested' : null,
      disabled_at: endpoint.disabled ? databaseNow : null,
    })
    .onConflict((conflict) =>
      conflict.columns(['application_id', 'uid']).where('deleted_at', 'is', null).doNothing(),
    )
    .returningAll()
    .executeTakeFirst();
  if (row === undefined) return undefined;
  await insertSecret(transaction, row.id, secret);
  if (row.ordering !== null) await noteOrdering(transaction, orderChangeOf(row));
  return row;
}

/**
 * Undefined when it is not there (any more). Throws a unique violation when the new uid is taken. Enabling a disabled
 * endpoint also forgets since when it has been failing. The application must be locked.
 */
export async function updateEndpoint(
  transaction: Queries,
  id: string,
  { disabled, ...changes }: EndpointChanges,
): Promise<EndpointRow | undefined> {
  if (disabled === false) {
    await sql`
      delete from posthorn.endpoint_failing f using posthorn.endpoint e
      where f.endpoint_id = ${id} and e.id = f.endpoint_id and e.disabled`.execute(transaction);
  }
  const row = await transaction
    .updateTable('endpoint')
    .set({ ...changes, ...disabledColumns(disabled), updated_at: databaseNow })
    .where('id', '=', id)
    .where('deleted_at', 'is', null)
    .returningAll()
    .executeTakeFirst();
  if (row !== undefined && changes.ordering !== undefined)
    await noteOrdering(transaction, orderChangeOf(row));
  return row;
}

function orderChangeOf({ id, application_id, ordering, order_by_key }: EndpointRow): OrderChange {
  return { endpointId: id, applicationId: application_id, ordering, byKey: order_by_key };
}

function disabledColumns(disabled: boolean | undefined) {
  if (disabled === undefined) return {};
  if (!disabled) return { disabled, disabled_reason: null, disabled_at: null };
  // Disabling a disabled endpoint keeps why and since when it is.
  return {
    disabled,
    disabled_reason: sql<'requested'>`coalesce(disabled_reason, 'requested')`,
    disabled_at: sql<Date>`coalesce(disabled_at, now())`,
  };
}

/** False when it was deleted before. The application must be locked. */
export async function deleteEndpoint(transaction: Queries, id: string): Promise<boolean> {
  const deleted = await transaction
    .updateTable('endpoint')
    .set({ deleted_at: databaseNow, updated_at: databaseNow })
    .where('id', '=', id)
    .where('deleted_at', 'is', null)
    .returning('id')
    .executeTakeFirst();
  if (deleted === undefined) return false;
  await sql`delete from posthorn.endpoint_failing where endpoint_id = ${id}`.execute(transaction);
  return true;
}

async function insertSecret(
  transaction: Queries,
  endpointId: string,
  secret: { id: string; sealed: Buffer },
): Promise<void> {
  await transaction
    .insertInto('endpoint_secret')
    .values({ id: secret.id, endpoint_id: endpointId, secret_sealed: secret.sealed })
    .execute();
}

/** The sealed secret that new signatures are made with first. */
export async function findCurrentSecret(queries: Queries, endpointId: string): Promise<Buffer | undefined> {
  const row = await queries
    .selectFrom('endpoint_secret')
    .select('secret_sealed')
    .where('endpoint_id', '=', endpointId)
    .where('expires_at', 'is', null)
    .executeTakeFirst();
  return row?.secret_sealed;
}

export interface Rotation {
  endpointId: string;
  secret: { id: string; sealed: Buffer };
  /** How long the secret until now goes on signing along; 0 ends it at once. */
  gracePeriodSeconds: number;
  /** Secrets that may sign along beside the current one. */
  oldSecretsMax: number;
}

/** False when too many old secrets are still valid; nothing is written then. The application must be locked. */
export async function rotateSecret(transaction: Queries, rotation: Rotation): Promise<boolean> {
  const { endpointId, gracePeriodSeconds } = rotation;
  const { valid } = await transaction
    .selectFrom('endpoint_secret')
    .select(sql<number>`count(*)::integer`.as('valid'))
    .where('endpoint_id', '=', endpointId)
    .where('expires_at', '>', databaseNow)
    .executeTakeFirstOrThrow();
  const stillValid = valid + (gracePeriodSeconds > 0 ? 1 : 0);
  if (stillValid > rotation.oldSecretsMax) return false;
  await transaction
    .updateTable('endpoint_secret')
    .set({ expires_at: sql<Date>`now() + make_interval(secs => ${gracePeriodSeconds})` })
    .where('endpoint_id', '=', endpointId)
    .where('expires_at', 'is', null)
    .execute();
  // What no longer signs is not kept, sealed or not.
  await transaction
    .deleteFrom('endpoint_secret')
    .where('endpoint_id', '=', endpointId)
    .where('expires_at', '<=', databaseNow)
    .execute();
  await insertSecret(transaction, endpointId, rotation.secret);
  return true;
}

/** Replaces the sealed custom headers; null for none. The application must be locked. */
export async function storeHeaders(transaction: Queries, id: string, sealed: Buffer | null): Promise<void> {
  await transaction
    .updateTable('endpoint')
    .set({ headers_sealed: sealed, updated_at: databaseNow })
    .where('id', '=', id)
    .where('deleted_at', 'is', null)
    .execute();
}
