// The processes that work on this database: registered, kept alive by a heartbeat, forgotten when they stop.
import type pg from 'pg';

export interface ProcessIdentity {
  /** Names the machine and process-id space; null where it is not known. */
  host: string | null;
  pid: number;
  version: string;
}

/** The new process's id: the owner of its leases. */
export async function registerProcess(pool: pg.Pool, identity: ProcessIdentity): Promise<number> {
  const { rows } = await pool.query<{ id: number }>(
    'insert into posthorn.process (host, pid, version) values ($1, $2, $3) returning id',
    [identity.host, identity.pid, identity.version],
  );
  const id = rows[0]?.id;
  if (id === undefined) throw new Error('registering the process returned no row');
  return id;
}

/** False when the process was declared dead meanwhile: its leases are void. */
export async function recordHeartbeat(pool: pg.Pool, id: number): Promise<boolean> {
  const { rowCount } = await pool.query({
    name: 'heartbeat',
    text: 'update posthorn.process set heartbeat_at = now() where id = $1',
    values: [id],
  });
  return rowCount === 1;
}

export async function forgetProcess(pool: pg.Pool, id: number): Promise<void> {
  await pool.query('delete from posthorn.process where id = $1', [id]);
}

/** The other processes that registered from `host`. */
export async function listNeighbours(
  pool: pg.Pool,
  host: string,
  ownId: number,
): Promise<{ id: number; pid: number }[]> {
  const { rows } = await pool.query<{ id: number; pid: number }>(
    'select id, pid from posthorn.process where host = $1 and id <> $2',
    [host, ownId],
  );
  return rows;
}
