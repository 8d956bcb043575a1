// The tables of sources and of the requests that came in at them, as Kysely sees them; migrations/ is the source.
import type { Generated, JSONColumnType } from 'kysely';
import type { NullableTimestamp, Timestamp } from './column-types.ts';

export type RequestVerdict = 'accepted' | 'unverified' | 'rejected' | 'altered' | 'parked';

/** What becomes of events that do not fit the schema of their event type. */
export type SourceValidation = 'none' | 'reject' | 'park';

/** By what a request is known to have come before: the provider's id of it, its body, or nothing. */
export type DeduplicateBy = 'id' | 'body' | 'nothing';

/** What is answered to what was taken in. */
export interface SourceAnswer {
  status: number;
  contentType: string | null;
  body: string;
}

export interface SourceTable {
  id: string;
  environment_id: string;
  uid: string | null;
  name: string;
  /** What the API calls it. */
  type: string;
  /** A row of @posthorn/webhooks. */
  provider: string;
  metadata: JSONColumnType<Record<string, string>>;
  settings_sealed: Buffer | null;
  tolerance_seconds: number | null;
  observe: boolean;
  allowed_methods: string[];
  body_max_bytes: number;
  rate_limit: number | null;
  deduplicate_by: DeduplicateBy;
  validation: Generated<SourceValidation>;
  sync_timeout_ms: number | null;
  answer: JSONColumnType<SourceAnswer> | null;
  version: Generated<string>;
  created_at: Timestamp;
  updated_at: Timestamp;
  deleted_at: NullableTimestamp;
}

export interface SourceSecretTable {
  id: string;
  source_id: string;
  secret_sealed: Buffer;
  learned: Generated<boolean>;
  created_at: Timestamp;
  expires_at: NullableTimestamp;
}

export interface SourcePathTable {
  hash: Buffer;
  source_id: string;
  token_sealed: Buffer;
  created_at: Timestamp;
  expires_at: NullableTimestamp;
}

export interface RequestTable {
  application_id: string;
  id: string;
  received_at: Timestamp;
  verdict: RequestVerdict;
  reason: string | null;
  detail: string | null;
  cause: string | null;
  advice: string | null;
  method: string;
  query: string;
  headers: JSONColumnType<Record<string, string[]>>;
  hidden_sealed: Buffer | null;
  address: string | null;
  body: Buffer | null;
  body_bytes: number;
  delivery_id: string | null;
  secret_id: string | null;
  message_ids: string[];
  duplicates: Generated<number>;
  duplicate_at: NullableTimestamp;
  replayed_at: NullableTimestamp;
}
