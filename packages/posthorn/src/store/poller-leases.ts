// Consumers of a poller that confirm by offset: what one was handed, and until when it is not handed out again.
import { sql } from 'kysely';
import type { Queries } from './database.ts';
import { consumersMax } from './message-feed.ts';
import type { FeedPosition } from './message-feed.ts';

export interface ConsumerKey {
  pollerId: string;
  consumer: string;
}

export interface Leasing {
  /** Of the state that was read: what is written on top of another one is refused. */
  version: string;
  /** All before and at it is confirmed. */
  position: FeedPosition;
  /** The offset of the last message that was confirmed. */
  confirmedCount: number;
  /** What was handed out behind it; the first one has the next offset. */
  handed: readonly FeedPosition[];
  /** How far was read to find that; undefined when nothing is handed out. */
  read: FeedPosition | undefined;
  isLeased: boolean;
}

export async function findLeasing(
  queries: Queries,
  { pollerId, consumer }: ConsumerKey,
): Promise<Leasing | undefined> {
  const row = await queries
    .selectFrom('poller_consumer')
    .select(['version', 'place', 'message_id', 'confirmed_count', 'handed_places', 'handed_ids'])
    .select(['read_place', 'read_id'])
    .select(sql<boolean>`coalesce(leased_until > now(), false)`.as('isLeased'))
    .where('poller_id', '=', pollerId)
    .where('consumer', '=', consumer)
    .executeTakeFirst();
  if (row === undefined) return undefined;
  const { read_place: place, read_id: messageId } = row;
  return {
    version: row.version,
    position: { place: row.place, messageId: row.message_id },
    confirmedCount: Number(row.confirmed_count),
    handed: row.handed_ids.map((id, index) => ({ place: row.handed_places[index] ?? '0', messageId: id })),
    read: place === null || messageId === null ? undefined : { place, messageId },
    isLeased: row.isLeased,
  };
}

/** Lets a consumer begin at a place, unless it is there, by now perhaps with messages in its hands, or is one too many. */
export async function beginConsumer(
  queries: Queries,
  { pollerId, consumer }: ConsumerKey,
  { place, messageId }: FeedPosition,
): Promise<void> {
  await sql`
    insert into posthorn.poller_consumer (poller_id, consumer, place, message_id)
    select ${pollerId}, ${consumer}, ${place}::bigint, ${messageId}
    where (select count(*) from posthorn.poller_consumer where poller_id = ${pollerId}) < ${consumersMax}
    on conflict do nothing`.execute(queries);
}

/** False when somebody else has changed it meanwhile. `leaseMs` is from now on; undefined leaves the lease, null ends it. */
export async function saveLeasing(
  queries: Queries,
  { pollerId, consumer }: ConsumerKey,
  { version, position, confirmedCount, handed, read }: Leasing,
  leaseMs: number | null | undefined,
): Promise<boolean> {
  const { numAffectedRows } = await sql`
    update posthorn.poller_consumer set
      place = ${position.place}::bigint, message_id = ${position.messageId},
      confirmed_count = ${confirmedCount}::bigint,
      handed_places = ${handed.map(({ place }) => place)}::bigint[],
      handed_ids = ${handed.map(({ messageId }) => messageId)}::text[],
      read_place = ${read?.place ?? null}::bigint, read_id = ${read?.messageId ?? null},
      leased_until = case when ${leaseMs === undefined}::boolean then leased_until
        else now() + ${leaseMs ?? null}::bigint * interval '1 ms' end,
      version = version + 1, updated_at = now()
    where poller_id = ${pollerId} and consumer = ${consumer} and version = ${version}::bigint`.execute(
    queries,
  );
  return (numAffectedRows ?? 0n) > 0n;
}
