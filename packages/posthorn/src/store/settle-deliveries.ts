// Writes what a batch of attempts came to: attempts appended, transitions applied, the endpoint's health kept.
import type pg from 'pg';
import type { AttemptNote } from '../core/attempt-note.ts';
import type { Cancellation } from '../core/cancellation.ts';
import type { Outcome } from '../core/outcome.ts';
import type { Transition } from '../core/settle.ts';
import { noteAttempts } from './attempt-notes.ts';
import type { NotedAttempt } from './attempt-notes.ts';
import { boolArray, byteaArray, int4Array, int8Array, textArray } from './binary-array.ts';
import type { Trigger } from './tables.ts';
import { inTransaction } from './transaction.ts';

/** Which claim of which delivery: the transition is applied only while this lease still holds. */
export interface Lease {
  applicationId: string;
  messageId: string;
  endpointId: string;
  leaseOwner: number;
  leaseSeq: number;
}

export interface AttemptRecord {
  id: string;
  trigger: Trigger;
  url: string;
  outcome: Outcome;
  /** One sentence for people, when it was not accepted. */
  detail?: string;
  responseHeaders?: Record<string, string>;
  responseBody?: Uint8Array;
  responseTruncated: boolean;
  durationMs: number;
  /** How long before this statement it began: the database's clock dates it. */
  startedAgoMs: number;
}

export interface Settled extends Lease {
  /** `cancelled`: no attempt was made, and none will be. */
  transition: Transition | { state: 'cancelled'; attempts: number; cancellation?: Cancellation };
  attempt?: AttemptRecord;
  /** What the operator is told of it, in the same transaction. */
  note?: AttemptNote;
}

export interface SettleResult {
  /** Deliveries whose lease held; the others were taken over, and their attempts are recorded all the same. */
  movedCount: number;
  /** Endpoints that have only failed for longer than they may. */
  failingEndpoints: string[];
}

// A repeat of the same batch, after an answer that was lost, finds the leases ended and the attempt ids taken: it
// changes nothing. Only then is it worth looking for taken ids, which costs each attempt half as much again.
// Endpoints are locked in the order of their ids, and all inserts into endpoint_failing come before all deletes (the
// count of `failing` has no other purpose): batches that share endpoints cannot deadlock.
// The bounds of the message ids ($25, $26) let the executor leave out all other partitions before it starts. concat()
// is stable and not immutable: the planner cannot use them, or it would plan anew for each batch, to save partitions.
// Why the state is not asked for, and what is always true is: this plan is made once and kept. Its statistics say that
// hardly anything is 'delivering', so the planner would rather read that small index as a whole, which in a backlog has
// ten thousand rows. Only what is leased has a lease_owner; and a batch that seems to hold one row is looked up by key.
// Rows of 'retrying' without a delay go on when the automatic chain would have (resume_at).
// Why a delivery is cancelled is written by a statement of its own, for the batches that have one ($27, $28); and so is
// what the failures in a batch count for (issues): a batch without any pays nothing for it. Counted is what was recorded:
// an attempt that a repeat finds recorded was counted then.
const settleSql = (onTakenId: OnTakenId, { columns, arrays, set }: CancelParts, sighting: SightingParts) => `
with input as materialized (
  select * from unnest(
    $1::text[], $2::text[], $3::text[], $4::integer[], $5::integer[], $6::text[], $7::integer[], $8::bigint[]${arrays}
  ) as i (application_id, message_id, endpoint_id, lease_owner, lease_seq, state, attempts, delay_ms${columns})
  where lease_owner >= 0 and lease_seq >= 0 and attempts >= 0
), moved as (
  update posthorn.delivery d
  set state = i.state::posthorn.delivery_state, attempts = i.attempts, lease_owner = null, resume_at = null,
    trigger = 'scheduled', updated_at = now(),${set}
    next_attempt_at = case when i.state = 'retrying'
      then coalesce(now() + i.delay_ms * interval '1 ms', d.resume_at, now()) end
  from input i
  where d.message_id between concat($25::text) and concat($26::text)
    and d.application_id = i.application_id and d.message_id = i.message_id and d.endpoint_id = i.endpoint_id
    and d.lease_owner = i.lease_owner and d.lease_seq = i.lease_seq
  returning d.application_id, d.endpoint_id, d.next_attempt_at
), due as (
  insert into posthorn.endpoint_due (endpoint_id, application_id, due_at)
  select endpoint_id, min(application_id), min(next_attempt_at) from moved
  where next_attempt_at is not null group by endpoint_id order by endpoint_id
  on conflict (endpoint_id) do update set due_at = least(endpoint_due.due_at, excluded.due_at)
), attempted as materialized (
  select * from unnest(
    $9::text[], $10::text[], $11::text[], $12::text[], $13::text[], $14::text[], $15::text[], $16::text[], $17::text[],
    $18::integer[], $19::text[], $20::bytea[], $21::boolean[], $22::integer[], $23::bigint[]
  ) as a (application_id, id, message_id, endpoint_id, trigger, url, outcome, reason, detail,
    response_status, response_headers, response_body, response_truncated, duration_ms, started_ago_ms)
), recorded as (
  insert into posthorn.attempt (application_id, id, message_id, endpoint_id, trigger, url, outcome, reason, detail,
    response_status, response_headers, response_body, response_truncated, duration_ms, started_at)
  select application_id, id, message_id, endpoint_id, trigger, url, outcome, reason, detail,
    response_status, response_headers::jsonb, response_body, response_truncated, duration_ms,
    now() - started_ago_ms * interval '1 ms'
  from attempted
  ${onTakenId}${sighting.returning}
)${sighting.statement}, health as materialized (
  select endpoint_id, bool_or(outcome = 'accepted') as any_accepted from attempted group by endpoint_id
), failing as (
  insert into posthorn.endpoint_failing (endpoint_id)
  select endpoint_id from health where not any_accepted order by endpoint_id
  on conflict do nothing
  returning endpoint_id
), recovered as (
  delete from posthorn.endpoint_failing f using (
    select endpoint_id from posthorn.endpoint_failing
    where endpoint_id in (select endpoint_id from health where any_accepted)
      and (select count(*) from failing) >= 0
    order by endpoint_id for update
  ) well
  where f.endpoint_id = well.endpoint_id
)
select (select count(*)::integer from moved) as moved_count,
  array(
    select f.endpoint_id from posthorn.endpoint_failing f join health h on h.endpoint_id = f.endpoint_id
    where not h.any_accepted and f.since < now() - $24::bigint * interval '1 ms'
  ) as failing_endpoints`;

const reasonOf = (outcome: Outcome) => (outcome.kind === 'unreachable' ? outcome.reason : null);
const statusOf = (outcome: Outcome) =>
  outcome.kind === 'unreachable' || outcome.status === 0 ? null : outcome.status;

function transitionParameters(batch: readonly Settled[]): unknown[] {
  return [
    textArray(batch.map((s) => s.applicationId)),
    textArray(batch.map((s) => s.messageId)),
    textArray(batch.map((s) => s.endpointId)),
    int4Array(batch.map((s) => s.leaseOwner)),
    int4Array(batch.map((s) => s.leaseSeq)),
    textArray(batch.map((s) => s.transition.state)),
    int4Array(batch.map((s) => s.transition.attempts)),
    int8Array(batch.map((s) => ('delayMs' in s.transition ? s.transition.delayMs : null))),
  ];
}

function boundsOf(batch: readonly Settled[]): [lowest: string, highest: string] {
  const ids = batch.map(({ messageId }) => messageId).toSorted();
  return [ids[0] ?? '', ids.at(-1) ?? ''];
}

function attemptParameters(batch: readonly Settled[]): unknown[] {
  const made = batch.flatMap((settled) => (settled.attempt ? [{ settled, attempt: settled.attempt }] : []));
  const attempts = made.map(({ attempt }) => attempt);
  return [
    textArray(made.map(({ settled }) => settled.applicationId)),
    textArray(attempts.map((a) => a.id)),
    textArray(made.map(({ settled }) => settled.messageId)),
    textArray(made.map(({ settled }) => settled.endpointId)),
    textArray(attempts.map((a) => a.trigger)),
    // A transformation may have made it of anything.
    textArray(attempts.map((a) => storable(a.url))),
    textArray(attempts.map((a) => a.outcome.kind)),
    textArray(attempts.map((a) => reasonOf(a.outcome))),
    textArray(attempts.map((a) => a.detail && storable(a.detail))),
    int4Array(attempts.map((a) => statusOf(a.outcome))),
    textArray(attempts.map((a) => a.responseHeaders && headersJson(a.responseHeaders))),
    byteaArray(attempts.map((a) => a.responseBody)),
    boolArray(attempts.map((a) => a.responseTruncated)),
    int4Array(attempts.map((a) => Math.round(a.durationMs))),
    int8Array(attempts.map((a) => Math.round(a.startedAgoMs))),
  ];
}

// PostgreSQL stores no NUL, and jsonb no half of a surrogate pair: an odd byte from outside must not fail a whole batch.
const mayBeOdd = /[\p{Cc}\p{Cs}]/u;

function storable(text: string): string {
  return mayBeOdd.test(text) ? Buffer.from(text.replaceAll('\u0000', '')).toString() : text;
}

// Cleaned before it becomes JSON: there, the text \u0000 and an escaped NUL look alike.
function headersJson(headers: Record<string, string>): string {
  const entries = Object.entries(headers).map(([name, value]) => [storable(name), storable(value)]);
  return JSON.stringify(Object.fromEntries(entries));
}

interface CancelParts {
  columns: string;
  arrays: string;
  set: string;
}

const withoutReason: CancelParts = { columns: '', arrays: '', set: '' };
const withReason: CancelParts = {
  columns: ', cancel_reason, cancel_detail',
  arrays: ', $27::text[], $28::text[]',
  set: ' cancel_reason = i.cancel_reason, cancel_detail = i.cancel_detail,',
};

interface SightingParts {
  returning: string;
  statement: string;
}

const withoutSightings: SightingParts = { returning: '', statement: '' };
// A row for each cause: of everything that fails at once, few rows come.
const withSightings: SightingParts = {
  returning: `
  returning application_id, id, message_id, endpoint_id, outcome, reason, detail, response_status`,
  statement: `, given_up as materialized (
  select distinct application_id, message_id, endpoint_id from input where state = 'exhausted'
), sighted as (
  insert into posthorn.issue_sighting (application_id, endpoint_id, outcome, reason, status, detail, message_id,
    attempt_id, first_message_id, count, exhausted_count)
  select r.application_id, r.endpoint_id, r.outcome, coalesce(r.reason, r.response_status / 100 || 'xx', 'no_status'),
    (array_agg(r.response_status order by r.id desc))[1], (array_agg(r.detail order by r.id desc))[1],
    (array_agg(r.message_id order by r.id desc))[1], max(r.id), min(r.message_id), count(*), count(g.message_id)
  from recorded r left join given_up g on g.application_id = r.application_id and g.message_id = r.message_id
    and g.endpoint_id = r.endpoint_id
  where r.outcome <> 'accepted'
  group by 1, 2, 3, 4
)`,
};

type OnTakenId = 'on conflict do nothing' | '';

interface Statements {
  first: { name: string; text: string };
  repeated: { name: string; text: string };
}

function statementsOf(name: string, cancel: CancelParts, sighting: SightingParts): Statements {
  return {
    first: { name, text: settleSql('', cancel, sighting) },
    repeated: { name: `${name}-again`, text: settleSql('on conflict do nothing', cancel, sighting) },
  };
}

const statementsByPurpose = {
  plain: statementsOf('settle-deliveries', withoutReason, withoutSightings),
  cancelling: statementsOf('settle-deliveries-cancelling', withReason, withoutSightings),
  failing: statementsOf('settle-deliveries-failing', withoutReason, withSightings),
  both: statementsOf('settle-deliveries-cancelling-failing', withReason, withSightings),
};

function statementsFor(isCancelling: boolean, isFailing: boolean): Statements {
  if (isFailing) return isCancelling ? statementsByPurpose.both : statementsByPurpose.failing;
  return isCancelling ? statementsByPurpose.cancelling : statementsByPurpose.plain;
}

/** Whether its attempt failed, which is counted for an issue. */
export function hasFailed({ attempt }: Pick<Settled, 'attempt'>): boolean {
  return attempt !== undefined && attempt.outcome.kind !== 'accepted';
}

function cancellationOf({ transition }: Settled): Cancellation | undefined {
  return transition.state === 'cancelled' ? transition.cancellation : undefined;
}

function cancelParameters(batch: readonly Settled[]): unknown[] {
  const details = batch.map((settled) => cancellationOf(settled)?.detail);
  return [
    textArray(batch.map((settled) => cancellationOf(settled)?.reason)),
    textArray(details.map((detail) => detail && storable(detail))),
  ];
}

/** `isRepeat`: the batch, or some of it, may be stored already. */
export async function settleDeliveries(
  pool: pg.Pool,
  batch: readonly Settled[],
  failingMaxMs: number,
  isRepeat = false,
): Promise<SettleResult> {
  const isNoted = batch.some(({ note, attempt }) => note && attempt);
  if (!isNoted) return settle(pool, batch, failingMaxMs, isRepeat);
  return inTransaction(pool, (client) => settleWithin(client, batch, failingMaxMs, isRepeat));
}

/** The same in a transaction of the caller's. */
export async function settleWithin(
  client: pg.ClientBase,
  batch: readonly Settled[],
  failingMaxMs: number,
  isRepeat = false,
): Promise<SettleResult> {
  const noted = batch.flatMap(({ transition, attempt, note, ...key }): NotedAttempt[] =>
    note && attempt ? [{ ...key, ...transition, attemptId: attempt.id, note }] : [],
  );
  const result = await settle(client, batch, failingMaxMs, isRepeat);
  if (noted.length > 0) await noteAttempts(client, noted);
  return result;
}

async function settle(
  database: Pick<pg.ClientBase, 'query'>,
  batch: readonly Settled[],
  failingMaxMs: number,
  isRepeat: boolean,
): Promise<SettleResult> {
  const isCancelling = batch.some((settled) => cancellationOf(settled) !== undefined);
  const statements = statementsFor(isCancelling, batch.some(hasFailed));
  const { rows } = await database.query<{ moved_count: number; failing_endpoints: string[] }>({
    ...(isRepeat ? statements.repeated : statements.first),
    values: [
      ...transitionParameters(batch),
      ...attemptParameters(batch),
      failingMaxMs,
      ...boundsOf(batch),
      ...(isCancelling ? cancelParameters(batch) : []),
    ],
  });
  return { movedCount: rows[0]?.moved_count ?? 0, failingEndpoints: rows[0]?.failing_endpoints ?? [] };
}
