-- Sources: doors for the requests of providers, which become messages for the endpoints of the source.

-- A source is an application with a door of its own: it has the same id, and its endpoints, messages, deliveries and
-- attempts are those of that application. No list of applications shows it, and it has no uid there.
alter table posthorn.application add column source boolean not null default false;

create table posthorn.source (
  id text collate "C" primary key references posthorn.application (id),
  environment_id text collate "C" not null references posthorn.environment (id),
  uid text,
  name text not null,
  -- What the API calls it, and the row of @posthorn/webhooks that verifies its requests.
  type text not null,
  provider text not null,
  metadata jsonb not null default '{}',
  -- What the provider's scheme needs besides secrets, as JSON: sealed, see store/secret-box.ts.
  settings_sealed bytea,
  -- Null: the provider's own.
  tolerance_seconds integer,
  -- Requests that cannot be verified are taken all the same, and marked.
  observe boolean not null default false,
  allowed_methods text[] not null,
  body_max_bytes integer not null,
  -- Requests per second that one process takes; null: no limit.
  rate_limit integer,
  deduplicate_by text not null check (deduplicate_by in ('id', 'body', 'nothing')),
  -- What is answered to what was taken in: {status, contentType, body}; null: what the provider wants.
  answer jsonb,
  -- Grows with every change to the source, its secrets and its paths. A request is stored only while the version that
  -- it was verified by is the current one.
  version bigint not null default 1,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  deleted_at timestamptz
);
create unique index source_uid on posthorn.source (environment_id, uid) where deleted_at is null;
create index source_by_environment on posthorn.source (environment_id, id) where deleted_at is null;

-- The current secrets have no expiry; rotated ones are good until theirs.
create table posthorn.source_secret (
  id text collate "C" primary key,
  source_id text collate "C" not null references posthorn.source (id),
  secret_sealed bytea not null,
  -- Told by the provider in a handshake.
  learned boolean not null default false,
  created_at timestamptz not null default now(),
  expires_at timestamptz
);
create index source_secret_by_source on posthorn.source_secret (source_id, id);

-- The last part of a source's path, which nobody can guess: found by its SHA-256, shown by opening what is sealed.
create table posthorn.source_path (
  hash bytea primary key,
  source_id text collate "C" not null references posthorn.source (id),
  token_sealed bytea not null,
  created_at timestamptz not null default now(),
  expires_at timestamptz
);
create index source_path_by_source on posthorn.source_path (source_id, created_at);
create unique index source_path_current on posthorn.source_path (source_id) where expires_at is null;

-- Like an endpoint's, a change of a source is a change of its application's configuration.
create function posthorn.bump_version_of_source() returns trigger
language plpgsql set search_path = pg_catalog, pg_temp as $$
begin
  new.version := old.version + 1;
  return new;
end $$;
create trigger source_changed before update on posthorn.source
  for each row execute function posthorn.bump_version_of_source();

create function posthorn.bump_config_version_of_source() returns trigger
language plpgsql set search_path = pg_catalog, pg_temp as $$
begin
  update posthorn.application set config_version = config_version + 1 where id in (select id from changed);
  return null;
end $$;
create trigger source_updated after update on posthorn.source
  referencing new table as changed for each statement execute function posthorn.bump_config_version_of_source();

create function posthorn.touch_source() returns trigger
language plpgsql set search_path = pg_catalog, pg_temp as $$
begin
  update posthorn.source set version = version where id in (select source_id from changed);
  return null;
end $$;
create trigger source_secret_inserted after insert on posthorn.source_secret
  referencing new table as changed for each statement execute function posthorn.touch_source();
create trigger source_secret_updated after update on posthorn.source_secret
  referencing new table as changed for each statement execute function posthorn.touch_source();
create trigger source_secret_deleted after delete on posthorn.source_secret
  referencing old table as changed for each statement execute function posthorn.touch_source();
create trigger source_path_inserted after insert on posthorn.source_path
  referencing new table as changed for each statement execute function posthorn.touch_source();
create trigger source_path_updated after update on posthorn.source_path
  referencing new table as changed for each statement execute function posthorn.touch_source();

-- A request as it came in at a source, and what became of it. Its id leads no key but its own: lists are by source.
--
--   accepted    verified, and stored as the messages in message_ids
--   unverified  the same, although it could not be verified: the source only observes
--   rejected    not verified, or not allowed; replayed once the source is mended, it becomes accepted
--   altered     verified, but its id came before with another body
create table posthorn.request (
  application_id text collate "C" not null,
  id text collate "C" not null,
  received_at timestamptz not null default now(),
  verdict text not null check (verdict in ('accepted', 'unverified', 'rejected', 'altered')),
  -- Why it was not simply accepted: a stable word, and a sentence for the operator.
  reason text,
  detail text,
  method text not null,
  query text not null,
  -- By lower-case name, each with the list of its values; those that carry credentials are not in here.
  headers jsonb not null,
  -- Those, and a query that does, of what was not accepted: replayed, it is verified with them. Sealed JSON.
  hidden_sealed bytea,
  address text,
  -- Null where it is the content of its only message, and where it was not kept.
  body bytea,
  body_bytes integer not null,
  -- The provider's id of it, and which secret it was verified with.
  delivery_id text,
  secret_id text collate "C",
  message_ids text[] not null default '{}',
  -- How often it came again, and when for the last time.
  duplicates integer not null default 0,
  duplicate_at timestamptz,
  replayed_at timestamptz,
  primary key (application_id, id)
) partition by range (id);
create table posthorn.request_default partition of posthorn.request default;
create index request_set_aside on posthorn.request (application_id, id) where verdict in ('rejected', 'altered');

-- The request that it came in; null: it came by the API or by SQL.
alter table posthorn.message add column request_id text collate "C";

alter table posthorn.retention_sweep drop constraint retention_sweep_subject_check;
alter table posthorn.retention_sweep add constraint retention_sweep_subject_check
  check (subject in ('message', 'message_body', 'message_event_id', 'source_event_id', 'delivery', 'attempt', 'request'));

-- Whoever deletes the content of a message means the request that it came in, too. Not the sweeps by age: those go by
-- partitions, which this does not watch, and requests go by age themselves.
create function posthorn.expunge_requests() returns trigger
language plpgsql set search_path = pg_catalog, pg_temp as $$
begin
  if not exists (select from posthorn.source) then
    return null;
  end if;
  update posthorn.request r set body = null
  from gone g join posthorn.message m on m.application_id = g.application_id and m.id = g.message_id
  where r.application_id = m.application_id and r.id = m.request_id and r.body is not null;
  return null;
end $$;
create trigger message_body_deleted after delete on posthorn.message_body
  referencing old table as gone for each statement execute function posthorn.expunge_requests();
