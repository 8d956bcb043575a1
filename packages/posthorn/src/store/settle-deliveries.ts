// Writes what a batch of attempts came to: attempts appended, transitions applied, the endpoint's health kept.
import type pg from 'pg';
import type { AttemptNote } from '../core/attempt-note.ts';
import type { Cancellation } from '../core/cancellation.ts';
import type { Outcome } from '../core/outcome.ts';
import type { Transition } from '../core/settle.ts';
import { noteAttempts } from './attempt-notes.ts';
import type { NotedAttempt } from './attempt-notes.ts';
import { boolArray, byteaArray, int4Array, int8Array, textArray } from './binary-array.ts';
import { endDelivered, type Lease, messageIdBounds } from './leases.ts';
import { waitsForLocks } from './lock-wait.ts';
import {
  type CancelParts,
  nextAttemptAt,
  type SightingParts,
  type TurnParts,
  withoutReason,
  withoutSightings,
  withoutTurns,
  withReason,
  withSightings,
  withTurns,
} from './settle-parts.ts';
import type { Trigger } from './tables.ts';
import { inTransaction } from './transaction.ts';

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
  /** It had the turn of its key, which the next one gets. */
  turn?: SettledTurn;
}

export interface SettledTurn {
  /** When it is tried again, its place is behind what came until then. */
  passes: boolean;
  /** Unix milliseconds; given where what is older is not wanted after it. */
  eventAtMs?: number | undefined;
}

export interface SettleResult {
  /**
   * Deliveries whose lease held. The others were taken over: their attempts are recorded all the same, and one that
   * succeeded ends its delivery.
   */
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
// What else a batch may need is in settle-parts.ts.
const settleSql = ({ onTakenId, lockWaitMs }: Variant, { cancel, sighting, turn }: Parts) => `
with input as materialized (
  select * from unnest(
    $1::text[], $2::text[], $3::text[], $4::integer[], $5::integer[], $6::text[], $7::integer[], $8::bigint[]${cancel.arrays}${turn.arrays}
  ) as i (application_id, message_id, endpoint_id, lease_owner, lease_seq, state, attempts, delay_ms${cancel.columns}${turn.columns})
  where lease_owner >= 0 and lease_seq >= 0 and attempts >= 0 and ${waitsForLocks(lockWaitMs)}
), moved as (
  update posthorn.delivery d
  set state = i.state::posthorn.delivery_state, attempts = i.attempts, lease_owner = null, resume_at = null,
    trigger = 'scheduled', updated_at = now(),${cancel.set}${turn.set}
    next_attempt_at = case when i.state = 'retrying' then ${nextAttemptAt} end
  from input i
  where d.message_id between concat($25::text) and concat($26::text)
    and d.application_id = i.application_id and d.message_id = i.message_id and d.endpoint_id = i.endpoint_id
    and d.lease_owner = i.lease_owner and d.lease_seq = i.lease_seq
  returning d.application_id, d.endpoint_id, ${turn.dueAt} as due_at${turn.returning}
), due as (
  insert into posthorn.endpoint_due (endpoint_id, application_id, due_at)
  select endpoint_id, min(application_id), min(due_at) from moved
  where due_at is not null group by endpoint_id order by endpoint_id
  on conflict (endpoint_id) do update set due_at = least(endpoint_due.due_at, excluded.due_at)${turn.effects}
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

interface Parts {
  cancel: CancelParts;
  sighting: SightingParts;
  turn: TurnParts;
}

interface Variant {
  onTakenId: 'on conflict do nothing' | '';
  /** A batch that has waited for a row is repeated in parts, one after the other: each of them waits for less long. */
  lockWaitMs: number;
}

const first: Variant = { onTakenId: '', lockWaitMs: 1_000 };
const repeated: Variant = { onTakenId: 'on conflict do nothing', lockWaitMs: 250 };

interface Statements {
  first: { name: string; text: string };
  repeated: { name: string; text: string };
}

function statementsOf(name: string, parts: Partial<Parts>): Statements {
  const whole = { cancel: withoutReason, sighting: withoutSightings, turn: withoutTurns, ...parts };
  return {
    first: { name, text: settleSql(first, whole) },
    repeated: { name: `${name}-again`, text: settleSql(repeated, whole) },
  };
}

const cancelling = { cancel: withReason };
const failing = { sighting: withSightings };
const turning = { ...cancelling, turn: withTurns };
const statementsByPurpose = {
  plain: statementsOf('settle-deliveries', {}),
  cancelling: statementsOf('settle-deliveries-cancelling', cancelling),
  failing: statementsOf('settle-deliveries-failing', failing),
  both: statementsOf('settle-deliveries-cancelling-failing', { ...cancelling, ...failing }),
  turning: statementsOf('settle-deliveries-turning', turning),
  turningFailing: statementsOf('settle-deliveries-turning-failing', { ...turning, ...failing }),
};

interface BatchKind {
  isTurning: boolean;
  isCancelling: boolean;
  isFailing: boolean;
}

function statementsFor({ isTurning, isCancelling, isFailing }: BatchKind): Statements {
  if (isTurning) return isFailing ? statementsByPurpose.turningFailing : statementsByPurpose.turning;
  if (isFailing) return isCancelling ? statementsByPurpose.both : statementsByPurpose.failing;
  return isCancelling ? statementsByPurpose.cancelling : statementsByPurpose.plain;
}

/** Whether its attempt failed, which is counted for an issue. */
export function hasFailed({ attempt }: Pick<Settled, 'attempt'>): boolean {
  return attempt !== undefined && attempt.outcome.kind !== 'accepted';
}

const hasSucceeded = ({ transition }: Settled) => transition.state === 'succeeded';

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

function turnParameters(batch: readonly Settled[]): unknown[] {
  return [
    boolArray(batch.map(({ turn }) => turn !== undefined)),
    boolArray(batch.map(({ turn }) => turn?.passes === true)),
    int8Array(batch.map(({ turn }) => turn?.eventAtMs)),
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
  const isTurning = batch.some(({ turn }) => turn !== undefined);
  const isCancelling = isTurning || batch.some((settled) => cancellationOf(settled) !== undefined);
  const statements = statementsFor({ isTurning, isCancelling, isFailing: batch.some(hasFailed) });
  const { rows } = await database.query<{ moved_count: number; failing_endpoints: string[] }>({
    ...(isRepeat ? statements.repeated : statements.first),
    values: [
      ...transitionParameters(batch),
      ...attemptParameters(batch),
      failingMaxMs,
      ...messageIdBounds(batch),
      ...(isCancelling ? cancelParameters(batch) : []),
      ...(isTurning ? turnParameters(batch) : []),
    ],
  });
  const movedCount = rows[0]?.moved_count ?? 0;
  if (movedCount < batch.length) await endDelivered(database, batch.filter(hasSucceeded));
  return { movedCount, failingEndpoints: rows[0]?.failing_endpoints ?? [] };
}
