-- Messages that a transaction of the database wrote down, to be sent after its commit: what the operator is told, and
-- what posthorn.send() was given.

-- Ids as lib/ids.ts makes them: 8 characters of milliseconds, 3 of sequence, 11 of randomness, all base 62.
create sequence posthorn.id_sequence as bigint minvalue 0 maxvalue 238327 start 0 cycle;

create function posthorn.base62(value bigint, length integer) returns text
language plpgsql immutable parallel safe set search_path = pg_catalog, pg_temp as $$
declare
  alphabet constant text := '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz';
  digits text := '';
begin
  for i in 1..length loop
    digits := substr(alphabet, 1 + (value % 62)::integer, 1) || digits;
    value := value / 62;
  end loop;
  return digits;
end $$;

create function posthorn.new_id(prefix text) returns text
language plpgsql volatile set search_path = pg_catalog, pg_temp as $$
declare
  -- 122 of its bits are random; those of bytes 6 to 8 are not all.
  noise constant bytea := uuid_send(gen_random_uuid());
  digits text := '';
  i integer;
begin
  foreach i in array array[0, 1, 2, 3, 4, 5, 9, 10, 11, 12, 13] loop
    digits := digits || posthorn.base62(get_byte(noise, i), 1);
  end loop;
  return prefix || posthorn.base62((extract(epoch from clock_timestamp()) * 1000)::bigint, 8)
    || posthorn.base62(nextval('posthorn.id_sequence'), 3) || digits;
end $$;

-- A row is turned into its message, with its deliveries, by the transaction that deletes it: exactly one message each.
create table posthorn.outbox (
  seq bigint generated always as identity primary key,
  message_id text collate "C" not null,
  environment_id text collate "C" not null,
  -- Its id or uid, as it was given: it need not exist yet.
  application text collate "C" not null,
  -- Whoever turns rows into messages holds a shard meanwhile: those of one application stay in order.
  shard smallint not null,
  event_type text not null,
  event_id text,
  channels text[],
  tags text[],
  payload bytea not null,
  created_at timestamptz not null default now(),
  -- Why it could not become a message the last time, and when it is tried again; null: it is next.
  problem text,
  retry_at timestamptz,
  -- It is tried again as soon as something for the same application comes through: first the older, then the newer.
  waits_for_application boolean not null default false
);
create index outbox_next on posthorn.outbox (shard, seq) where retry_at is null;
create index outbox_stuck on posthorn.outbox (shard, retry_at) where retry_at is not null;
create index outbox_waiting on posthorn.outbox (shard, environment_id, application) where waits_for_application;

create function posthorn.outbox_shard(environment_id text, application text) returns smallint
language sql immutable parallel safe set search_path = pg_catalog, pg_temp as $$
  select (hashtext(environment_id || '/' || application) & 31)::smallint
$$;

-- Where the operator's own endpoints live: one application for an environment, made with the first of them. No list, no
-- name and no id of the API leads to it.
alter table posthorn.application add column operational boolean not null default false;
create unique index application_operational on posthorn.application (environment_id)
  where operational and deleted_at is null;

-- The application that the operator of an environment is told through; none while nobody listens.
create function posthorn.operational_application(environment text) returns text
language sql stable set search_path = pg_catalog, pg_temp as $$
  select a.id from posthorn.application a
  where a.environment_id = environment and a.operational and a.deleted_at is null
    and exists (select from posthorn.endpoint e where e.application_id = a.id and e.deleted_at is null)
$$;

create function posthorn.tell_operator(environment text, event_type text, data json) returns void
language plpgsql set search_path = pg_catalog, pg_temp as $$
declare
  listening constant text := posthorn.operational_application(environment);
begin
  if listening is null then
    return;
  end if;
  insert into posthorn.outbox (message_id, environment_id, application, shard, event_type, payload)
  values (posthorn.new_id('msg_'), environment, listening, posthorn.outbox_shard(environment, listening), event_type,
    convert_to(json_build_object('type', event_type, 'data', data)::text, 'UTF8'));
  perform pg_notify('posthorn_outbox', '');
end $$;

-- By trigger, so that no way to change an endpoint can forget it. What happens to the operator's own endpoints is not
-- told: it would be told to them.
create function posthorn.tell_of_endpoints() returns trigger
language plpgsql set search_path = pg_catalog, pg_temp as $$
declare
  -- Changes to these alone are told by events of their own, or by none.
  apart constant text[] := '{disabled,disabled_reason,disabled_at,deleted_at,updated_at}';
  change record;
begin
  if not exists (select from posthorn.application where operational and deleted_at is null) then
    return null;
  end if;
  if tg_op = 'INSERT' then
    perform posthorn.tell_operator(a.environment_id, 'endpoint.created', json_build_object('appId', a.id,
      'appUid', a.uid, 'endpointId', c.id, 'endpointUid', c.uid))
    from changed c join posthorn.application a on a.id = c.application_id and not a.operational order by c.id;
    return null;
  end if;
  for change in
    select a.environment_id, f.since, c.disabled_reason, json_build_object('appId', a.id, 'appUid', a.uid,
        'endpointId', c.id, 'endpointUid', c.uid) as data,
      c.deleted_at is not null and b.deleted_at is null as is_deleted,
      c.deleted_at is null and to_jsonb(c) - apart is distinct from to_jsonb(b) - apart as is_updated,
      c.deleted_at is null and c.disabled and not b.disabled as is_disabled,
      c.deleted_at is null and b.disabled and not c.disabled as is_enabled
    from changed c join before b on b.id = c.id
    join posthorn.application a on a.id = c.application_id and not a.operational
    left join posthorn.endpoint_failing f on f.endpoint_id = c.id
    order by c.id
  loop
    if change.is_deleted then
      perform posthorn.tell_operator(change.environment_id, 'endpoint.deleted', change.data);
    end if;
    if change.is_updated then
      perform posthorn.tell_operator(change.environment_id, 'endpoint.updated', change.data);
    end if;
    if change.is_enabled then
      perform posthorn.tell_operator(change.environment_id, 'endpoint.enabled', change.data);
    end if;
    if change.is_disabled then
      perform posthorn.tell_operator(change.environment_id, 'endpoint.disabled',
        (change.data::jsonb || jsonb_build_object(
          'failSince', to_char(change.since at time zone 'utc', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"'),
          'trigger', case when change.disabled_reason = 'requested' then 'manual' else 'automatic' end))::json);
    end if;
  end loop;
  return null;
end $$;
create trigger endpoint_inserted_told after insert on posthorn.endpoint
  referencing new table as changed for each statement execute function posthorn.tell_of_endpoints();
create trigger endpoint_updated_told after update on posthorn.endpoint
  referencing old table as before new table as changed
  for each statement execute function posthorn.tell_of_endpoints();

-- Third parties that a customer lets in, each with a key of its own.
create table posthorn.integration (
  id text collate "C" primary key,
  application_id text collate "C" not null references posthorn.application (id),
  name text not null,
  feature_flags text[] not null default '{}',
  key_sealed bytea not null,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now()
);
create index integration_by_application on posthorn.integration (application_id, id);

-- Templates of the sender, from which customers make an endpoint for a service they know.
create table posthorn.connector (
  id text collate "C" primary key,
  environment_id text collate "C" not null references posthorn.environment (id),
  uid text,
  kind text not null,
  name text not null,
  logo text,
  description text not null default '',
  instructions text not null default '',
  allowed_event_types text[],
  transformation text not null,
  feature_flags text[],
  product text not null check (product in ('Dispatch', 'Stream')),
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  transformation_updated_at timestamptz not null default now(),
  unique (environment_id, uid)
);
create index connector_by_environment on posthorn.connector (environment_id, id);
