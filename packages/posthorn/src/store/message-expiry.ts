// Contents that a message asked to be deleted before the environment's retention does.
import type pg from 'pg';

/** Deletes up to `rowsMax` contents that are past their time; returns how many were. Several processes can do it at once. */
export async function expireContents(pool: pg.Pool, rowsMax: number): Promise<number> {
  const { rowCount } = await pool.query(
    `with due as materialized (
       select message_id, application_id from posthorn.message_expiry where expires_at <= now()
       order by expires_at limit $1 for update skip locked
     ), gone as (
       delete from posthorn.message_body b using due
       where b.message_id = due.message_id and b.application_id = due.application_id
     )
     delete from posthorn.message_expiry e using due
     where e.message_id = due.message_id and e.application_id = due.application_id`,
    [rowsMax],
  );
  return rowCount ?? 0;
}
