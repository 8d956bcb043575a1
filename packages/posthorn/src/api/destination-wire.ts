// A destination as the reference shows it: endpoints and pollers look the same from there.

/** What both kinds of row have. */
interface DestinationRow {
  id: string;
  uid: string | null;
  event_types: string[] | null;
  channels: string[] | null;
  metadata: Record<string, string>;
  created_at: Date;
  updated_at: Date;
}

interface Shown {
  type: string;
  config: object;
  isDisabled?: boolean;
  /** Why it was disabled, when not by its owner. */
  failureReason?: string | null;
}

export function wireDestination(
  row: DestinationRow,
  { type, config, isDisabled = false, failureReason = null }: Shown,
) {
  return {
    id: row.id,
    uid: row.uid,
    type,
    config,
    status: isDisabled ? 'disabled' : 'enabled',
    // There is no place in a stream to name: each message has a delivery of its own.
    currentIterator: '',
    failureReason,
    nextRetryAt: null,
    batchSize: 1,
    maxWaitSecs: 0,
    eventTypes: row.event_types ?? [],
    channels: row.channels ?? [],
    metadata: row.metadata,
    createdAt: row.created_at.toISOString(),
    updatedAt: row.updated_at.toISOString(),
  };
}
