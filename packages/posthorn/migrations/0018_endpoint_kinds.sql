-- Endpoints of other kinds than `http`: what an attempt does instead of a signed request (delivery/connectors/). `url` is
-- then a line that says where deliveries go, without a secret.
-- config_sealed: JSON, see store/secret-box.ts. config_shown: the same without its secrets.
alter table posthorn.endpoint
  add column kind text not null default 'http',
  add column config_sealed bytea,
  add column config_shown jsonb,
  add constraint endpoint_config check ((kind = 'http') = (config_sealed is null)
    and (config_sealed is null) = (config_shown is null));
