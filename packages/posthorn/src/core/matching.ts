// Which endpoints a message is for.

export interface Subscription {
  disabled: boolean;
  /** Null: every event type. */
  eventTypes: readonly string[] | null;
  /** Null: messages of every channel and of none. */
  channels: readonly string[] | null;
}

/** An endpoint with channels gets only messages that name one of them; event types match exactly. */
export function matches(
  subscription: Subscription,
  message: { eventType: string; channels?: readonly string[] | undefined },
): boolean {
  if (subscription.disabled) return false;
  if (subscription.eventTypes && !subscription.eventTypes.includes(message.eventType)) return false;
  const { channels } = subscription;
  return !channels || (message.channels ?? []).some((channel) => channels.includes(channel));
}
