// The tables of what is compared with a provider, as Kysely sees them; migrations/ is the source.
import type { Generated } from 'kysely';
import type { NullableTimestamp, Timestamp } from './column-types.ts';

export type ReconcileState = 'waiting' | 'ok' | 'limited' | 'refused' | 'failed';
export type MissingState = 'found' | 'asked' | 'stored' | 'arrived' | 'failed';
/** What is done about what is missing: it is read from the provider, or the provider sends it again. */
type MissingRemedy = 'fetch' | 'redeliver';

export interface ReconcileTable {
  source_id: string;
  kind: 'github';
  hook_url: string;
  token_sealed: Buffer;
  app_id: string | null;
  every_minutes: number;
  missing: MissingRemedy;
  judged_until: Timestamp;
  walk_from: NullableTimestamp;
  walk_cursor: string | null;
  next_at: Timestamp;
  claimed_until: NullableTimestamp;
  // Counts are bigint, which the driver gives as text.
  claim_seq: Generated<string>;
  state: Generated<ReconcileState>;
  problem: string | null;
  ran_at: NullableTimestamp;
  judged_count: Generated<string>;
  missing_count: Generated<string>;
  created_at: Timestamp;
  updated_at: Timestamp;
}

export interface ReconcileMissingTable {
  source_id: string;
  event_id: string;
  delivery_id: string;
  event_type: string;
  delivered_at: Timestamp;
  status: number;
  state: Generated<MissingState>;
  tries: Generated<number>;
  try_at: Timestamp;
  detail: string | null;
  found_at: Timestamp;
  updated_at: Timestamp;
}
