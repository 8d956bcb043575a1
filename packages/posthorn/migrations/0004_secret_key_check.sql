-- One row: a known text, sealed by whoever starts first. A process with another secret key cannot open it.
create table posthorn.secret_key_check (
  only_row boolean primary key default true check (only_row),
  sealed bytea not null
);
