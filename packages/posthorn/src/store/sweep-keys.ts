// Forgets keys of endpoints that deliver in the order of keys, or only what is newer.
import type { Connection } from './partitions.ts';
import { deleteInBatches, type Pace, type Retention } from './retention.ts';

/** Forgets what was the newest of keys that nothing was delivered for since; returns how many. */
export function sweepKeys(db: Connection, retentions: readonly Retention[], pace: Pace): Promise<number> {
  return deleteInBatches(pace, async () => {
    const { rowCount } = await db.query(
      `delete from posthorn.endpoint_key where ctid = any (array(
         select k.ctid from posthorn.endpoint_key k
         join posthorn.application a on a.id = k.application_id
         join unnest($1::text[], $2::timestamptz[]) as i (environment_id, floor) on i.environment_id = a.environment_id
         where k.newest_at is not null and k.due_at is null and k.updated_at < i.floor
         limit $3 for update of k skip locked
       ))`,
      [
        retentions.map(({ environmentId }) => environmentId),
        retentions.map(({ messageFloorMs }) => new Date(messageFloorMs)),
        pace.rowsMax,
      ],
    );
    return rowCount ?? 0;
  });
}
