-- What a source asks of events that do not fit their schema, and what is most likely wrong with what it refused.

alter table posthorn.source
  add column validation text not null default 'none'
    constraint source_validation check (validation in ('none', 'reject', 'park'));

-- One verdict more: `parked`, verified, but nothing in it fits its schema; replayed once that is mended, it becomes accepted.
-- An accepted request with the reason `schema` is a batch some of whose events wait in the same way. With the reason
-- `unverified`, what was parked or altered could not be verified either, by a source that only observes.
alter table posthorn.request drop constraint request_verdict_check;
alter table posthorn.request add constraint request_verdict_check
  check (verdict in ('accepted', 'unverified', 'rejected', 'altered', 'parked'));

-- The diagnosis of what could not be verified: a stable word, and a sentence for the operator.
alter table posthorn.request add column cause text, add column advice text;

-- Few among many: read by those who mend a schema.
create index request_parked on posthorn.request (application_id, id) where verdict = 'parked' or reason = 'schema';
