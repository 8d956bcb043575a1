-- The first schema. Ids are text that sorts by time (lib/ids.ts), so a range of ids is a range of time:
-- message, delivery and attempt are partitioned by their id and need no second timestamp in any key.
-- application_id leads the keys of every hot table, which therefore can be distributed by application.

create table posthorn.environment (
  id text collate "C" primary key,
  name text not null unique,
  created_at timestamptz not null default now()
);

-- An API token is stored as the SHA-256 of its text: it can be checked and revoked, never read back.
create table posthorn.token (
  id text collate "C" primary key,
  environment_id text collate "C" not null references posthorn.environment (id),
  name text not null,
  hash bytea not null unique,
  created_at timestamptz not null default now(),
  expires_at timestamptz,
  revoked_at timestamptz
);
create index token_by_environment on posthorn.token (environment_id, id);

-- config_version counts every change to the application or its endpoints. Whoever accepts a message matched it
-- against one version, and the accept statement stores it only while that version is still the current one.
create table posthorn.application (
  id text collate "C" primary key,
  environment_id text collate "C" not null references posthorn.environment (id),
  uid text,
  name text not null,
  metadata jsonb not null default '{}',
  throttle_rate integer,
  config_version bigint not null default 1,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  deleted_at timestamptz
);
create unique index application_uid on posthorn.application (environment_id, uid) where deleted_at is null;
create index application_by_environment on posthorn.application (environment_id, id) where deleted_at is null;

create table posthorn.endpoint (
  id text collate "C" primary key,
  application_id text collate "C" not null references posthorn.application (id),
  uid text,
  url text not null,
  description text not null default '',
  event_types text[],
  channels text[],
  metadata jsonb not null default '{}',
  throttle_rate integer,
  signature_style text not null default 'standard' check (signature_style in ('standard', 'svix', 'both')),
  -- Custom headers can carry credentials: sealed JSON, see store/secret-box.ts.
  headers_sealed bytea,
  disabled boolean not null default false,
  disabled_reason text check (disabled_reason in ('requested', 'gone', 'failing')),
  disabled_at timestamptz,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  deleted_at timestamptz
);
create unique index endpoint_uid on posthorn.endpoint (application_id, uid) where deleted_at is null;
create index endpoint_by_application on posthorn.endpoint (application_id, id) where deleted_at is null;

-- The current secret has no expiry; rotated ones sign along until theirs.
create table posthorn.endpoint_secret (
  id text collate "C" primary key,
  endpoint_id text collate "C" not null references posthorn.endpoint (id),
  secret_sealed bytea not null,
  created_at timestamptz not null default now(),
  expires_at timestamptz
);
create index endpoint_secret_by_endpoint on posthorn.endpoint_secret (endpoint_id, id);
create unique index endpoint_secret_current on posthorn.endpoint_secret (endpoint_id) where expires_at is null;

-- Once per statement: an application that is deleted with its thousand endpoints is touched once.
create function posthorn.bump_config_version() returns trigger language plpgsql as $$
begin
  update posthorn.application set config_version = config_version + 1
  where id in (select application_id from changed);
  return null;
end $$;
create trigger endpoint_inserted after insert on posthorn.endpoint
  referencing new table as changed for each statement execute function posthorn.bump_config_version();
create trigger endpoint_updated after update on posthorn.endpoint
  referencing new table as changed for each statement execute function posthorn.bump_config_version();

create function posthorn.bump_config_version_of_secret() returns trigger language plpgsql as $$
begin
  update posthorn.application set config_version = config_version + 1
  where id in (select e.application_id from posthorn.endpoint e join changed c on e.id = c.endpoint_id);
  return null;
end $$;
create trigger endpoint_secret_inserted after insert on posthorn.endpoint_secret
  referencing new table as changed for each statement execute function posthorn.bump_config_version_of_secret();
create trigger endpoint_secret_updated after update on posthorn.endpoint_secret
  referencing new table as changed for each statement execute function posthorn.bump_config_version_of_secret();

create function posthorn.bump_own_config_version() returns trigger language plpgsql as $$
begin
  new.config_version := old.config_version + 1;
  return new;
end $$;
create trigger application_changed before update on posthorn.application
  for each row execute function posthorn.bump_own_config_version();

create table posthorn.event_type (
  environment_id text collate "C" not null references posthorn.environment (id),
  name text collate "C" not null,
  description text not null,
  schemas jsonb,
  feature_flags text[],
  group_name text,
  archived boolean not null default false,
  deprecated boolean not null default false,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  primary key (environment_id, name)
);

create table posthorn.message (
  application_id text collate "C" not null,
  id text collate "C" not null,
  event_type text not null,
  event_id text,
  channels text[],
  tags text[],
  -- The exact bytes that were accepted; they are signed and sent as they are.
  payload bytea,
  content_type text not null default 'application/json',
  created_at timestamptz not null default now(),
  primary key (application_id, id)
) partition by range (id);
create table posthorn.message_default partition of posthorn.message default;

-- Uniqueness across partitions needs tables of its own.
create table posthorn.message_event_id (
  application_id text collate "C" not null,
  event_id text not null,
  message_id text collate "C" not null,
  created_at timestamptz not null default now(),
  primary key (application_id, event_id)
);
create index message_event_id_age on posthorn.message_event_id (created_at);

create table posthorn.idempotency_key (
  application_id text collate "C" not null,
  key text not null,
  fingerprint bytea not null,
  message_id text collate "C" not null,
  created_at timestamptz not null default now(),
  primary key (application_id, key)
);
create index idempotency_key_age on posthorn.idempotency_key (created_at);

create type posthorn.delivery_state as enum
  ('pending', 'delivering', 'retrying', 'succeeded', 'exhausted', 'cancelled');

-- One message x one endpoint.
--
--   pending --claim--> delivering --2xx--> succeeded
--                      delivering --failed, tries left--> retrying --claim--> delivering
--                      delivering --failed, no tries left--> exhausted
--   pending, retrying, delivering --endpoint disabled or deleted--> cancelled
--   succeeded, exhausted, cancelled --resend, replay--> pending
--
-- A row in 'delivering' is leased to the process lease_owner. lease_seq counts the claims: (lease_owner, lease_seq)
-- is the fencing token, so that a process that lost its lease cannot write over what came after.
create table posthorn.delivery (
  application_id text collate "C" not null,
  message_id text collate "C" not null,
  endpoint_id text collate "C" not null,
  state posthorn.delivery_state not null,
  -- Automatic attempts made so far; resends are not counted.
  attempts smallint not null default 0,
  trigger text not null default 'scheduled' check (trigger in ('scheduled', 'manual')),
  next_attempt_at timestamptz,
  -- While a resend is under way: when the automatic chain goes on, if it was still open.
  resume_at timestamptz,
  lease_owner integer,
  lease_seq integer not null default 0,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  primary key (application_id, message_id, endpoint_id),
  check ((state = 'delivering') = (lease_owner is not null)),
  check ((state in ('pending', 'retrying')) = (next_attempt_at is not null))
) partition by range (message_id);
create table posthorn.delivery_default partition of posthorn.delivery default;
create index delivery_by_endpoint on posthorn.delivery (endpoint_id, message_id);
create index delivery_due on posthorn.delivery (endpoint_id, next_attempt_at) where state in ('pending', 'retrying');
create index delivery_leased on posthorn.delivery (lease_owner) where state = 'delivering';

-- Which endpoints have work waiting in the database, and from when: a claim starts here and costs the same with ten
-- waiting rows as with ten million. due_at is at or before the earliest waiting delivery of the endpoint.
create table posthorn.endpoint_due (
  endpoint_id text collate "C" primary key,
  application_id text collate "C" not null,
  due_at timestamptz not null
);
create index endpoint_due_at on posthorn.endpoint_due (due_at);

-- Since when an endpoint has only failed; the row goes with the first success.
create table posthorn.endpoint_failing (
  endpoint_id text collate "C" primary key,
  since timestamptz not null default now()
);

-- One try of one delivery; append-only.
create table posthorn.attempt (
  application_id text collate "C" not null,
  id text collate "C" not null,
  message_id text collate "C" not null,
  endpoint_id text collate "C" not null,
  trigger text not null check (trigger in ('scheduled', 'manual')),
  url text not null,
  outcome text not null check (outcome in ('accepted', 'rejected', 'unreachable')),
  reason text,
  detail text,
  response_status smallint,
  response_headers jsonb,
  response_body bytea,
  response_truncated boolean not null default false,
  duration_ms integer not null,
  started_at timestamptz not null,
  primary key (application_id, id)
) partition by range (id);
create table posthorn.attempt_default partition of posthorn.attempt default;
create index attempt_by_message on posthorn.attempt (application_id, message_id, id);
create index attempt_by_endpoint on posthorn.attempt (endpoint_id, id);

-- Who is alive. A process that misses its heartbeat loses its row, and with it its leases.
create table posthorn.process (
  id integer generated always as identity primary key,
  -- Names the machine and process-id space, so that a neighbour there can tell that a pid is gone; null where unknown.
  host text,
  pid integer not null,
  version text not null,
  started_at timestamptz not null default now(),
  heartbeat_at timestamptz not null default now()
);
