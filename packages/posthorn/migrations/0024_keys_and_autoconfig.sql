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

-- One endpoint, to be made by whoever holds the subscription's token, under the secret that is in the token.
create table posthorn.autoconfig (
  id text collate "C" primary key,
  application_id text collate "C" not null references posthorn.application (id),
  -- Given out before the endpoint is there, so that it is made once; no foreign key for the same reason.
  endpoint_id text collate "C" not null unique,
  secret_sealed bytea not null,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now()
);
create index autoconfig_by_application on posthorn.autoconfig (application_id, id);
