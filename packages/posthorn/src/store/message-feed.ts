// Reading an application's feed: the messages of an application with pollers, in the order of their places.
import { sql } from 'kysely';
import type { Queries } from './database.ts';
import { messageColumns, payloadBytes } from './messages.ts';
import type { SizedMessageRow } from './messages.ts';

/** How far somebody has read. `place` in microseconds since 1970, as text; of several messages there, up to this one. */
export interface FeedPosition {
  place: string;
  messageId: string;
}

/** Before every message with a place from `timeMs` (Unix milliseconds) on. */
export function positionBefore(timeMs: number): FeedPosition {
  return { place: String(Math.max(0, Math.floor(timeMs)) * 1_000), messageId: '' };
}

/** Behind every message with a place up to `timeMs` (Unix milliseconds). */
export function positionAfter(timeMs: number): FeedPosition {
  return positionBefore(timeMs + 1);
}

/** The later one. */
export function laterOf(one: FeedPosition, other: FeedPosition): FeedPosition {
  if (one.place === other.place) return one.messageId > other.messageId ? one : other;
  return BigInt(one.place) > BigInt(other.place) ? one : other;
}

export type FeedRow = SizedMessageRow & { place: string; content_type: string };

/**
 * Messages behind `from` whose time has come, in their order; none that stands between two of them can appear any more.
 *
 * The lock is what that rests on: an accept gives its places under it, later ones than the time at which it got it, and
 * holds it until its commit. So when we have had it, all that will ever stand before our time is there to be seen, by a
 * statement that begins after. It is given back at once: a slow reader holds nobody up.
 */
export async function readFeed(
  queries: Queries,
  applicationId: string,
  { from, rowsMax }: { from: FeedPosition; rowsMax: number },
): Promise<FeedRow[]> {
  const { rows } = await sql<{ until: string }>`
    select (extract(epoch from clock_timestamp()) * 1000000)::bigint as until
    from posthorn.application_feed where application_id = ${applicationId} for share`.execute(queries);
  const [row] = rows;
  if (row === undefined) return [];
  return queries
    .selectFrom('message_feed as feed')
    .innerJoin('message', (join) =>
      join
        .onRef('message.application_id', '=', 'feed.application_id')
        .onRef('message.id', '=', 'feed.message_id'),
    )
    .select(messageColumns)
    .select(['message.content_type', 'feed.place'])
    .select(payloadBytes.as('payload_bytes'))
    .where('feed.application_id', '=', applicationId)
    .where(sql<boolean>`(feed.place, feed.message_id) > (${from.place}::bigint, ${from.messageId})`)
    .where(sql<boolean>`feed.place <= ${row.until}::bigint`)
    .orderBy('feed.place')
    .orderBy('feed.message_id')
    .limit(rowsMax)
    .execute();
}

/** Undefined when the consumer has confirmed nothing yet. */
export async function findConsumer(
  queries: Queries,
  pollerId: string,
  consumer: string,
): Promise<FeedPosition | undefined> {
  return queries
    .selectFrom('poller_consumer')
    .select(['place', 'message_id as messageId'])
    .where('poller_id', '=', pollerId)
    .where('consumer', '=', consumer)
    .executeTakeFirst();
}

/** Consumers that a poller can have. */
export const consumersMax = 1_000;

/** Sets how far the consumer is, and ends its lease. False when the poller has too many of them. */
export async function moveConsumer(
  queries: Queries,
  { pollerId, consumer }: { pollerId: string; consumer: string },
  { place, messageId }: FeedPosition,
): Promise<boolean> {
  const { numAffectedRows } = await sql`
    insert into posthorn.poller_consumer as c (poller_id, consumer, place, message_id)
    select ${pollerId}, ${consumer}, ${place}::bigint, ${messageId}
    where (select count(*) from posthorn.poller_consumer where poller_id = ${pollerId} and consumer <> ${consumer})
      < ${consumersMax}
    on conflict (poller_id, consumer) do update
      set place = excluded.place, message_id = excluded.message_id, updated_at = now(), handed_places = '{}',
        handed_ids = '{}', read_place = null, read_id = null, leased_until = null, version = c.version + 1`.execute(
    queries,
  );
  return (numAffectedRows ?? 0n) > 0n;
}
