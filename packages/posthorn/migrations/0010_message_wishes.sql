-- What a message can ask for: a later delivery, a shorter life of its content. What a request can ask for: to have its
-- answer remembered. And messages that are fetched instead of being delivered.

-- When its deliveries begin; null: at once.
alter table posthorn.message add column deliver_at timestamptz;

-- Contents that go before the environment's retention says so. A table of its own: no other message pays for it.
create table posthorn.message_expiry (
  application_id text collate "C" not null,
  message_id text collate "C" not null,
  expires_at timestamptz not null,
  primary key (message_id, application_id)
);
create index message_expiry_at on posthorn.message_expiry (expires_at);

-- Requests under an idempotency key, those for new messages apart (idempotency_key has them).
create table posthorn.idempotent_request (
  environment_id text collate "C" not null references posthorn.environment (id),
  -- SHA-256 of whoever sent the key: two tokens can use the same one.
  caller bytea not null,
  key text not null,
  -- SHA-256 of method, path and body.
  fingerprint bytea not null,
  started_at timestamptz not null default now(),
  -- Null while the first request is under way.
  status smallint,
  -- The answer's body, which can hold a secret; see store/secret-box.ts.
  answer_sealed bytea,
  primary key (environment_id, caller, key)
);
create index idempotent_request_age on posthorn.idempotent_request (started_at);

-- A place where an application's messages are fetched.
create table posthorn.poller (
  id text collate "C" primary key,
  application_id text collate "C" not null references posthorn.application (id),
  uid text,
  description text not null default '',
  event_types text[],
  channels text[],
  -- Null: only tokens of the environment can fetch.
  token_hash bytea unique,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  deleted_at timestamptz
);
create unique index poller_uid on posthorn.poller (application_id, uid) where deleted_at is null;
create index poller_by_application on posthorn.poller (application_id, id) where deleted_at is null;

-- A message is stored under a configuration that knows whether the application has pollers.
create trigger poller_inserted after insert on posthorn.poller
  referencing new table as changed for each statement execute function posthorn.bump_config_version();
create trigger poller_updated after update on posthorn.poller
  referencing new table as changed for each statement execute function posthorn.bump_config_version();

-- The last place in the application's feed. Whoever accepts for an application with pollers locks its row until the
-- commit: places grow in the order of the commits, so whoever sees one sees all before it.
create table posthorn.application_feed (
  application_id text collate "C" primary key,
  last_place bigint not null
);

-- The messages of applications with pollers, in the order in which they are fetched. A place is a time, in
-- microseconds since 1970; that of a message with deliver_at is in the future.
create table posthorn.message_feed (
  application_id text collate "C" not null,
  place bigint not null,
  message_id text collate "C" not null,
  primary key (application_id, place, message_id)
);

-- How far a consumer has confirmed.
create table posthorn.poller_consumer (
  poller_id text collate "C" not null references posthorn.poller (id),
  consumer text not null,
  place bigint not null,
  message_id text not null,
  updated_at timestamptz not null default now(),
  primary key (poller_id, consumer)
);
