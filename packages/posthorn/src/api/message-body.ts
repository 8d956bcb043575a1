// The body of a new message: what its fields may hold, and which of its bytes are the payload.
import Type from 'typebox';
import type { Static } from 'typebox';
import { sliceMembers } from '../core/json-slice.ts';
import { eventTime } from '../core/ordering.ts';
import { ApplicationIn } from './applications.ts';
import { nameText, nullable, TimeText } from './fields.ts';
import { ApiError, invalid, invalidField } from './problems.ts';
import type { FieldProblem } from './problems.ts';
import { opaque } from './validation.ts';

const eventIdMaxChars = 256;
const orderKeyMaxChars = 256;
const channelsMax = 5;
const channelMaxChars = 128;
const tagsMax = 20;
const tagMaxChars = 128;
const retentionMinDays = 5;
const retentionMaxDays = 90;
const hoursPerDay = 24;
const dayMs = 24 * 60 * 60 * 1000;
const deliverAtMaxDays = 30;
// A request that is repeated after its answer was lost, or a clock that is ahead, must not be refused for that.
const deliverAtPastMaxMs = 5 * 60 * 1000;
const contentTypeMaxChars = 256;
const payloadDepthMax = 128;

// Control characters would not survive logs, headers and consoles.
const printable = '^[^\\u0000-\\u001f\\u007f-\\u009f]+$';
const messageIdPrefix = 'msg_';

const TransformationsParams = Type.Object({
  rawPayload: Type.Optional(nullable(Type.String())),
  headers: Type.Optional(nullable(Type.Object({}, { additionalProperties: Type.Unknown() }))),
});

export const Channels = Type.Array(Type.String({ ...nameText, maxLength: channelMaxChars }), {
  minItems: 1,
  maxItems: channelsMax,
});

/** What is checked after `tidyBody`: no member is null, and the payload has its own name. */
export const MessageIn = Type.Object({
  eventType: Type.String(nameText),
  payload: Type.Object({}, opaque),
  eventId: Type.Optional(Type.String({ minLength: 1, maxLength: eventIdMaxChars, pattern: printable })),
  channels: Type.Optional(Channels),
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
  // Made along with the message when the one in the path does not exist.
  application: Type.Optional(ApplicationIn),
  deliverAt: Type.Optional(TimeText),
  orderKey: Type.Optional(Type.String({ minLength: 1, maxLength: orderKeyMaxChars, pattern: printable })),
  eventAt: Type.Optional(TimeText),
  // Passed over here: tidyBody says what becomes of it.
  data: Type.Optional(Type.Unknown(opaque)),
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
  contentType?: string;
  deliverAt?: Date;
  orderKey?: string;
  eventAt?: Date;
  /** How long the content is kept. */
  contentHours?: number;
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

/** Where in the body its payload stands. */
export function payloadPlace(body: MessageIn): readonly string[] {
  return isRaw(body) ? ['transformationsParams', 'rawPayload'] : ['payload'];
}

// A type, a subtype, and parameters: what a header can carry.
const contentTypePattern = /^[\w!#$&^.+-]+\/[\w!#$&^.+-]+[\x20-\x7e]*$/;

/** The content type that `transformationsParams.headers` asks for; undefined for JSON as always. */
function contentTypeOf({ transformationsParams }: MessageIn): unknown {
  const entries = Object.entries((transformationsParams?.headers ?? {}) as Record<string, unknown>);
  const contentType = entries.find(([name]) => name.toLowerCase() === 'content-type')?.[1];
  return contentType === 'application/json' || contentType === null ? undefined : contentType;
}

function isContentType(value: unknown): value is string {
  return typeof value === 'string' && value.length <= contentTypeMaxChars && contentTypePattern.test(value);
}

function contentHoursOf({ payloadRetentionPeriod, payloadRetentionHours }: MessageIn): number | undefined {
  return payloadRetentionPeriod === undefined ? payloadRetentionHours : payloadRetentionPeriod * hoursPerDay;
}

function problemOfDeliverAt(deliverAt: Date, contentHours: number | undefined, nowMs: number) {
  const inMs = deliverAt.getTime() - nowMs;
  if (Number.isNaN(inMs)) return 'is not a date and time';
  if (inMs < -deliverAtPastMaxMs) return 'is in the past';
  if (inMs > deliverAtMaxDays * dayMs) return `must not be more than ${deliverAtMaxDays} days ahead`;
  const isGone = contentHours !== undefined && inMs >= (contentHours * dayMs) / hoursPerDay;
  return isGone ? 'is when the payload has expired already: keep it for longer' : undefined;
}

interface Wishes {
  contentType: unknown;
  deliverAt: Date | undefined;
  contentHours: number | undefined;
  eventAt: Date | undefined;
}

function problemsOf(body: MessageIn, wishes: Wishes, nowMs: number) {
  const { contentType, deliverAt, contentHours, eventAt } = wishes;
  const problems: FieldProblem[] = [];
  const refuse = (field: string, msg: string) => {
    problems.push({ loc: ['body', ...field.split('.')], msg, type: 'value_error' });
  };
  if (body.eventId?.startsWith(messageIdPrefix)) {
    refuse('eventId', `must not begin with ${messageIdPrefix}, which marks ids`);
  }
  const late = deliverAt && problemOfDeliverAt(deliverAt, contentHours, nowMs);
  if (late !== undefined) refuse('deliverAt', late);
  if (eventAt && eventTime(eventAt.getTime(), nowMs) === undefined) {
    refuse('eventAt', 'must be a date and time from 1970 on, and not more than an hour ahead');
  }
  if (body.payloadRetentionPeriod !== undefined && body.payloadRetentionHours !== undefined) {
    refuse('payloadRetentionHours', 'cannot be combined with payloadRetentionPeriod');
  }
  if (contentType !== undefined && !isContentType(contentType)) {
    refuse('transformationsParams.headers.content-type', 'must be a content type, such as text/xml');
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

/**
 * `bytes` is the body that was parsed to `body`; `nowMs` in Unix milliseconds. Throws 422 with every field that cannot
 * be served.
 */
export function readMessage(body: MessageIn, bytes: Buffer, nowMs: number): MessageContent {
  const { eventType, eventId, channels, tags, orderKey } = body;
  const contentType = contentTypeOf(body);
  const contentHours = contentHoursOf(body);
  const deliverAt = body.deliverAt === undefined ? undefined : new Date(body.deliverAt);
  const eventAt = body.eventAt === undefined ? undefined : new Date(body.eventAt);
  const problems = problemsOf(body, { contentType, deliverAt, contentHours, eventAt }, nowMs);
  if (problems.length > 0) throw invalid(problems);
  return {
    eventType,
    payload: payloadOf(body, bytes),
    ...(eventId === undefined ? {} : { eventId }),
    ...(channels ? { channels: [...new Set(channels)] } : {}),
    ...(tags && tags.length > 0 ? { tags: [...new Set(tags)] } : {}),
    ...(isContentType(contentType) ? { contentType } : {}),
    ...(deliverAt === undefined ? {} : { deliverAt }),
    ...(orderKey === undefined ? {} : { orderKey }),
    ...(eventAt === undefined ? {} : { eventAt }),
    ...(contentHours === undefined ? {} : { contentHours }),
  };
}
