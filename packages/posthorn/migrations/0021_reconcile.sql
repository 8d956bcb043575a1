-- Reconciling: what a provider says it delivered is compared with what came in, for providers that do not try again.

-- One row for a source that asks for it. It is worked on by whoever moves claimed_until; dying frees it in time.
create table posthorn.reconcile (
  source_id text collate "C" primary key references posthorn.source (id),
  kind text not null check (kind in ('github')),
  -- The hook in the provider's API, without /deliveries.
  hook_url text not null,
  -- A token, or the private key of the app whose id is app_id: sealed.
  token_sealed bytea not null,
  app_id text,
  every_minutes integer not null check (every_minutes between 1 and 1440),
  -- What is done about what is missing.
  missing text not null check (missing in ('fetch', 'redeliver')),
  -- Everything that was delivered before has been judged.
  judged_until timestamptz not null,
  -- A walk through the deliveries, the newest first, that has not come to judged_until yet: from where it began, and
  -- the provider's cursor of its next page.
  walk_from timestamptz,
  walk_cursor text,
  next_at timestamptz not null default now(),
  claimed_until timestamptz,
  claim_seq bigint not null default 0,
  state text not null default 'waiting' check (state in ('waiting', 'ok', 'limited', 'refused', 'failed')),
  problem text,
  ran_at timestamptz,
  judged_count bigint not null default 0,
  missing_count bigint not null default 0,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now()
);
create index reconcile_due on posthorn.reconcile (next_at);

-- A delivery that the provider tried and that never came in.
--
--   found --fetched--> stored
--   found --asked to send it again--> asked --it came in--> arrived
--   found, asked --it came in by itself--> arrived
--   found, asked --gone at the provider, or asked in vain--> failed
create table posthorn.reconcile_missing (
  source_id text collate "C" not null references posthorn.source (id),
  -- The provider's id of the event, the same for every try.
  event_id text collate "C" not null,
  -- Its id of the try: what is fetched, or sent again.
  delivery_id text not null,
  event_type text not null,
  delivered_at timestamptz not null,
  -- What the provider was answered; 0: nothing.
  status integer not null,
  state text not null default 'found' check (state in ('found', 'asked', 'stored', 'arrived', 'failed')),
  tries integer not null default 0,
  try_at timestamptz not null default now(),
  detail text,
  found_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  primary key (source_id, event_id)
);
create index reconcile_missing_open on posthorn.reconcile_missing (source_id, try_at) where state in ('found', 'asked');
create index reconcile_missing_age on posthorn.reconcile_missing (found_at);
