// Puts work into Posthorn's database that it has not been given over HTTP: retries by the million, as if from an outage.
import type pg from 'pg';
import { idDigits, idMark, idOf, sequenceDigits } from './protocol.ts';

const alphabet = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz';
const timeDigits = 8;
const restDigits = 14;
const paddingChars = 200;

export interface SeededApplication {
  id: string;
  endpoints: readonly string[];
}

export interface Seed {
  applications: readonly SeededApplication[];
  messagesEach: number;
  /** The load that the sink is to count them for. */
  load: number;
  /** When all of it falls due. */
  dueAt: Date;
  /** When the list of endpoints with work says so, on which every claim begins; `dueAt` unless given. */
  listedDueAt?: Date;
  onProgress?(deliveries: number): void;
}

// A message's id begins with its time: it decides the partition that the rows belong to.
function timePart(timeMs: number): string {
  let text = '';
  for (let rest = timeMs; text.length < timeDigits; rest = Math.floor(rest / alphabet.length)) {
    text = alphabet.charAt(rest % alphabet.length) + text;
  }
  return text;
}

// $3: the number of the first message, $4: the start of the payload, up to the sequence.
const messagesSql = `
with stored as (
  insert into posthorn.message (application_id, id, event_type)
  select $1, $2 || lpad(($3::bigint + n)::text, ${restDigits}, '0'), 'invoice.paid'
  from generate_series(0, $6::integer - 1) n
)
insert into posthorn.message_body (application_id, message_id, payload)
select $1, $2 || lpad(($3::bigint + n)::text, ${restDigits}, '0'),
  convert_to($4 || lpad(($3::bigint + n)::text, ${sequenceDigits}, '0') || $5, 'UTF8')
from generate_series(0, $6::integer - 1) n`;

const deliveriesSql = `
insert into posthorn.delivery (application_id, message_id, endpoint_id, state, attempts, next_attempt_at)
select $1, $2 || lpad(($3::bigint + n)::text, ${restDigits}, '0'), endpoint_id, 'retrying', 1, $6::timestamptz
from generate_series(0, $4::integer - 1) n cross join unnest($5::text[]) endpoint_id`;

const dueSql = `
insert into posthorn.endpoint_due (endpoint_id, application_id, due_at)
select endpoint_id, $1, $2::timestamptz from unnest($3::text[]) endpoint_id
on conflict (endpoint_id) do update set due_at = least(endpoint_due.due_at, excluded.due_at)`;

/** Message n of application a has the sequence a * messagesEach + n, and a delivery to each of its endpoints. */
export async function seedRetries(client: pg.Client, seed: Seed): Promise<void> {
  const { applications, messagesEach, load, dueAt, listedDueAt = dueAt, onProgress } = seed;
  const idStart = `msg_${timePart(Date.now())}`;
  const payloadStart = `{${idMark}${idOf(load, 0).slice(0, idDigits - sequenceDigits)}`;
  const payloadEnd = `","padding":"${'x'.repeat(paddingChars)}"}`;
  let deliveries = 0;
  for (const [index, { id, endpoints }] of applications.entries()) {
    const first = index * messagesEach;
    await client.query('begin');
    await client.query(messagesSql, [id, idStart, first, payloadStart, payloadEnd, messagesEach]);
    await client.query(deliveriesSql, [id, idStart, first, messagesEach, endpoints, dueAt]);
    await client.query(dueSql, [id, listedDueAt, endpoints]);
    await client.query('commit');
    deliveries += messagesEach * endpoints.length;
    onProgress?.(deliveries);
  }
  await client.query(
    'vacuum analyze posthorn.delivery, posthorn.message, posthorn.message_body, posthorn.endpoint_due',
  );
}
