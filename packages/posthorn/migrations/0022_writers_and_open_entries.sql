-- Who wrote a row of the outbox, so that a user of the database sees what it has sent and not what others have.

-- The role that the session acts as: in a function of its owner (security definer), current_user is that owner.
create function posthorn.acting_role() returns oid
language sql stable set search_path = pg_catalog, pg_temp as $$
  select oid from pg_roles where rolname = coalesce(nullif(current_setting('role'), 'none'), session_user)
$$;

-- Null for what was written before there was this column: whoever may read the table sees it.
alter table posthorn.outbox add column written_by oid;
alter table posthorn.outbox alter column written_by set default posthorn.acting_role();

-- What was written and has not become a message yet, without its content: one's own, and that of the roles one is a
-- member of; all for those who may read the table itself. As a barrier, for no condition of a query may see the rest.
create or replace view posthorn.unsent with (security_barrier) as
select o.message_id, e.name as environment, o.application, o.event_type, o.created_at, o.problem, o.retry_at
from posthorn.outbox o join posthorn.environment e on e.id = o.environment_id
where not exists (select from posthorn.application a where a.id = o.application and a.operational)
  and (has_table_privilege('posthorn.outbox', 'select')
    or exists (select from pg_roles r where r.oid = o.written_by and pg_has_role(r.oid, 'usage')));

-- An entry of the audit log is written before the change that it is about, without a status, and completed with the
-- answer: what a process that died had begun is there, too. Nothing else of it ever changes.
alter table posthorn.audit_log alter column status drop not null;

create or replace function posthorn.refuse_audit_change() returns trigger
language plpgsql set search_path = pg_catalog, pg_temp as $$
begin
  if old.status is null and new.status is not null
    and (new.environment_id, new.id, new.created_at, new.token_id, new.token_name, new.method, new.route,
      new.request_id, new.address)
      is not distinct from (old.environment_id, old.id, old.created_at, old.token_id, old.token_name, old.method,
        old.route, old.request_id, old.address)
    and new.objects @> old.objects
    and (old.application_id is null or new.application_id is not distinct from old.application_id)
  then
    return new;
  end if;
  raise exception 'entries of posthorn.audit_log are never changed';
end $$;
drop trigger audit_log_is_append_only on posthorn.audit_log;
create trigger audit_log_is_append_only before update on posthorn.audit_log
  for each row execute function posthorn.refuse_audit_change();
