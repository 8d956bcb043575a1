-- Endpoints that get their messages in the order in which these were accepted, one at a time.

-- What becomes of those behind a delivery that failed; null: no order.
alter table posthorn.endpoint
  add column ordering text constraint endpoint_ordering check (ordering in ('block', 'skip'));

-- A row for each endpoint that has an order, or still has deliveries with a place in it. Whoever accepts for such an
-- endpoint locks its row until the commit: places grow in the order of the commits, over all processes.
create table posthorn.endpoint_order (
  endpoint_id text collate "C" primary key,
  application_id text collate "C" not null,
  -- The last place that was given.
  last_at timestamptz not null
);

-- A delivery's place in its endpoint's order, and then the same as created_at; null: it has none.
alter table posthorn.delivery add column order_at timestamptz;

-- Waiting deliveries are in one of these two: those without a place by their time, those with one by their place.
drop index posthorn.delivery_due;
create index delivery_due on posthorn.delivery (endpoint_id, next_attempt_at)
  where state in ('pending', 'retrying') and order_at is null;
create index delivery_ordered on posthorn.delivery (endpoint_id, order_at, message_id)
  where state in ('pending', 'retrying') and order_at is not null;

-- Also tells whether an endpoint has a delivery under way.
drop index posthorn.delivery_leased;
create index delivery_leased on posthorn.delivery (lease_owner, endpoint_id) where state = 'delivering';
