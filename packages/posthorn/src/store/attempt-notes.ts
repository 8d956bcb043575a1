// Tells the operator of attempts, within the transaction that settles their deliveries.
import type pg from 'pg';
import type { AttemptNote } from '../core/attempt-note.ts';

/** What is to be told of an attempt that was made, and where its delivery stands since. */
export interface NotedAttempt {
  applicationId: string;
  messageId: string;
  endpointId: string;
  state: string;
  attempts: number;
  attemptId: string;
  note: AttemptNote;
}

// Only what this transaction has moved is told: updated_at is its now(). A delivery whose lease was lost, or one that
// was settled by the same batch before its answer was lost, has another.
// Each row is looked up by key (offset 0 keeps the planner from joining whole partitions).
const noteSql = `
select posthorn.tell_operator(a.environment_id, i.note, json_build_object(
  'appId', a.id, 'appUid', a.uid, 'endpointId', e.id, 'endpointUid', e.uid,
  'msgId', i.message_id, 'msgEventId', m.event_id,
  'lastAttempt', json_build_object('id', i.attempt_id, 'responseStatusCode', coalesce(t.response_status, 0),
    'timestamp', to_char(t.started_at at time zone 'utc', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"'))))
from unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::integer[], $6::text[], $7::text[])
  as i (application_id, message_id, endpoint_id, state, attempts, attempt_id, note)
join posthorn.application a on a.id = i.application_id and not a.operational
join posthorn.endpoint e on e.id = i.endpoint_id
cross join lateral (
  select from posthorn.delivery d
  where d.message_id = i.message_id and d.endpoint_id = i.endpoint_id and d.application_id = i.application_id
    and d.state = i.state::posthorn.delivery_state and d.attempts = i.attempts and d.updated_at = now()
  offset 0
) d
cross join lateral (
  select t.response_status, t.started_at from posthorn.attempt t
  where t.id = i.attempt_id and t.application_id = i.application_id offset 0
) t
left join lateral (
  select m.event_id from posthorn.message m
  where m.application_id = i.application_id and m.id = i.message_id offset 0
) m on true
where i.note <> 'message.attempt.recovered' or not exists (
  select from posthorn.attempt p
  where p.application_id = i.application_id and p.message_id = i.message_id and p.endpoint_id = i.endpoint_id
    and p.outcome = 'accepted' and p.id <> i.attempt_id
)`;

/** Must follow the statement that settled them, in its transaction. */
export async function noteAttempts(client: pg.ClientBase, noted: readonly NotedAttempt[]): Promise<void> {
  await client.query({
    name: 'note-attempts',
    text: noteSql,
    values: [
      noted.map(({ applicationId }) => applicationId),
      noted.map(({ messageId }) => messageId),
      noted.map(({ endpointId }) => endpointId),
      noted.map(({ state }) => state),
      noted.map(({ attempts }) => attempts),
      noted.map(({ attemptId }) => attemptId),
      noted.map(({ note }) => note),
    ],
  });
}
