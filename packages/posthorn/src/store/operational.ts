// The application that owns an environment's operational webhook endpoints.
import type { NewId } from '../lib/ids.ts';
import type { ApplicationRow } from './applications.ts';
import type { Queries } from './database.ts';

const applicationName = 'operational webhooks';

/** Undefined while the environment has had no such endpoint. */
export async function findOperationalApplication(
  queries: Queries,
  environmentId: string,
): Promise<ApplicationRow | undefined> {
  return queries
    .selectFrom('application')
    .selectAll()
    .where('environment_id', '=', environmentId)
    .where('operational', '=', true)
    .where('deleted_at', 'is', null)
    .executeTakeFirst();
}

/** Makes it, or finds the one that is there, also when somebody else was faster. */
export async function ensureOperationalApplication(
  queries: Queries,
  environmentId: string,
  newId: NewId,
): Promise<ApplicationRow> {
  const known = await findOperationalApplication(queries, environmentId);
  if (known !== undefined) return known;
  const made = await queries
    .insertInto('application')
    .values({
      id: newId('app_'),
      environment_id: environmentId,
      uid: null,
      name: applicationName,
      metadata: '{}',
      throttle_rate: null,
      operational: true,
    })
    .onConflict((conflict) => conflict.doNothing())
    .returningAll()
    .executeTakeFirst();
  if (made !== undefined) return made;
  const other = await findOperationalApplication(queries, environmentId);
  if (other === undefined) throw new Error('the operational application was neither made nor found');
  return other;
}
