-- Background tasks about a whole environment, and what they find out about each of its applications.

alter table posthorn.background_task alter column application_id drop not null;
alter table posthorn.background_task add check (application_id is not null or endpoint_id is null);

create table posthorn.background_task_result (
  task_id text collate "C" not null references posthorn.background_task (id) on delete cascade,
  application_id text collate "C" not null references posthorn.application (id),
  value jsonb not null,
  primary key (task_id, application_id)
);
