-- How long a request of the source waits for what an endpoint answers, to be answered the same; null: not at all.
alter table posthorn.source add column sync_timeout_ms integer
  constraint source_sync_timeout check (sync_timeout_ms between 100 and 30000);
