// The code that changes what an endpoint is sent.
import { sql } from 'kysely';
import type { Selectable } from 'kysely';
import type { TransformationLanguage } from '../core/transformation.ts';
import type { Queries } from './database.ts';
import { databaseNow } from './keyset.ts';
import type { EndpointTransformationTable } from './tables.ts';

export type TransformationRow = Omit<Selectable<EndpointTransformationTable>, 'endpoint_id'>;

/** Absent leaves alone. */
export interface TransformationChanges {
  code?: string | null;
  language?: TransformationLanguage;
  enabled?: boolean;
  variables?: Record<string, string> | null;
}

/** Undefined when the endpoint never had one. */
export async function findTransformation(
  queries: Queries,
  endpointId: string,
): Promise<TransformationRow | undefined> {
  return queries
    .selectFrom('endpoint_transformation')
    .select(['code', 'language', 'enabled', 'variables', 'updated_at'])
    .where('endpoint_id', '=', endpointId)
    .executeTakeFirst();
}

/** The application must be locked. */
export async function changeTransformation(
  transaction: Queries,
  endpointId: string,
  { variables, ...changes }: TransformationChanges,
): Promise<void> {
  const columns = {
    ...changes,
    ...(variables === undefined ? {} : { variables: variables && JSON.stringify(variables) }),
  };
  await transaction
    .insertInto('endpoint_transformation')
    .values({ endpoint_id: endpointId, ...columns })
    .onConflict((conflict) =>
      conflict.column('endpoint_id').doUpdateSet({ ...columns, updated_at: databaseNow }),
    )
    .execute();
  await sql`update posthorn.endpoint set updated_at = now() where id = ${endpointId}`.execute(transaction);
}
