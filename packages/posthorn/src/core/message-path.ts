// Names a part of a message: `payload.customer.id`, `payload.items[0]`, `eventType`. The same names as in templates.

const messageMembers = ['id', 'eventType', 'timestamp', 'payload'] as const;
type MessageMember = (typeof messageMembers)[number];

/** `steps`: names of members and indices of elements within the payload. */
export interface MessagePath {
  member: MessageMember;
  steps: readonly string[];
}

const pattern = /^(id|eventType|timestamp|payload)((?:\.[!#-\-/-Z\\^-~ ]+|\[\d{1,6}\])*)$/;
const step = /\.([^.[\]"]+)|\[(\d+)\]/g;
const stepsMax = 16;

/** Undefined when the text names nothing. */
export function parseMessagePath(text: string): MessagePath | undefined {
  const [, member, rest = ''] = pattern.exec(text) ?? [];
  const known = messageMembers.find((one) => one === member);
  const steps = [...rest.matchAll(step)].map(([, name, index]) => name ?? index ?? '');
  if (known === undefined || steps.length > stepsMax) return undefined;
  return known === 'payload' || steps.length === 0 ? { member: known, steps } : undefined;
}
