-- Issues: failures with one cause are one row, from the first of them until something succeeds again.

-- What is yet to be counted: a row for each cause in a batch of attempts, written by the statement that writes the
-- attempts, and one for each request that was refused. Nobody waits for anybody here: only new rows are written, and one
-- process at a time takes them out again, in the transaction that counts them.
create table posthorn.issue_sighting (
  seq bigint generated always as identity primary key,
  application_id text collate "C" not null,
  -- Null: a request that its source refused.
  endpoint_id text collate "C",
  outcome text not null,
  reason text not null,
  -- Of the youngest attempt, or of the request.
  status smallint,
  detail text,
  message_id text collate "C",
  attempt_id text collate "C",
  request_id text collate "C",
  first_message_id text collate "C",
  count integer not null,
  -- How many deliveries were given up.
  exhausted_count integer not null default 0,
  seen_at timestamptz not null default now()
);

--   open --success, or by hand--> resolved --seen again--> open
--   open, resolved --by hand--> ignored --by hand--> resolved
create table posthorn.issue (
  id text collate "C" primary key,
  environment_id text collate "C" not null references posthorn.environment (id),
  application_id text collate "C" not null references posthorn.application (id),
  endpoint_id text collate "C" references posthorn.endpoint (id),
  -- rejected: reason is the class of the status (5xx); unreachable: why; refused: the verdict of the source.
  outcome text not null check (outcome in ('rejected', 'unreachable', 'refused')),
  reason text not null,
  state text not null default 'open' check (state in ('open', 'resolved', 'ignored')),
  status smallint,
  detail text,
  -- The youngest that was seen.
  message_id text collate "C",
  attempt_id text collate "C",
  request_id text collate "C",
  -- Nothing older is affected.
  first_message_id text collate "C",
  count bigint not null,
  exhausted_count bigint not null,
  first_seen_at timestamptz not null,
  last_seen_at timestamptz not null,
  -- How often it was opened, and when for the last time.
  opened_count integer not null default 1,
  opened_at timestamptz not null default now(),
  -- What is seen after this opens it again.
  resolved_at timestamptz,
  resolved_by text check (resolved_by in ('success', 'request', 'deletion')),
  updated_at timestamptz not null default now(),
  check ((state = 'resolved') = (resolved_at is not null)),
  unique nulls not distinct (application_id, endpoint_id, outcome, reason)
);
create index issue_by_environment on posthorn.issue (environment_id, id);
create index issue_by_application on posthorn.issue (application_id, id);
create index issue_open on posthorn.issue (id) where state = 'open';
create index issue_last_seen on posthorn.issue (environment_id, last_seen_at);

-- By trigger, so that no way to set a request aside can forget it. What is accepted costs a look at its verdict.
create function posthorn.sight_refusal() returns trigger
language plpgsql set search_path = pg_catalog, pg_temp as $$
begin
  insert into posthorn.issue_sighting (application_id, outcome, reason, detail, request_id, count)
  values (new.application_id, 'refused', coalesce(new.reason, 'unknown'), new.detail, new.id, 1);
  return null;
end $$;
create trigger request_refused after insert on posthorn.request
  for each row when (new.verdict = 'rejected') execute function posthorn.sight_refusal();

-- What an operator is told of an issue.
create function posthorn.tell_of_issue(issue posthorn.issue, event_type text) returns void
language plpgsql set search_path = pg_catalog, pg_temp as $$
declare
  utc constant text := 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"';
begin
  perform posthorn.tell_operator(issue.environment_id, event_type, json_build_object(
    'issueId', issue.id, 'state', issue.state, 'appId', issue.application_id,
    'appUid', coalesce(
      (select a.uid from posthorn.application a where a.id = issue.application_id),
      (select s.uid from posthorn.source s where s.id = issue.application_id)),
    'endpointId', issue.endpoint_id,
    'endpointUid', (select e.uid from posthorn.endpoint e where e.id = issue.endpoint_id),
    'outcome', issue.outcome, 'reason', issue.reason, 'responseStatusCode', issue.status, 'detail', issue.detail,
    'count', issue.count, 'exhaustedCount', issue.exhausted_count,
    'firstSeenAt', to_char(issue.first_seen_at at time zone 'utc', utc),
    'lastSeenAt', to_char(issue.last_seen_at at time zone 'utc', utc),
    'msgId', issue.message_id, 'attemptId', issue.attempt_id, 'requestId', issue.request_id,
    'resolvedBy', issue.resolved_by));
end $$;
