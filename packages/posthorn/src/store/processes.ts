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
  /** How long it was silent before this beat, by the database's clock; null when it was declared dead. */
  wasSilentMs: number | null;
  /** Other processes that have been silent for too long. */
  silentIds: number[];
}

export async function recordHeartbeat(pool: pg.Pool, id: number, silentMaxMs: number): Promise<Heartbeat> {
  const { rows } = await pool.query<{ alive: boolean; was_silent_ms: number | null; silent_ids: number[] }>({
    name: 'heartbeat',
    // What is selected beside the update is from before it.
    text: `
      with beat as (update posthorn.process set heartbeat_at = now() where id = $1 returning id)
      select exists (select from beat) as alive, (
        select extract(epoch from now() - heartbeat_at)::float8 * 1000 from posthorn.process where id = $1
      ) as was_silent_ms, array(
        select id from posthorn.process where id <> $1 and heartbeat_at < now() - $2::bigint * interval '1 ms'
      ) as silent_ids`,
    values: [id, silentMaxMs],
  });
  const [beat] = rows;
  if (!beat) throw new Error('a heartbeat returned no row');
  return { alive: beat.alive, wasSilentMs: beat.was_silent_ms, silentIds: beat.silent_ids };
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
