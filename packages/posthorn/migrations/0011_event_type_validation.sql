-- Event types whose messages must fit their schema, and environments that know all of theirs.

alter table posthorn.event_type
  add column validation text not null default 'none'
    constraint event_type_validation check (validation in ('none', 'reject'));
create index event_type_validated on posthorn.event_type (environment_id, name) where validation <> 'none';

-- event_types_version counts the changes to an environment's event types, so that who keeps them in memory can tell
-- with one small read whether they are still the same.
alter table posthorn.environment
  add column unknown_event_types text not null default 'accept'
    constraint environment_unknown_event_types check (unknown_event_types in ('accept', 'reject')),
  add column event_types_version bigint not null default 1;
