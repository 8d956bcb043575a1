// The sender's own decision to stop delivering to an endpoint.
import type pg from 'pg';
import type { DisabledReason } from './tables.ts';

/** Disables an endpoint that is still enabled; true when it was. Its open deliveries are cancelled as they come up. */
export async function disableEndpoint(
  pool: pg.Pool,
  endpointId: string,
  reason: DisabledReason,
): Promise<boolean> {
  const { rowCount } = await pool.query(
    `update posthorn.endpoint set disabled = true, disabled_reason = $2, disabled_at = now(), updated_at = now()
     where id = $1 and not disabled and deleted_at is null`,
    [endpointId, reason],
  );
  return rowCount === 1;
}
