// The tables of pollers and of what they read, as Kysely sees them; migrations/ is the source.
import type { Generated, JSONColumnType } from 'kysely';
import type { NullableTimestamp, Timestamp } from './column-types.ts';

export interface PollerTable {
  id: string;
  application_id: string;
  uid: string | null;
  description: Generated<string>;
  event_types: string[] | null;
  channels: string[] | null;
  metadata: JSONColumnType<Record<string, string>>;
  token_hash: Buffer | null;
  created_at: Timestamp;
  updated_at: Timestamp;
  deleted_at: NullableTimestamp;
}

export interface PollerConsumerTable {
  poller_id: string;
  consumer: string;
  /** Microseconds since 1970, as text. */
  place: string;
  message_id: string;
  updated_at: Timestamp;
  // Of one that confirms by offset. Counts are bigint, which the driver gives as text.
  confirmed_count: Generated<string>;
  handed_places: Generated<string[]>;
  handed_ids: Generated<string[]>;
  read_place: string | null;
  read_id: string | null;
  leased_until: NullableTimestamp;
  version: Generated<string>;
}

export interface MessageFeedTable {
  application_id: string;
  /** Microseconds since 1970, as text. */
  place: string;
  message_id: string;
}
