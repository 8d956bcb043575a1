// The tables of schema `posthorn` as Kysely sees them; migrations/ is the source, this file follows it.
import type { Generated, JSONColumnType } from 'kysely';
import type { Capability, Scope, subscribing } from '../core/access.ts';
import type { ShownAuth } from '../core/endpoint-auth.ts';
import type { SignatureHeaders } from '../core/headers.ts';
import type { Ordering } from '../core/ordering.ts';
import type { TransformationLanguage } from '../core/transformation.ts';
import type { CancelReason } from '../core/cancellation.ts';
import type { NullableTimestamp, Timestamp } from './column-types.ts';
import type { IssueOutcome, IssueTable } from './issue-tables.ts';
import type { MessageFeedTable, PollerConsumerTable, PollerTable } from './poller-tables.ts';
import type { ReconcileMissingTable, ReconcileTable } from './reconcile-tables.ts';
import type { RequestTable, SourcePathTable, SourceSecretTable, SourceTable } from './source-tables.ts';

export type DeliveryState = 'pending' | 'delivering' | 'retrying' | 'succeeded' | 'exhausted' | 'cancelled';
export type Trigger = 'scheduled' | 'manual';
export type SignatureStyle = 'standard' | 'svix' | 'both' | 'custom';
export type DisabledReason = 'requested' | 'gone' | 'failing';
/** 'reject': a message whose payload does not fit the event type's schema is not accepted. */
export type Validation = 'none' | 'reject';
/** What becomes of a message whose event type is not in the environment, or archived. */
export type UnknownEventTypes = 'accept' | 'reject';

export interface EnvironmentTable {
  id: string;
  name: string;
  created_at: Timestamp;
  message_retention_days: Generated<number>;
  attempt_retention_days: Generated<number>;
  unknown_event_types: Generated<UnknownEventTypes>;
  event_types_version: Generated<string>;
  audit_retention_days: Generated<number>;
}

export interface TokenTable {
  id: string;
  environment_id: string;
  name: string;
  hash: Buffer;
  created_at: Timestamp;
  expires_at: NullableTimestamp;
  revoked_at: NullableTimestamp;
  /** Empty for a token of an application. */
  scopes: Generated<Scope[]>;
  /** With capabilities and feature_flags, and either expires_at or holder_id: a token of this application. */
  application_id: string | null;
  capabilities: (Capability | typeof subscribing)[] | null;
  feature_flags: string[] | null;
  session_id: string | null;
  /** The integration or the subscription whose token it is. */
  holder_id: string | null;
}

export interface AuditLogTable {
  environment_id: string;
  id: string;
  created_at: Timestamp;
  token_id: string;
  token_name: string;
  application_id: string | null;
  method: string;
  route: string;
  objects: JSONColumnType<Record<string, string>>;
  /** Null until it is answered. */
  status: number | null;
  request_id: string;
  address: string;
}

export interface ApplicationTable {
  id: string;
  environment_id: string;
  uid: string | null;
  name: string;
  metadata: JSONColumnType<Record<string, string>>;
  throttle_rate: number | null;
  config_version: Generated<string>;
  /** Owns the operational webhook endpoints of its environment, and is shown nowhere. */
  operational: Generated<boolean>;
  /** Belongs to the source with the same id. */
  source: Generated<boolean>;
  created_at: Timestamp;
  updated_at: Timestamp;
  deleted_at: NullableTimestamp;
}

export interface EndpointTable {
  id: string;
  application_id: string;
  uid: string | null;
  /** Of another kind than `http`: where deliveries go, in words. */
  url: string;
  kind: Generated<string>;
  config_sealed: Buffer | null;
  config_shown: JSONColumnType<object> | null;
  description: Generated<string>;
  event_types: string[] | null;
  channels: string[] | null;
  metadata: JSONColumnType<Record<string, string>>;
  throttle_rate: number | null;
  signature_style: Generated<SignatureStyle>;
  ordering: Ordering | null;
  /** The order is of each key, and not of the endpoint. */
  order_by_key: Generated<boolean>;
  only_newer: Generated<boolean>;
  filter: string | null;
  headers_sealed: Buffer | null;
  retry_delays_seconds: number[] | null;
  timeout_seconds: number | null;
  signature_headers: JSONColumnType<SignatureHeaders> | null;
  auth_sealed: Buffer | null;
  auth_shown: JSONColumnType<ShownAuth> | null;
  disabled: Generated<boolean>;
  disabled_reason: DisabledReason | null;
  disabled_at: NullableTimestamp;
  created_at: Timestamp;
  updated_at: Timestamp;
  deleted_at: NullableTimestamp;
}

export interface EndpointSecretTable {
  id: string;
  endpoint_id: string;
  secret_sealed: Buffer;
  created_at: Timestamp;
  expires_at: NullableTimestamp;
}

export interface EndpointTransformationTable {
  endpoint_id: string;
  code: string | null;
  language: Generated<TransformationLanguage>;
  enabled: Generated<boolean>;
  variables: JSONColumnType<Record<string, string>> | null;
  updated_at: Timestamp;
}

export interface IntegrationTable {
  id: string;
  application_id: string;
  name: string;
  feature_flags: string[];
  key_sealed: Buffer;
  capabilities: Generated<Capability[]>;
  created_at: Timestamp;
  updated_at: Timestamp;
}

export interface AutoconfigTable {
  id: string;
  application_id: string;
  /** One of the two is there once somebody has subscribed. */
  endpoint_id: string;
  poller_id: string;
  secret_sealed: Buffer;
  created_at: Timestamp;
  updated_at: Timestamp;
}

export interface ConnectorTable {
  id: string;
  environment_id: string;
  uid: string | null;
  kind: string;
  name: string;
  logo: string | null;
  description: string;
  instructions: string;
  allowed_event_types: string[] | null;
  transformation: string;
  feature_flags: string[] | null;
  product: 'Dispatch' | 'Stream';
  created_at: Timestamp;
  updated_at: Timestamp;
  transformation_updated_at: Timestamp;
}

export interface EventTypeTable {
  environment_id: string;
  name: string;
  description: string;
  schemas: JSONColumnType<Record<string, unknown>> | null;
  feature_flags: string[] | null;
  group_name: string | null;
  archived: Generated<boolean>;
  deprecated: Generated<boolean>;
  validation: Generated<Validation>;
  created_at: Timestamp;
  updated_at: Timestamp;
}

export interface MessageTable {
  application_id: string;
  id: string;
  event_type: string;
  event_id: string | null;
  channels: string[] | null;
  tags: string[] | null;
  content_type: Generated<string>;
  deliver_at: NullableTimestamp;
  /** The provider's request that it came in. */
  request_id: string | null;
  order_key: string | null;
  event_at: NullableTimestamp;
  created_at: Timestamp;
}

/** No row: the content was expunged or has expired. */
export interface MessageBodyTable {
  application_id: string;
  message_id: string;
  payload: Buffer;
}

export interface MessageEventIdTable {
  application_id: string;
  event_id: string;
  message_id: string;
  created_at: Timestamp;
}

export interface DeliveryTable {
  application_id: string;
  message_id: string;
  endpoint_id: string;
  state: DeliveryState;
  attempts: Generated<number>;
  trigger: Generated<Trigger>;
  next_attempt_at: NullableTimestamp;
  resume_at: NullableTimestamp;
  lease_owner: number | null;
  lease_seq: Generated<number>;
  order_at: NullableTimestamp;
  order_key: string | null;
  cancel_reason: CancelReason | null;
  cancel_detail: string | null;
  created_at: Timestamp;
  updated_at: Timestamp;
}

export interface AttemptTable {
  application_id: string;
  id: string;
  message_id: string;
  endpoint_id: string;
  trigger: Trigger;
  url: string;
  outcome: 'accepted' | 'rejected' | 'unreachable';
  reason: string | null;
  detail: string | null;
  response_status: number | null;
  response_headers: JSONColumnType<Record<string, string>> | null;
  response_body: Buffer | null;
  response_truncated: Generated<boolean>;
  duration_ms: number;
  started_at: Timestamp;
}

export type TaskKind =
  | 'endpoint.recover'
  | 'endpoint.replay'
  | 'endpoint.bulk-replay'
  | 'issue.replay'
  | 'application.purge_content'
  | 'application.stats'
  | 'event-type.aggregate';
export type TaskStatus = 'running' | 'finished' | 'failed' | 'cancelled';

/** Which of the messages in its range a task is about; all conditions hold. */
export interface TaskFilter {
  eventTypes?: readonly string[] | undefined;
  channel?: string | undefined;
  tag?: string | undefined;
  /** Of the message's delivery to the endpoint. */
  states?: readonly DeliveryState[] | undefined;
  /** Of the last attempt there: an inclusive range, or 'none' where there was no response. */
  responseStatus?: { from: number; to: number } | 'none' | undefined;
  /** The cause of an issue: of the last attempt there or, where there is no endpoint, of the refusal of a request. */
  cause?: { outcome: IssueOutcome; reason: string } | undefined;
  /** Of a task about the environment: these applications alone. */
  applicationIds?: readonly string[] | undefined;
}

/** What a task about an environment found out about one application. */
export type TaskResult =
  | { destinations: number; attempts: number }
  | { eventTypes: string[]; hasCatchAllEndpoint: boolean };

export interface TaskError {
  code: string;
  detail: string;
}

export interface BackgroundTaskTable {
  id: string;
  environment_id: string;
  /** Null for a task about the environment as a whole. */
  application_id: string | null;
  endpoint_id: string | null;
  task: TaskKind;
  status: Generated<TaskStatus>;
  since_at: NullableTimestamp;
  until_at: Timestamp;
  filter: JSONColumnType<TaskFilter>;
  cursor: string | null;
  // Counts are bigint, which the driver gives as text.
  looked_at_count: Generated<string>;
  done_count: Generated<string>;
  skipped_count: Generated<string>;
  failures: Generated<number>;
  next_at: Timestamp;
  error: JSONColumnType<TaskError> | null;
  created_at: Timestamp;
  updated_at: Timestamp;
  finished_at: NullableTimestamp;
}

export interface BackgroundTaskResultTable {
  task_id: string;
  application_id: string;
  value: JSONColumnType<TaskResult>;
}

export interface ProcessTable {
  id: Generated<number>;
  host: string | null;
  pid: number;
  version: string;
  started_at: Timestamp;
  heartbeat_at: Timestamp;
}

export interface SecretKeyCheckTable {
  only_row: Generated<boolean>;
  sealed: Buffer;
}

export interface Tables {
  environment: EnvironmentTable;
  token: TokenTable;
  audit_log: AuditLogTable;
  application: ApplicationTable;
  source: SourceTable;
  source_secret: SourceSecretTable;
  source_path: SourcePathTable;
  request: RequestTable;
  issue: IssueTable;
  reconcile: ReconcileTable;
  reconcile_missing: ReconcileMissingTable;
  endpoint: EndpointTable;
  endpoint_secret: EndpointSecretTable;
  endpoint_transformation: EndpointTransformationTable;
  integration: IntegrationTable;
  autoconfig: AutoconfigTable;
  connector: ConnectorTable;
  event_type: EventTypeTable;
  message: MessageTable;
  message_body: MessageBodyTable;
  message_event_id: MessageEventIdTable;
  delivery: DeliveryTable;
  attempt: AttemptTable;
  background_task: BackgroundTaskTable;
  background_task_result: BackgroundTaskResultTable;
  process: ProcessTable;
  secret_key_check: SecretKeyCheckTable;
  poller: PollerTable;
  poller_consumer: PollerConsumerTable;
  message_feed: MessageFeedTable;
}
