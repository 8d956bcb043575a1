// What only some batches need of the statement that settles (settle-deliveries.ts): statements of their own, so that a
// batch without any of it pays for none of it.

/** Why a delivery is cancelled ($27, $28). */
export interface CancelParts {
  columns: string;
  arrays: string;
  set: string;
}

export const withoutReason: CancelParts = { columns: '', arrays: '', set: '' };
export const withReason: CancelParts = {
  columns: ', cancel_reason, cancel_detail',
  arrays: ', $27::text[], $28::text[]',
  set: ' cancel_reason = i.cancel_reason, cancel_detail = i.cancel_detail,',
};

/** What the failures in a batch count for (issues). */
export interface SightingParts {
  returning: string;
  statement: string;
}

export const withoutSightings: SightingParts = { returning: '', statement: '' };
// Counted is what was recorded: an attempt that a repeat finds recorded was counted then. A row for each cause: of
// everything that fails at once, few rows come.
export const withSightings: SightingParts = {
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

/** When an attempt that failed is followed by another one. */
export const nextAttemptAt = "coalesce(now() + i.delay_ms * interval '1 ms', d.resume_at, now())";

/** Who had the turn of a key ($29 to $31). */
export interface TurnParts {
  columns: string;
  arrays: string;
  set: string;
  dueAt: string;
  returning: string;
  effects: string;
}

export const withoutTurns: TurnParts = {
  columns: '',
  arrays: '',
  set: '',
  dueAt: 'd.next_attempt_at',
  returning: '',
  effects: '',
};
// Only beside withReason. The key's turn is looked at again (claim-by-key.ts), whatever came of the one that had it; and
// what is known of the key's newest grows only while the lease held. endpoint_due is locked before endpoint_key.
export const withTurns: TurnParts = {
  columns: ', had_turn, passes, event_ms',
  arrays: ', $29::boolean[], $30::boolean[], $31::bigint[]',
  set: ` order_at = case when i.passes and i.state = 'retrying' then ${nextAttemptAt} else d.order_at end,`,
  dueAt: 'case when i.had_turn then now() else d.next_attempt_at end',
  returning: ', d.order_key, i.had_turn, i.state, i.event_ms',
  effects: `
  returning endpoint_id
), turns as (
  insert into posthorn.endpoint_key as known (endpoint_id, order_key, application_id, due_at, newest_at)
  select endpoint_id, order_key, min(application_id), now(),
    max(timestamptz 'epoch' + event_ms * interval '1 ms') filter (where state = 'succeeded')
  from moved where had_turn and order_key is not null and (select count(*) from due) > 0
  group by endpoint_id, order_key order by endpoint_id, order_key
  on conflict (endpoint_id, order_key) do update
    set due_at = excluded.due_at, newest_at = greatest(known.newest_at, excluded.newest_at), updated_at = now()`,
};
