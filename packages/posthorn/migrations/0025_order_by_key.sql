-- Order by a key: endpoints that get the messages with one key in the order in which these were accepted, one at a time,
-- and those with other keys beside them.

-- What the message is about, and when it happened: as its provider, or its sender, says.
alter table posthorn.message
  add column order_key text collate "C",
  add column event_at timestamptz;

-- only_newer: what happened before what was delivered last for its key is cancelled.
alter table posthorn.endpoint
  add column order_by_key boolean not null default false,
  add column only_newer boolean not null default false,
  add constraint endpoint_order_by_key check (ordering is not null or not order_by_key),
  add constraint endpoint_only_newer check (order_by_key or not only_newer);

-- Of which kind the places are that were given: all have a key, or none has to have one. While that is not what the
-- endpoint says, claim-in-order.ts takes them away.
alter table posthorn.endpoint_order add column by_key boolean not null default false;

-- The key in whose order the delivery has its place (order_at); null: it has none, or it is the endpoint's.
alter table posthorn.delivery add column order_key text collate "C";
create index delivery_by_key on posthorn.delivery (endpoint_id, order_key, order_at, message_id)
  where state in ('pending', 'retrying') and order_at is not null and order_key is not null;

-- The keys of an endpoint whose turn is to be looked at, and what is known of them. Whoever touches a row here has touched
-- the endpoint's row in endpoint_due before, in the same transaction: that one is the lock.
create table posthorn.endpoint_key (
  endpoint_id text collate "C" not null,
  order_key text collate "C" not null,
  application_id text collate "C" not null,
  -- When its front is due; null: nothing waits, or one of them is leased.
  due_at timestamptz,
  -- When the newest of what was delivered happened, for endpoints with only_newer.
  newest_at timestamptz,
  updated_at timestamptz not null default now(),
  primary key (endpoint_id, order_key)
);
create index endpoint_key_due on posthorn.endpoint_key (endpoint_id, due_at) where due_at is not null;
create index endpoint_key_age on posthorn.endpoint_key (updated_at) where newest_at is not null;
