// The body of a new message: what its fields may hold, and which of its bytes are the payload.
import Type from 'typebox';
import type { Static } from 'typebox';
import { sliceMembers } from '../core/json-slice.ts';
import { nameText, nullable } from './fields.ts';
import { ApiError, invalid, invalidField } from './problems.ts';
import type { FieldProblem } from './problems.ts';
import { opaque } from './validation.ts';

const eventIdMaxChars = 256;
const channelsMax = 5;
const channelMaxChars = 128;
const tagsMax = 20;
const tagMaxChars = 128;
const retentionMinDays = 5;
const retentionMaxDays = 90;
const hoursPerDay = 24;
const payloadDepthMax = 128;

// Control characters would not survive logs, headers and consoles.
const printable = '^[^\\u0000-\\u001f\\u007f-\\u009f]+$';
const messageIdPrefix = 'msg_';

const TransformationsParams = Type.Object({
  rawPayload: Type.Optional(nullable(Type.String())),
  headers: Type.Optional(nullable(Type.Object({}, { additionalProperties: Type.Unknown() }))),
});

/** What is checked after `tidyBody`: no member is null, and the payload has its own name. */
export const MessageIn = Type.Object({
  eventType: Type.String(nameText),
  payload: Type.Object({}, opaque),
  eventId: Type.Optional(Type.String({ minLength: 1, maxLength: eventIdMaxChars, pattern: printable })),
  channels: Type.Optional(
    Type.Array(Type.String({ ...nameText, maxLength: channelMaxChars }), {
      minItems: 1,
      maxItems: channelsMax,
    }),
  ),
  tags: Type.Optional(
    Type.Array(Type.String({ minLength: 1, maxLength: tagMaxChars, pattern: printable }), {
      maxItems: tagsMax,
    }),
  ),
  payloadRetentionPeriod: Type.Optional(
    Type.Integer({ minimum: retentionMinDays, maximum: retentionMaxDays }),
  ),
  payloadRetentionHours: Type.Optional(Type.Integer({ minimum: 1, maximum: retentionMaxDays * hoursPerDay })),
  transformationsParams: Type.Optional(TransformationsParams),
  // Passed over here: tidyBody, readMessage and the route say what becomes of them.
  data: Type.Optional(Type.Unknown(opaque)),
  application: Type.Optional(Type.Unknown(opaque)),
  deliverAt: Type.Optional(Type.Unknown(opaque)),
});
export type MessageIn = Static<typeof MessageIn>;
const names = Object.keys(MessageIn.properties);

/** What a message's body says, in the words of `Accept`. */
export interface MessageContent {
  eventType: string;
  eventId?: string;
  channels?: string[];
  tags?: string[];
  /** Exactly the bytes that were sent; of a rawPayload, its characters in UTF-8. */
  payload: Buffer;
}

/** Makes a parsed body uniform: null means left out (not as a payload), and `data` is an older name of `payload`. */
export function tidyBody(body: unknown): void {
  if (typeof body !== 'object' || body === null) return;
  // Not all of its members, of which there can be many: those that nobody knows are not looked at.
  for (const name of names) {
    const isNull = Object.hasOwn(body, name) && Reflect.get(body, name) === null;
    if (isNull && name !== 'payload') Reflect.deleteProperty(body, name);
  }
  if (!('payload' in body) && 'data' in body) Object.assign(body, { payload: body.data });
}

/** True when the payload is the text of `transformationsParams.rawPayload`, which need not be JSON. */
export function isRaw(body: MessageIn): boolean {
  return typeof body.transformationsParams?.rawPayload === 'string';
}

/** False when `headers` asks for a content type other than the one that payloads are sent with. */
function wantsJson({ headers }: Static<typeof TransformationsParams>): boolean {
  const entries = Object.entries((headers ?? {}) as Record<string, unknown>);
  const contentType = entries.find(([name]) => name.toLowerCase() === 'content-type')?.[1];
  if (contentType === undefined) return true;
  return typeof contentType === 'string' && /^application\/json\s*(;|$)/i.test(contentType);
}

function unsupported(body: MessageIn): FieldProblem[] {
  const problems: FieldProblem[] = [];
  const refuse = (field: string, msg: string) => {
    problems.push({ loc: ['body', ...field.split('.')], msg, type: 'value_error' });
  };
  if (body.eventId?.startsWith(messageIdPrefix)) {
    refuse('eventId', `must not begin with ${messageIdPrefix}, which marks ids`);
  }
  if (body.deliverAt !== undefined) {
    refuse('deliverAt', 'messages are delivered at once: leave deliverAt out');
  }
  if (body.payloadRetentionPeriod !== undefined && body.payloadRetentionHours !== undefined) {
    refuse('payloadRetentionHours', 'cannot be combined with payloadRetentionPeriod');
  }
  const params = body.transformationsParams;
  if (params && isRaw(body) && !wantsJson(params)) {
    refuse(
      'transformationsParams.headers',
      'payloads are sent as application/json: no other content type yet',
    );
  }
  return problems;
}

function payloadOf(body: MessageIn, bytes: Buffer): Buffer {
  const rawPayload = body.transformationsParams?.rawPayload;
  if (typeof rawPayload === 'string') return Buffer.from(rawPayload, 'utf8');
  const slices = sliceMembers(bytes, ['payload', 'data'], payloadDepthMax);
  if (slices === 'too_deep') {
    throw invalidField('payload', `must not be nested deeper than ${payloadDepthMax}`);
  }
  const slice = slices.get('payload') ?? slices.get('data');
  if (slice === undefined) throw new ApiError('server_error', 500, 'the payload was not found in the body');
  return bytes.subarray(slice.start, slice.end);
}

/** `bytes` is the body that was parsed to `body`. Throws 422 with every field that cannot be served. */
export function readMessage(body: MessageIn, bytes: Buffer): MessageContent {
  const problems = unsupported(body);
  if (problems.length > 0) throw invalid(problems);
  const { eventType, eventId, channels, tags } = body;
  return {
    eventType,
    payload: payloadOf(body, bytes),
    ...(eventId === undefined ? {} : { eventId }),
    ...(channels ? { channels: [...new Set(channels)] } : {}),
    ...(tags && tags.length > 0 ? { tags: [...new Set(tags)] } : {}),
  };
}
