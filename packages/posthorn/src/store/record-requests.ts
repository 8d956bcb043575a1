// What is written of the requests of providers: in batches with their messages, and one by one where they were refused.
import type pg from 'pg';
import type { ReceivedFacts } from '../core/inbound.ts';
import { byteaArray, int4Array, textArray } from './binary-array.ts';
import type { RequestVerdict } from './source-tables.ts';

export interface RequestToStore extends ReceivedFacts {
  verdict: RequestVerdict;
  reason?: string | undefined;
  detail?: string | undefined;
  /** What is most likely wrong, as a stable word, and what to do about it. */
  cause?: string | undefined;
  advice?: string | undefined;
  deliveryId?: string | undefined;
  secretId?: string | undefined;
  messageIds: readonly string[];
  /** Sealed: the headers, and the query, that are not in the others. */
  hidden?: Buffer | undefined;
}

type Connection = Pick<pg.ClientBase, 'query'>;

// Ids have none in them.
const listSeparator = '\u001f';

const insertSql = `
insert into posthorn.request (application_id, id, verdict, reason, detail, method, query, headers, hidden_sealed, address,
  body, body_bytes, delivery_id, secret_id, message_ids, cause, advice)
select application_id, id, verdict, reason, detail, method, query, headers::jsonb, hidden, address, body, body_bytes,
  delivery_id, secret_id, string_to_array(message_ids, e'\\x1f'), cause, advice
from unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::text[], $6::text[], $7::text[], $8::text[], $9::bytea[],
  $10::text[], $11::bytea[], $12::integer[], $13::text[], $14::text[], $15::text[],
  $16::text[], $17::text[])
as i (application_id, id, verdict, reason, detail, method, query, headers, hidden, address, body, body_bytes,
  delivery_id, secret_id, message_ids, cause, advice)`;

/** Several at once; of a transaction that stores their messages, or on its own. */
export async function insertRequests(db: Connection, requests: readonly RequestToStore[]): Promise<void> {
  if (requests.length === 0) return;
  await db.query({
    name: 'insert-requests',
    text: insertSql,
    values: [
      textArray(requests.map((r) => r.sourceId)),
      textArray(requests.map((r) => r.id)),
      textArray(requests.map((r) => r.verdict)),
      textArray(requests.map((r) => r.reason)),
      textArray(requests.map((r) => r.detail)),
      textArray(requests.map((r) => r.method)),
      textArray(requests.map((r) => r.query)),
      textArray(requests.map((r) => JSON.stringify(r.headers))),
      byteaArray(requests.map((r) => r.hidden)),
      textArray(requests.map((r) => r.address)),
      byteaArray(requests.map((r) => r.body)),
      int4Array(requests.map((r) => r.bodyBytes)),
      textArray(requests.map((r) => r.deliveryId)),
      textArray(requests.map((r) => r.secretId)),
      textArray(requests.map((r) => r.messageIds.join(listSeparator))),
      textArray(requests.map((r) => r.cause)),
      textArray(requests.map((r) => r.advice)),
    ],
  });
}

/** What became of a request that had been set aside. */
export async function updateReplayed(db: Connection, request: RequestToStore): Promise<void> {
  await db.query(
    `update posthorn.request
     set verdict = $3, reason = $4, detail = $5, cause = $9, advice = $10, message_ids = message_ids || $8::text[],
       delivery_id = coalesce($6, delivery_id), secret_id = coalesce($7, secret_id), replayed_at = now(),
       hidden_sealed = case when $3 in ('accepted', 'unverified') then null else hidden_sealed end
     where application_id = $1 and id = $2`,
    [
      request.sourceId,
      request.id,
      request.verdict,
      request.reason ?? null,
      request.detail ?? null,
      request.deliveryId ?? null,
      request.secretId ?? null,
      request.messageIds,
      request.cause ?? null,
      request.advice ?? null,
    ],
  );
}

/** An event that came before: which, and the SHA-256 of what it says now. */
export interface Repeated {
  sourceId: string;
  eventId: string;
  payloadHash: Uint8Array;
}

// Rows are locked in their order before they are counted up: two batches that repeat the same ones do not deadlock.
const repeatedSql = `
with input as materialized (
  select * from unnest($1::text[], $2::text[], $3::bytea[]) with ordinality
    as i (application_id, event_id, payload_hash, place)
), original as materialized (
  select i.*, m.id as message_id, m.request_id from input i
  join posthorn.message_event_id e on e.application_id = i.application_id and e.event_id = i.event_id
  join posthorn.message m on m.application_id = e.application_id and m.id = e.message_id
), locked as materialized (
  select application_id, id from posthorn.request
  where (application_id, id) in (select application_id, request_id from original where request_id is not null)
  order by application_id, id for no key update
), counted as (
  update posthorn.request r set duplicates = r.duplicates + c.count, duplicate_at = now()
  from (
    select o.application_id, o.request_id as id, count(*)::integer as count
    from original o join locked l on l.application_id = o.application_id and l.id = o.request_id
    group by 1, 2
  ) c
  where r.application_id = c.application_id and r.id = c.id
)
select (o.place - 1)::integer as index
from original o join posthorn.message_body b on b.application_id = o.application_id and b.message_id = o.message_id
where sha256(b.payload) <> o.payload_hash`;

/** Counts them with the requests in which they came first; answers the places of those that say something else now. */
export async function noteRepeated(db: Connection, repeated: readonly Repeated[]): Promise<Set<number>> {
  if (repeated.length === 0) return new Set();
  const { rows } = await db.query<{ index: number }>({
    name: 'note-repeated',
    text: repeatedSql,
    values: [
      textArray(repeated.map((r) => r.sourceId)),
      textArray(repeated.map((r) => r.eventId)),
      byteaArray(repeated.map((r) => r.payloadHash)),
    ],
  });
  return new Set(rows.map(({ index }) => index));
}

// What is kept of one source of what it refused, and as much of what was altered: the youngest. Whoever knows no secret can
// have any number refused, and must not push out what was verified.
const setAsideMax = 1_000;
const setAsideMaxBytes = 64 * 1024 * 1024;

/** Deletes what is too much of what a source has set aside, the oldest first. */
export async function trimSetAside(db: Connection, sourceId: string): Promise<void> {
  await db.query({
    name: 'trim-set-aside',
    text: `
delete from posthorn.request r using (
  select id, row_number() over newest as place, sum(body_bytes_kept) over newest as bytes
  from (
    select id, verdict, case when body is null then 0 else body_bytes end as body_bytes_kept from posthorn.request
    where application_id = $1 and verdict in ('rejected', 'altered')
  ) s
  window newest as (partition by verdict order by id desc)
) s
where r.application_id = $1 and r.id = s.id and r.verdict in ('rejected', 'altered') and (s.place > $2 or s.bytes > $3)`,
    values: [sourceId, setAsideMax, setAsideMaxBytes],
  });
}
