-- How one endpoint wants to be delivered to. Null everywhere: as the server does for all.
alter table posthorn.endpoint
  -- Seconds before each retry; empty for none. The first attempt is the server's.
  add column retry_delays_seconds integer[],
  add column timeout_seconds smallint,
  -- Names of the endpoint's own for the signature's headers: {"id", "timestamp", "signature"}.
  add column signature_headers jsonb,
  -- What an attempt authenticates with: sealed JSON, see store/secret-box.ts, and what of it is shown, in the clear.
  add column auth_sealed bytea,
  add column auth_shown jsonb;

alter table posthorn.endpoint drop constraint endpoint_signature_style_check;
alter table posthorn.endpoint add constraint endpoint_signature_style_check
  check (signature_style in ('standard', 'svix', 'both', 'custom'));
