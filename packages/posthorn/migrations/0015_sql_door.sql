-- The door for those who have a transaction of their own on this database: posthorn.send() writes a message into the
-- outbox, posthorn.watch() has a trigger write one for each change of a table. Both are functions of their owner
-- (security definer): whoever may call them needs no right to any table in here.

create function posthorn.outbox_put(
  environment text, application text, event_type text, payload jsonb,
  event_id text, channels text[], tags text[]
) returns text
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
declare
  payload_max_bytes constant integer := 1048576;
  message_id constant text := posthorn.new_id('msg_');
  environment_id text;
  bytes bytea;
begin
  select e.id into environment_id from posthorn.environment e where e.name = outbox_put.environment;
  if environment_id is null then
    raise exception 'posthorn: there is no environment called %', environment
      using errcode = 'invalid_parameter_value', hint = 'See the names with: posthorn environments list';
  end if;
  if coalesce(application, '') = '' then
    raise exception 'posthorn: the application must be an id or a uid, not empty'
      using errcode = 'invalid_parameter_value';
  end if;
  if event_type is null or length(event_type) > 256 or event_type !~ '^[a-zA-Z0-9\-_.]+$' then
    raise exception 'posthorn: the event type must be 1 to 256 letters, digits, hyphens, underscores or dots'
      using errcode = 'invalid_parameter_value';
  end if;
  if payload is null or jsonb_typeof(payload) <> 'object' then
    raise exception 'posthorn: the payload must be a JSON object' using errcode = 'invalid_parameter_value';
  end if;
  if length(event_id) not between 1 and 256 or event_id ~ '[\x01-\x1f\x7f-\x9f]' or event_id like 'msg\_%' then
    raise exception 'posthorn: the event id must be 1 to 256 printable characters and not begin with msg_'
      using errcode = 'invalid_parameter_value';
  end if;
  if cardinality(channels) > 5
    or exists (select from unnest(channels) c where c is null or c !~ '^[a-zA-Z0-9\-_.]{1,128}$') then
    raise exception 'posthorn: at most 5 channels of 1 to 128 letters, digits, hyphens, underscores or dots'
      using errcode = 'invalid_parameter_value';
  end if;
  if cardinality(tags) > 20
    or exists (select from unnest(tags) t where t is null or length(t) not between 1 and 128
      or t ~ '[\x01-\x1f\x7f-\x9f]') then
    raise exception 'posthorn: at most 20 tags of 1 to 128 printable characters'
      using errcode = 'invalid_parameter_value';
  end if;
  bytes := convert_to(payload::text, 'UTF8');
  if length(bytes) > payload_max_bytes then
    raise exception 'posthorn: the payload has % bytes, at most % are allowed', length(bytes), payload_max_bytes
      using errcode = 'invalid_parameter_value';
  end if;
  insert into posthorn.outbox
    (message_id, environment_id, application, shard, event_type, event_id, channels, tags, payload)
  values (message_id, environment_id, application, posthorn.outbox_shard(environment_id, application), event_type,
    event_id, nullif(channels, '{}'), nullif(tags, '{}'), bytes);
  -- A hint that arrives with the commit; without it the row is found by polling.
  perform pg_notify('posthorn_outbox', '');
  return message_id;
end $$;

-- The message's id. It becomes a message after the commit, and nothing after a rollback.
create function posthorn.send(
  application text, event_type text, payload jsonb,
  event_id text default null, channels text[] default null, tags text[] default null,
  environment text default 'default'
) returns text
language sql volatile security definer set search_path = pg_catalog, pg_temp as $$
  select posthorn.outbox_put(environment, application, event_type, payload, event_id, channels, tags)
$$;

-- Arguments: environment, application, the column that names the application, the event types' first part, columns.
create function posthorn.watched() returns trigger
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
declare
  environment constant text := tg_argv[0];
  columns constant text[] := tg_argv[4];
  row_before jsonb;
  row_after jsonb;
  application text := nullif(tg_argv[1], '');
  happened constant text := case tg_op when 'INSERT' then 'created' when 'UPDATE' then 'updated' else 'deleted' end;
  event_type constant text := tg_argv[3] || '.' || happened;
  payload jsonb;
begin
  -- to_jsonb calls the cast to json of whatever type a column has, and here it would with the rights of this
  -- function's owner: nobody's cast but a superuser's (an extension's, say) is run.
  if exists (
    select from pg_cast c join pg_proc p on p.oid = c.castfunc join pg_roles r on r.oid = p.proowner
    where c.casttarget = 'json'::regtype and not r.rolsuper
  ) then
    raise exception 'posthorn: a role that is no superuser has made a cast to json; no row is read while there is one';
  end if;
  if tg_op <> 'INSERT' then
    row_before := to_jsonb(old);
  end if;
  if tg_op <> 'DELETE' then
    row_after := to_jsonb(new);
  end if;
  if application is null then
    application := coalesce(row_after, row_before) ->> tg_argv[2];
  end if;
  -- A row that belongs to nobody is told to nobody.
  if coalesce(application, '') = '' then
    return null;
  end if;
  if columns <> '{*}' then
    row_before := posthorn.only_columns(row_before, columns);
    row_after := posthorn.only_columns(row_after, columns);
  end if;
  if tg_op = 'UPDATE' and row_before = row_after then
    return null;
  end if;
  payload := jsonb_build_object('type', event_type, 'timestamp', to_jsonb(now()),
    'data', coalesce(row_after, row_before));
  if tg_op = 'UPDATE' then
    payload := payload || jsonb_build_object('previous', (
      select coalesce(jsonb_object_agg(b.key, b.value), '{}') from jsonb_each(row_before) b
      where b.value is distinct from row_after -> b.key));
  end if;
  perform posthorn.outbox_put(environment, application, event_type, payload, null, null, null);
  return null;
end $$;

create function posthorn.only_columns(wide jsonb, columns text[]) returns jsonb
language sql immutable parallel safe set search_path = pg_catalog, pg_temp as $$
  select jsonb_object_agg(key, value) from jsonb_each(wide) where key = any (columns)
$$;

-- Has the table's changes become messages; returns the trigger's name. Called by the table's owner, whose right to make
-- triggers counts. Calling it again for the same event prefix replaces what was there.
create function posthorn.watch(
  "table" regclass, columns text[],
  application text default null, application_column name default null,
  event_prefix text default null, operations text[] default '{insert,update,delete}',
  environment text default 'default'
) returns text
language plpgsql set search_path = pg_catalog, pg_temp as $$
declare
  prefix constant text := coalesce(event_prefix, (select relname from pg_class where oid = "table"));
  trigger_name constant text := left('posthorn_' || prefix, 63);
  wrong text;
begin
  if (application is null) = (application_column is null) then
    raise exception 'posthorn: give either application (one for all rows) or application_column (each row names its own)'
      using errcode = 'invalid_parameter_value';
  end if;
  if coalesce(cardinality(columns), 0) = 0 then
    raise exception 'posthorn: name the columns that receivers may see; ''{*}'' for all'
      using errcode = 'invalid_parameter_value';
  end if;
  select c into wrong from unnest(columns || application_column::text) c
  where c is not null and c <> '*' and not exists (
    select from pg_attribute a where a.attrelid = "table" and a.attname = c and a.attnum > 0 and not a.attisdropped);
  if wrong is not null then
    raise exception 'posthorn: % has no column %', "table", wrong using errcode = 'undefined_column';
  end if;
  if prefix !~ '^[a-zA-Z0-9\-_.]{1,200}$' then
    raise exception 'posthorn: the event prefix must be 1 to 200 letters, digits, hyphens, underscores or dots'
      using errcode = 'invalid_parameter_value';
  end if;
  if coalesce(cardinality(operations), 0) = 0 or not operations <@ '{insert,update,delete}' then
    raise exception 'posthorn: operations are insert, update and delete' using errcode = 'invalid_parameter_value';
  end if;
  execute format('create or replace trigger %I after %s on %s for each row execute function posthorn.watched(%L, %L, %L, %L, %L)',
    trigger_name, array_to_string(operations, ' or '), "table", environment, coalesce(application, ''),
    coalesce(application_column, ''), prefix, columns::text);
  return trigger_name;
end $$;

-- True when there was such a trigger.
create function posthorn.unwatch("table" regclass, event_prefix text default null) returns boolean
language plpgsql set search_path = pg_catalog, pg_temp as $$
declare
  trigger_name constant text := left('posthorn_' || coalesce(event_prefix,
    (select relname from pg_class where oid = "table")), 63);
begin
  if not exists (select from pg_trigger where tgrelid = "table" and tgname = trigger_name) then
    return false;
  end if;
  execute format('drop trigger %I on %s', trigger_name, "table");
  return true;
end $$;

-- What was written and has not become a message yet, without its content.
create view posthorn.unsent as
select o.message_id, e.name as environment, o.application, o.event_type, o.created_at, o.problem, o.retry_at
from posthorn.outbox o join posthorn.environment e on e.id = o.environment_id
where not exists (select from posthorn.application a where a.id = o.application and a.operational);

-- Gives up what could not be sent until now; false when there is nothing of this id that has a problem.
create function posthorn.discard(message_id text) returns boolean
language sql volatile security definer set search_path = pg_catalog, pg_temp as $$
  with gone as (
    delete from posthorn.outbox o where o.message_id = discard.message_id and o.problem is not null returning 1
  )
  select exists (select from gone)
$$;

revoke all on function
  posthorn.outbox_put(text, text, text, jsonb, text, text[], text[]),
  posthorn.send(text, text, jsonb, text, text[], text[], text),
  posthorn.watched(), posthorn.only_columns(jsonb, text[]),
  posthorn.watch(regclass, text[], text, name, text, text[], text), posthorn.unwatch(regclass, text),
  posthorn.discard(text), posthorn.tell_operator(text, text, json)
from public;

-- Lets a role, and all that are members of it, send and watch. Called by the owner of the schema.
create function posthorn.allow_sending(role regrole) returns void
language plpgsql set search_path = pg_catalog, pg_temp as $$
begin
  execute format('grant usage on schema posthorn to %s', role);
  execute format('grant select on posthorn.unsent to %s', role);
  execute format('grant execute on function posthorn.send(text, text, jsonb, text, text[], text[], text), '
    'posthorn.watched(), posthorn.watch(regclass, text[], text, name, text, text[], text), '
    'posthorn.unwatch(regclass, text) to %s', role);
end $$;
revoke all on function posthorn.allow_sending(regrole) from public;
