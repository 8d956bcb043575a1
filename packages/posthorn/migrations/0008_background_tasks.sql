-- Work on many messages at once, asked for over the API and done in chunks, each of them one transaction.

create table posthorn.background_task (
  id text collate "C" primary key,
  environment_id text collate "C" not null references posthorn.environment (id),
  application_id text collate "C" not null references posthorn.application (id),
  -- Null when the task is about the application as a whole.
  endpoint_id text collate "C",
  task text not null,
  status text not null default 'running' check (status in ('running', 'finished', 'failed', 'cancelled')),
  -- The messages that were accepted from since_at (null: from the first) and before until_at.
  since_at timestamptz,
  until_at timestamptz not null,
  filter jsonb not null default '{}',
  -- The last message that was looked at; it moves in the transaction that did what was to be done up to there.
  cursor text collate "C",
  looked_at_count bigint not null default 0,
  done_count bigint not null default 0,
  skipped_count bigint not null default 0,
  -- Chunks in a row that failed, and when the next one may be tried. Among tasks, the one that waited longest is next.
  failures smallint not null default 0,
  next_at timestamptz not null default now(),
  error jsonb,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  finished_at timestamptz,
  check ((status = 'running') = (finished_at is null))
);
create index background_task_running on posthorn.background_task (next_at) where status = 'running';
create index background_task_by_environment on posthorn.background_task (environment_id, id);
create index background_task_by_application on posthorn.background_task (application_id) where status = 'running';
create index background_task_ended on posthorn.background_task (finished_at) where finished_at is not null;
