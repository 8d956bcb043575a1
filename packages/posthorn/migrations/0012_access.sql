-- What a token may do, tokens that are bound to one application, and the log of who changed what.

-- A token of an environment has scopes; one of an application has capabilities, flags and a time at which it ends.
alter table posthorn.token
  add column scopes text[] not null default '{manage}',
  add column application_id text collate "C" references posthorn.application (id),
  add column capabilities text[],
  add column feature_flags text[],
  add column session_id text,
  add constraint token_scopes check (scopes <@ '{read,publish,manage}'),
  add constraint token_kind check (
    case when application_id is null
      then cardinality(scopes) > 0 and capabilities is null and feature_flags is null
      else cardinality(scopes) = 0 and capabilities is not null and feature_flags is not null
        and expires_at is not null
    end
  );

-- Portals make tokens by the thousand: the list of an environment's own does not walk through them.
drop index posthorn.token_by_environment;
create index token_by_environment on posthorn.token (environment_id, id) where application_id is null;
create index token_by_application on posthorn.token (application_id, id) where application_id is not null;
create index token_of_application_age on posthorn.token (expires_at) where application_id is not null;

-- One row for each change that was asked for over the API, and what became of it. Names and ids, never a body.
-- Who did it stays readable after the token is gone, therefore no foreign key.
create table posthorn.audit_log (
  environment_id text collate "C" not null references posthorn.environment (id),
  id text collate "C" not null,
  created_at timestamptz not null default now(),
  token_id text collate "C" not null,
  token_name text not null,
  application_id text collate "C",
  method text not null,
  route text not null,
  -- What the path named, and the id of what was answered: {"app": "acme", "id": "ep_…"}.
  objects jsonb not null,
  status smallint not null,
  request_id text not null,
  address text not null,
  primary key (environment_id, id)
);
create index audit_log_by_application on posthorn.audit_log (environment_id, application_id, id);
create index audit_log_by_token on posthorn.audit_log (environment_id, token_id, id);

create function posthorn.refuse_audit_change() returns trigger language plpgsql as $$
begin
  raise exception 'entries of posthorn.audit_log are never changed';
end $$;
create trigger audit_log_is_append_only before update on posthorn.audit_log
  for each statement execute function posthorn.refuse_audit_change();

alter table posthorn.environment
  add column audit_retention_days integer not null default 365
    constraint environment_audit_retention_days check (audit_retention_days between 1 and 3650);
