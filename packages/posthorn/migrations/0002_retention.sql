-- How long things are kept, by environment; and contents in a table of their own, so that they can go before the rest.

-- Attempts and contents never outlive their message: the shorter of the two counts for them.
alter table posthorn.environment
  add column message_retention_days integer not null default 90
    constraint environment_message_retention_days check (message_retention_days between 1 and 3650),
  add column attempt_retention_days integer not null default 30
    constraint environment_attempt_retention_days check (attempt_retention_days between 1 and 3650);

-- The exact bytes that were accepted; they are signed and sent as they are. No row: expunged or expired.
create table posthorn.message_body (
  application_id text collate "C" not null,
  message_id text collate "C" not null,
  payload bytea not null,
  primary key (application_id, message_id)
) partition by range (message_id);
create table posthorn.message_body_default partition of posthorn.message_body default;

-- A partition for each that message has, with its bounds.
do $$
declare
  day record;
begin
  for day in
    select replace(c.relname, 'message_', 'message_body_') as name, pg_get_expr(c.relpartbound, c.oid) as bounds
    from pg_inherits i join pg_class c on c.oid = i.inhrelid
    where i.inhparent = 'posthorn.message'::regclass and c.relname <> 'message_default'
  loop
    execute format('create table posthorn.%I partition of posthorn.message_body %s', day.name, day.bounds);
  end loop;
end $$;

insert into posthorn.message_body (application_id, message_id, payload)
select application_id, id, payload from posthorn.message where payload is not null;
alter table posthorn.message drop column payload;

-- Where the deletion by rows begins the next time: before that nothing is left, so that a sweep reads days and not months.
create table posthorn.retention_sweep (
  environment_id text collate "C" not null references posthorn.environment (id),
  subject text not null check (subject in ('message', 'message_body', 'message_event_id', 'delivery', 'attempt')),
  swept_until timestamptz not null,
  primary key (environment_id, subject)
);
