// The sender's own decision to stop delivering to an endpoint.
import type pg from 'pg';
import { waitsForLocks } from './lock-wait.ts';
import type { DisabledReason } from './tables.ts';

// The application is locked before its endpoint, as everyone who changes one of its endpoints does: the update itself
// touches the application through a trigger, and the other order could deadlock.
const lockWaitMs = 1_000;
const disableSql = `
with locked as materialized (
  select a.id from posthorn.application a
  where a.id = (select application_id from posthorn.endpoint where id = $1) and ${waitsForLocks(lockWaitMs)}
  for no key update
)
update posthorn.endpoint
set disabled = true, disabled_reason = $2, disabled_at = now(), updated_at = now()
where id = $1 and not disabled and deleted_at is null and exists (select from locked)`;

/** Disables an endpoint that is still enabled; true when it was. Its open deliveries are cancelled as they come up. */
export async function disableEndpoint(
  pool: pg.Pool,
  endpointId: string,
  reason: DisabledReason,
): Promise<boolean> {
  const { rowCount } = await pool.query(disableSql, [endpointId, reason]);
  return rowCount === 1;
}
