// What only some batches need of the statement that accepts (accept-messages.ts): whoever needs none of it pays for none of
// it.

export interface StatementParts {
  places: string;
  createdAt: string;
  orderAt: string;
  placed: string;
  wishes?: WishParts;
  keys?: KeyParts;
}

/** What only a message with wishes of its own needs: the statement for all others is not burdened with it. */
export interface WishParts {
  arrays: string;
  names: string;
  columns: string;
  values: string;
  returned: string;
  effects: string;
  firstAt: string;
}

/** What only deliveries need that have their place in the order of a key. */
interface KeyParts {
  column: string;
  value: string;
  effects: string;
}

export const withoutKeys: KeyParts = { column: '', value: '', effects: '' };

const firstAt = "now() + $14::bigint * interval '1 ms'";
export const withoutWishes: WishParts = {
  arrays: '',
  names: '',
  columns: '',
  values: '',
  returned: '',
  effects: '',
  firstAt,
};

/** What only deliveries that a filter has cancelled need. */
export interface FilterParts {
  columns: string;
  cancelled: string;
  isOpen: string;
  values: string;
  input: string;
  arrays: string;
}

export const withoutFilter: FilterParts = {
  columns: '',
  cancelled: '',
  isOpen: '',
  values: '',
  input: '',
  arrays: '',
};

/** `first` is the number of the first of its two parameters. */
export const withFilter = (first: number): FilterParts => ({
  columns: ', cancel_reason, cancel_detail',
  cancelled: " when not d.open then 'cancelled'",
  isOpen: ' and d.open',
  values: ', d.cancel_reason, d.cancel_detail',
  input: ', cancel_reason, cancel_detail, cancel_reason is null as open',
  arrays: `, $${first}::text[], $${first + 1}::text[]`,
});

export const withoutOrder: StatementParts = { places: '', createdAt: 'now()', orderAt: 'null', placed: '' };

/** The same of giving the places. */
interface PlaceKeyParts {
  array: string;
  column: string;
  ordered: string;
  /** Whether all places that are given of an endpoint are those of keys. */
  all: string;
  placed: string;
}

const withoutPlaceKeys: PlaceKeyParts = { array: '', column: '', ordered: '', all: 'false', placed: '' };
// Without a key a message is the only one in its order.
const withPlaceKeys: PlaceKeyParts = {
  array: ', $24::boolean[]',
  column: ', by_key',
  ordered: ', w.by_key, case when w.by_key then coalesce(s.order_key, s.id) end as order_key',
  all: 'bool_and(by_key)',
  placed: ', o.order_key',
};

// The endpoint's row stays locked until the commit, so places grow in the order of the commits: whoever sees one sees
// all before it. A place is a time, so that it can be compared with deliveries from before the endpoint had an order.
// by_key: whoever still places by what the endpoint's order was before has the places taken away (claim-in-order.ts).
const orderParts = (
  placeOf: (place: string) => string,
  more: string,
  keys: PlaceKeyParts = withoutPlaceKeys,
) => ({
  places: `ordered as materialized (
  select w.endpoint_id, w.message_id, s.application_id${more}${keys.ordered},
    row_number() over (partition by w.endpoint_id order by w.place) as place,
    count(*) over (partition by w.endpoint_id) as places
  from unnest($11::text[], $12::text[], $16::boolean[]${keys.array}) with ordinality as w (message_id, endpoint_id, ordered${keys.column}, place)
  join stored s on s.id = w.message_id
  where w.ordered
), last as (
  insert into posthorn.endpoint_order (endpoint_id, application_id, last_at, by_key)
  select endpoint_id, min(application_id), clock_timestamp() + count(*) * interval '1 us', ${keys.all}
  from ordered group by endpoint_id order by endpoint_id
  on conflict (endpoint_id) do update set by_key = endpoint_order.by_key and excluded.by_key,
    last_at = greatest(endpoint_order.last_at, clock_timestamp())
    + (select count(*) from ordered where ordered.endpoint_id = excluded.endpoint_id) * interval '1 us'
  returning endpoint_id, last_at
), placed as materialized (
  select o.endpoint_id, o.message_id${keys.placed}, ${placeOf("l.last_at - (o.places - o.place) * interval '1 us'")} as order_at
  from ordered o join last l on l.endpoint_id = o.endpoint_id
), `,
  createdAt: 'coalesce(p.order_at, now())',
  orderAt: 'p.order_at',
  placed: 'left join placed p on p.message_id = d.message_id and p.endpoint_id = d.endpoint_id',
});
export const withOrder: StatementParts = orderParts((place) => place, '');

// A later delivery waits in the database like any other that is not due. Its place in an order is the time at which it
// is to begin: whatever is accepted until then goes before it. The same holds for its place in the feed, which is
// locked until the commit for the same reason as the places of an order.
const wishingParts = (placeKeys: PlaceKeyParts): StatementParts => ({
  ...orderParts((place) => `greatest(o.deliver_at, ${place})`, ', s.deliver_at', placeKeys),
  createdAt: 'coalesce(greatest(s.deliver_at, p.order_at), now())',
  wishes: {
    arrays:
      ', $17::text[], $18::bigint[], $19::bigint[], $20::boolean[], $21::text[], $22::text[], $23::bigint[]',
    names: ', content_type, deliver_at_ms, content_hours, fed, request_id, order_key, event_at_ms',
    columns: ', content_type, deliver_at, request_id, order_key, event_at',
    values: `,
    coalesce(content_type, 'application/json'), timestamptz 'epoch' + deliver_at_ms * interval '1 ms', request_id, order_key,
    timestamptz 'epoch' + event_at_ms * interval '1 ms'`,
    returned: ', deliver_at, order_key',
    effects: `expiring as (
  insert into posthorn.message_expiry (application_id, message_id, expires_at)
  select i.application_id, i.id, now() + i.content_hours * interval '1 hour'
  from input i join stored s on s.id = i.id where i.content_hours is not null
), feeding as materialized (
  select s.application_id, s.id, s.deliver_at,
    row_number() over (partition by s.application_id order by s.id) as place,
    count(*) over (partition by s.application_id) as places
  from input i join stored s on s.id = i.id where i.fed
), feed as (
  insert into posthorn.application_feed (application_id, last_place)
  select application_id, (extract(epoch from clock_timestamp()) * 1000000)::bigint + count(*)
  from feeding group by application_id order by application_id
  on conflict (application_id) do update
    set last_place = greatest(application_feed.last_place, (extract(epoch from clock_timestamp()) * 1000000)::bigint)
      + (select count(*) from feeding where feeding.application_id = excluded.application_id)
  returning application_id, last_place
), fed as (
  insert into posthorn.message_feed (application_id, place, message_id)
  select f.application_id,
    greatest((extract(epoch from f.deliver_at) * 1000000)::bigint, l.last_place - f.places + f.place), f.id
  from feeding f join feed l on l.application_id = f.application_id
), `,
    firstAt: `greatest(s.deliver_at, ${firstAt})`,
  },
});

export const withWishes: StatementParts = wishingParts(withoutPlaceKeys);

// Some of the deliveries are for endpoints with an order by key. A key that something waits for has its turn
// (claim-by-key.ts); endpoint_due is locked before endpoint_key.
export const withKeys: StatementParts = {
  ...wishingParts(withPlaceKeys),
  keys: {
    column: ', order_key',
    value: ', p.order_key',
    effects: `
  returning endpoint_id
), turns as (
  insert into posthorn.endpoint_key as known (endpoint_id, order_key, application_id, due_at)
  select endpoint_id, order_key, min(application_id), min(next_attempt_at) from planned
  where order_key is not null and (select count(*) from due) > 0
  group by endpoint_id, order_key order by endpoint_id, order_key
  on conflict (endpoint_id, order_key) do update set due_at = least(known.due_at, excluded.due_at)`,
  },
};
