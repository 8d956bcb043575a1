-- Filters decide at accept which messages an endpoint gets; transformations change what it is sent.

-- A CEL expression (core/filter.ts); null: every message that matches otherwise.
alter table posthorn.endpoint add column filter text;

-- Why a delivery is 'cancelled', as a word and as a sentence. Of any other state they mean nothing.
alter table posthorn.delivery add column cancel_reason text, add column cancel_detail text;

-- Code that runs before each attempt. A table of its own: it can be 50 KiB, and lists of endpoints do not want it.
create table posthorn.endpoint_transformation (
  endpoint_id text collate "C" primary key references posthorn.endpoint (id),
  code text,
  language text not null default 'javascript' check (language in ('javascript', 'jsonata')),
  enabled boolean not null default false,
  variables jsonb,
  updated_at timestamptz not null default now()
);

-- A part of the endpoint's configuration, like its secrets: the function looks for endpoint_id alone.
create trigger endpoint_transformation_inserted after insert on posthorn.endpoint_transformation
  referencing new table as changed for each statement execute function posthorn.bump_config_version_of_secret();
create trigger endpoint_transformation_updated after update on posthorn.endpoint_transformation
  referencing new table as changed for each statement execute function posthorn.bump_config_version_of_secret();
