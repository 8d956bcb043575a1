// Puts into Posthorn's database what would take long over HTTP: endpoints by the hundred thousand, and retries by the
// million, as if from an outage.
import { randomBytes } from 'node:crypto';
import type pg from 'pg';
import { createIdSource, idFloor } from '../../packages/posthorn/dist/lib/ids.js';
import { secretOwner } from '../../packages/posthorn/dist/store/endpoints.js';
import { createSecretBox } from '../../packages/posthorn/dist/store/secret-box.js';
import type { Posthorn } from './posthorn.ts';
import type { BenchPostgres } from './postgres.ts';
import { idDigits, idMark, idOf, sequenceDigits } from './protocol.ts';

const restDigits = 14;
const smallPayloadBytes = 250;
const secretBytes = 24;

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
  /** Of each message; 250 unless given. */
  payloadBytes?: number;
  onProgress?(deliveries: number): void;
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
  const { payloadBytes = smallPayloadBytes } = seed;
  // The time in it decides the partition that the rows belong to.
  const idStart = idFloor('msg_', Date.now());
  const payloadStart = `{${idMark}${idOf(load, 0).slice(0, idDigits - sequenceDigits)}`;
  const padding = payloadBytes - `{${idMark}","padding":""}`.length - idDigits;
  const payloadEnd = `","padding":"${'x'.repeat(padding)}"}`;
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

/** Lists all that was seeded as due in `inMs`: a server that knows some seconds before begins on time. */
export async function makeSeededDue(postgres: BenchPostgres, inMs = 0): Promise<void> {
  const client = await postgres.connect();
  await client.query("update posthorn.endpoint_due set due_at = now() + $1::integer * interval '1 ms'", [
    inMs,
  ]);
  await client.end();
}

const applicationsSql = `
insert into posthorn.application (id, environment_id, name)
select id, (select min(id) from posthorn.environment), 'bench' from unnest($1::text[]) id`;

const endpointsSql = `
insert into posthorn.endpoint (id, application_id, url)
select * from unnest($1::text[], $2::text[], $3::text[])`;

const secretsSql = `
insert into posthorn.endpoint_secret (id, endpoint_id, secret_sealed)
select * from unnest($1::text[], $2::text[], $3::bytea[])`;

/** One application for each list of URLs, in that order, with an endpoint for each URL. */
export async function seedApplications(
  client: pg.Client,
  { secretKey }: Posthorn,
  lists: readonly (readonly string[])[],
): Promise<SeededApplication[]> {
  const box = createSecretBox(secretKey);
  const newId = createIdSource(Date.now, randomBytes);
  const applications = lists.map((urls) => ({
    id: newId('app_'),
    endpoints: urls.map(() => newId('ep_')),
  }));
  await client.query(applicationsSql, [applications.map(({ id }) => id)]);
  for (const [index, { id, endpoints }] of applications.entries()) {
    const secret = () => `whsec_${randomBytes(secretBytes).toString('base64')}`;
    const sealed = endpoints.map((endpoint) => box.seal(secret(), secretOwner(endpoint)));
    await client.query('begin');
    await client.query(endpointsSql, [endpoints, endpoints.map(() => id), lists[index]]);
    await client.query(secretsSql, [endpoints.map(() => newId('sec_')), endpoints, sealed]);
    await client.query('commit');
  }
  await client.query('vacuum analyze posthorn.application, posthorn.endpoint, posthorn.endpoint_secret');
  return applications;
}
