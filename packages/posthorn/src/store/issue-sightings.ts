// From what was seen to issues, and from successes to their end: statements for one process at a time.
import type pg from 'pg';
import type { Connection } from './partitions.ts';
import { deleteInBatches } from './retention.ts';
import type { Pace } from './retention.ts';

// Any constant of our own.
const lockKey = 7_069_869;
// More than a source keeps of what it refused (record-requests.ts): what it accepted since is among these.
const requestsLookedAtMax = 1_200;
const attemptsLookedAtMax = 200;

interface IssueLook {
  /** Something was seen that is not counted yet. */
  sighted: boolean;
  /** Something is open, which may have been mended. */
  open: boolean;
}

/** What there is to do, at the price of one small statement. */
export async function lookAtIssues(pool: pg.Pool): Promise<IssueLook> {
  const { rows } = await pool.query<IssueLook>({
    name: 'look-at-issues',
    text: `select exists (select from posthorn.issue_sighting) as sighted,
      exists (select from posthorn.issue where state = 'open') as open`,
  });
  return rows[0] ?? { sighted: false, open: false };
}

/** Until the end of the transaction; false while another one has it. */
export async function lockIssues(client: pg.ClientBase): Promise<boolean> {
  const { rows } = await client.query<{ locked: boolean }>('select pg_try_advisory_xact_lock($1) as locked', [
    lockKey,
  ]);
  return rows[0]?.locked === true;
}

// Of the operator's own endpoints nothing is counted: it would be told to them. What was deleted has no issues.
// Telling the operator is part of the statement: whoever dies has neither counted nor told.
const foldSql = `
with taken as materialized (
  delete from posthorn.issue_sighting
  where seq = any (array(select seq from posthorn.issue_sighting order by seq limit $1))
  returning *
), seen as (
  select a.environment_id, t.application_id, t.endpoint_id, t.outcome, t.reason,
    sum(t.count) as count, sum(t.exhausted_count) as exhausted_count,
    min(t.seen_at) as first_seen_at, max(t.seen_at) as last_seen_at, min(t.first_message_id) as first_message_id,
    (array_agg(t.seq order by coalesce(t.attempt_id, t.request_id) desc))[1] as youngest
  from taken t
  join posthorn.application a on a.id = t.application_id and a.deleted_at is null and not a.operational
  left join posthorn.endpoint e on e.id = t.endpoint_id
  where t.endpoint_id is null or e.deleted_at is null
  group by 1, 2, 3, 4, 5
), folded as (
  insert into posthorn.issue as issue (id, environment_id, application_id, endpoint_id, outcome, reason, status, detail,
    message_id, attempt_id, request_id, first_message_id, count, exhausted_count, first_seen_at, last_seen_at)
  select posthorn.new_id('iss_'), s.environment_id, s.application_id, s.endpoint_id, s.outcome, s.reason, t.status,
    t.detail, t.message_id, t.attempt_id, t.request_id, s.first_message_id, s.count, s.exhausted_count,
    s.first_seen_at, s.last_seen_at
  from seen s join taken t on t.seq = s.youngest
  order by s.application_id, s.endpoint_id, s.outcome, s.reason
  on conflict (application_id, endpoint_id, outcome, reason) do update set
    count = issue.count + excluded.count, exhausted_count = issue.exhausted_count + excluded.exhausted_count,
    last_seen_at = greatest(issue.last_seen_at, excluded.last_seen_at),
    first_message_id = least(issue.first_message_id, excluded.first_message_id),
    status = excluded.status, detail = excluded.detail, message_id = excluded.message_id,
    attempt_id = greatest(issue.attempt_id, excluded.attempt_id),
    request_id = greatest(issue.request_id, excluded.request_id), updated_at = now(),
    (state, opened_at, opened_count, resolved_at, resolved_by) = (
      select case when again then 'open' else issue.state end, case when again then now() else issue.opened_at end,
        issue.opened_count + again::integer, case when not again then issue.resolved_at end,
        case when not again then issue.resolved_by end
      from (select issue.state = 'resolved' and excluded.last_seen_at > issue.resolved_at as again) a)
  returning issue.*
), told as (
  select f.*, posthorn.tell_of_issue(f::posthorn.issue, 'issue.opened') from folded f
  where f.state = 'open' and f.opened_at = now()
)
select (select count(*) from taken)::integer as taken, (select count(*) from told)::integer as opened`;

/** Counts at most `rowsMax` of what was seen; returns how many, and how many issues were opened. */
export async function foldSightings(
  client: pg.ClientBase,
  rowsMax: number,
): Promise<{ taken: number; opened: number }> {
  const { rows } = await client.query<{ taken: number; opened: number }>({
    name: 'fold-sightings',
    text: foldSql,
    values: [rowsMax],
  });
  return rows[0] ?? { taken: 0, opened: 0 };
}

// An endpoint that has only failed has a row in endpoint_failing: only of the others it is asked whether an attempt that
// began after the last failure was accepted. The newest are looked at, by key. resolved_at is the time of the success,
// and not of this statement: a failure that comes in between opens the issue again.
const resolveSql = `
with looked as materialized (
  select i.id, i.application_id, i.endpoint_id, i.attempt_id, i.last_seen_at,
    i.last_seen_at < now() - $3::bigint * interval '1 ms'
      and not exists (select from posthorn.endpoint_failing f where f.endpoint_id = i.endpoint_id) as may_be_mended,
    coalesce(e.deleted_at, x.deleted_at) is not null as is_deleted
  from (select * from posthorn.issue where state = 'open' and id > $1 order by id limit $2) i
  join posthorn.application x on x.id = i.application_id
  left join posthorn.endpoint e on e.id = i.endpoint_id
), mended as (
  select l.id, case when l.is_deleted then now() else coalesce(a.at, r.at) end as at,
    case when l.is_deleted then 'deletion' else 'success' end as by
  from looked l
  cross join lateral (
    select max(t.started_at) as at from (
      select outcome, started_at from posthorn.attempt
      where l.may_be_mended and endpoint_id = l.endpoint_id and id > l.attempt_id
      order by id desc limit ${attemptsLookedAtMax}
    ) t
    where t.outcome = 'accepted'
  ) a
  cross join lateral (
    select max(coalesce(q.replayed_at, q.received_at)) as at from (
      select verdict, received_at, replayed_at from posthorn.request
      where l.may_be_mended and l.endpoint_id is null and application_id = l.application_id
      order by id desc limit ${requestsLookedAtMax}
    ) q
    where q.verdict = 'accepted' and coalesce(q.replayed_at, q.received_at) > l.last_seen_at
  ) r
  where l.is_deleted or coalesce(a.at, r.at) is not null
), resolved as (
  update posthorn.issue i set state = 'resolved', resolved_at = m.at, resolved_by = m.by, updated_at = now()
  from mended m where i.id = m.id
  returning i.*
), told as (
  select r.id, posthorn.tell_of_issue(r::posthorn.issue, 'issue.resolved') from resolved r
)
select (select count(*) from looked)::integer as looked, (select max(id) from looked) as last,
  (select count(*) from told)::integer as resolved`;

interface Resolved {
  /** The last one that was looked at; undefined when none is left after it. */
  last: string | undefined;
  resolved: number;
}

/** Looks at so many open issues after `after`, and resolves what was mended and not seen for `quietMs`. */
export async function resolveMended(
  client: pg.ClientBase,
  { after, rowsMax, quietMs }: { after: string; rowsMax: number; quietMs: number },
): Promise<Resolved> {
  const { rows } = await client.query<{ looked: number; last: string | null; resolved: number }>({
    name: 'resolve-mended',
    text: resolveSql,
    values: [after, rowsMax, quietMs],
  });
  const { looked = 0, last = null, resolved = 0 } = rows[0] ?? {};
  return { last: looked < rowsMax ? undefined : (last ?? undefined), resolved };
}

/** Deletes issues that were not seen for as long as their environment keeps attempts; returns how many. */
export async function sweepIssues(db: Connection, pace: Pace): Promise<number> {
  return deleteInBatches(pace, async () => {
    const { rowCount } = await db.query(
      `delete from posthorn.issue where id = any (array(
         select i.id from posthorn.environment e
         cross join lateral (
           select id from posthorn.issue where environment_id = e.id and last_seen_at < now()
             - least(e.attempt_retention_days, e.message_retention_days) * interval '1 day'
           order by last_seen_at limit $1
         ) i limit $1
       ))`,
      [pace.rowsMax],
    );
    return rowCount ?? 0;
  });
}
