-- Rate limits that hold over all processes, and endpoints that are delivered to in order.

-- When the next start under a limit is free. Unlogged: after a crash a limit begins anew, and nothing else is lost.
create unlogged table posthorn.rate_limit (
  -- An endpoint's or an application's id.
  id text collate "C" primary key,
  next_at timestamptz not null
);
