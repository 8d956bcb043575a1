// The table of issues as Kysely sees it; migrations/ is the source.
import type { ColumnType, Generated } from 'kysely';
import type { NullableTimestamp, Timestamp } from './column-types.ts';

export type IssueState = 'open' | 'resolved' | 'ignored';
/** What an attempt came to, or that a source refused a request. */
export type IssueOutcome = 'rejected' | 'unreachable' | 'refused';
type ResolvedBy = 'success' | 'request' | 'deletion';

// Counts are bigint, which the driver gives as text.
type Count = ColumnType<string, number, number>;

export interface IssueTable {
  id: string;
  environment_id: string;
  application_id: string;
  endpoint_id: string | null;
  outcome: IssueOutcome;
  reason: string;
  state: Generated<IssueState>;
  status: number | null;
  detail: string | null;
  message_id: string | null;
  attempt_id: string | null;
  request_id: string | null;
  first_message_id: string | null;
  count: Count;
  exhausted_count: Count;
  first_seen_at: Timestamp;
  last_seen_at: Timestamp;
  opened_count: Generated<number>;
  opened_at: Timestamp;
  resolved_at: NullableTimestamp;
  resolved_by: ResolvedBy | null;
  updated_at: Timestamp;
}
