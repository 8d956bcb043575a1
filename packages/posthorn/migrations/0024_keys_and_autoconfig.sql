-- Tokens of an application that last: the key of an integration, the token of a subscription. They end with what holds
-- them, and are counted among nobody's sessions.

alter table posthorn.token
  -- The integration or the autoconfig subscription.
  add column holder_id text collate "C",
  drop constraint token_kind,
  add constraint token_kind check (
    case when application_id is null
      then cardinality(scopes) > 0 and capabilities is null and feature_flags is null and holder_id is null
      else cardinality(scopes) = 0 and capabilities is not null and feature_flags is not null
        and (expires_at is null) = (holder_id is not null)
    end
  );
create unique index token_by_holder on posthorn.token (holder_id) where holder_id is not null;

-- What the key may do. A key from before there was this column opens nothing until it is rotated.
alter table posthorn.integration
  add column capabilities text[] not null default
    '{ViewBase,ViewEndpointSecret,ManageEndpointSecret,ManageTransformations,CreateAttempts,ManageEndpoint}';

-- One endpoint or one poller, to be made by whoever holds the subscription's token; an endpoint signs with the secret that
-- is in the token.
create table posthorn.autoconfig (
  id text collate "C" primary key,
  application_id text collate "C" not null references posthorn.application (id),
  -- Given out before one of them is there, so that it is made once; no foreign keys for the same reason.
  endpoint_id text collate "C" not null unique,
  poller_id text collate "C" not null unique,
  secret_sealed bytea not null,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now()
);
create index autoconfig_by_application on posthorn.autoconfig (application_id, id);

alter table posthorn.poller add column metadata jsonb not null default '{}';

-- A consumer that confirms by offset: a number for each message that it was handed, counted up from confirmed_count. What
-- was handed out is behind (place, message_id), in its order, and is handed out again once the lease is over.
alter table posthorn.poller_consumer
  add column confirmed_count bigint not null default 0,
  add column handed_places bigint[] not null default '{}',
  add column handed_ids text[] not null default '{}',
  -- How far was read, which is further than what was handed out where messages were not wanted.
  add column read_place bigint,
  add column read_id text,
  add column leased_until timestamptz,
  -- Counts the changes: whoever changes it says which one it has seen.
  add column version bigint not null default 0;
