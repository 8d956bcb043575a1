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

export interface Heartbeat {
  /** False when the process was declared dead meanwhile: its leases are void. */
  alive: boolean;
  /** Another process has been silent for too long. */
  othersSilent: boolean;
}

export async function recordHeartbeat(pool: pg.Pool, id: number, silentMaxMs: number): Promise<Heartbeat> {
  const { rows } = await pool.query<{ alive: boolean; others_silent: boolean }>({
    name: 'heartbeat',
    text: `
      with beat as (update posthorn.process set heartbeat_at = now() where id = $1 returning id)
      select exists (select from beat) as alive, exists (
        select from posthorn.process where id <> $1 and heartbeat_at < now() - $2::bigint * interval '1 ms'
      ) as others_silent`,
    values: [id, silentMaxMs],
  });
  return { alive: rows[0]?.alive ?? false, othersSilent: rows[0]?.others_silent ?? false };
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
