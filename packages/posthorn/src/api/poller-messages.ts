// Fetching messages from a poller: with an iterator that the caller keeps, or one that is kept here for each consumer.
import Type from 'typebox';
import type { Static } from 'typebox';
import { matches } from '../core/matching.ts';
import {
  findConsumer,
  laterOf,
  moveConsumer,
  positionAfter,
  positionBefore,
  readFeed,
} from '../store/message-feed.ts';
import type { FeedPosition, FeedRow } from '../store/message-feed.ts';
import { findPayloads } from '../store/messages.ts';
import type { PollerRow } from '../store/pollers.ts';
import { managing, reading } from './access.ts';
import type { Api, ApiDeps } from './context.ts';
import { nameText, TimeText } from './fields.ts';
import { contentText, jsonContentType, messageText } from './message-wire.ts';
import { resolvePoller } from './pollers.ts';
import { ApiError, invalid, invalidField } from './problems.ts';
import { resolveApplication } from './resolve.ts';

const limitDefault = 50;
export const limitField = Type.Optional(Type.Integer({ minimum: 1, maximum: 250 }));
const iteratorMaxChars = 64;
const channelMaxChars = 128;
// A poll looks at so many messages: behind a filter that lets few through, it ends early and says where.
const scannedMax = 1_000;
const pageContentMaxBytes = 16 * 1024 * 1024;

const paging = {
  limit: limitField,
  iterator: Type.Optional(Type.String({ maxLength: iteratorMaxChars })),
};
const PollQuery = Type.Object({
  ...paging,
  event_type: Type.Optional(Type.String(nameText)),
  channel: Type.Optional(Type.String({ minLength: 1, maxLength: channelMaxChars })),
  after: Type.Optional(TimeText),
});
const SinkParams = Type.Object({ app: Type.String(), sink: Type.String() });
const ConsumerParams = Type.Object({ ...SinkParams.properties, consumer: Type.String(nameText) });
const sinkPath = '/api/v1/app/:app/poller/:sink';
const consumerPath = `${sinkPath}/consumer/:consumer`;

const iteratorPattern = /^(\d{1,17})(?:_(msg_[0-9A-Za-z]{22}))?$/;

function parseIterator(iterator: string | undefined): FeedPosition | undefined {
  if (iterator === undefined || iterator === '') return undefined;
  const [, place, messageId = ''] = iteratorPattern.exec(iterator) ?? [];
  if (place !== undefined) return { place, messageId };
  const msg = 'is not an iterator of a poller: pass the `iterator` of an earlier answer';
  throw invalid([{ loc: ['query', 'iterator'], msg, type: 'value_error' }]);
}

const iteratorOf = ({ place, messageId }: FeedPosition) =>
  messageId === '' ? place : `${place}_${messageId}`;

function timeOf(text: string): number | undefined {
  const timeMs = Date.parse(text);
  return Number.isNaN(timeMs) ? undefined : timeMs;
}

interface Wanted {
  from: FeedPosition;
  limit?: number | undefined;
  eventType?: string | undefined;
  channel?: string | undefined;
}

function isWanted(row: FeedRow, poller: PollerRow, { eventType, channel }: Wanted): boolean {
  const message = { eventType: row.event_type, channels: row.channels ?? undefined };
  const subscription = { disabled: false, eventTypes: poller.event_types, channels: poller.channels };
  if (!matches(subscription, message)) return false;
  if (eventType !== undefined && row.event_type !== eventType) return false;
  return channel === undefined || (row.channels ?? []).includes(channel);
}

/** The rows of one answer, and how far it went; `done` when nothing follows now. */
function pageOf(rows: readonly FeedRow[], poller: PollerRow, wanted: Wanted) {
  const shown: FeedRow[] = [];
  let bytes = 0;
  let { from } = wanted;
  for (const row of rows) {
    if (shown.length === (wanted.limit ?? limitDefault)) return { shown, from, done: false };
    if (isWanted(row, poller, wanted)) {
      bytes += row.payload_bytes ?? 0;
      if (bytes > pageContentMaxBytes && shown.length > 0) return { shown, from, done: false };
      shown.push(row);
    }
    from = { place: row.place, messageId: row.id };
  }
  return { shown, from, done: rows.length < scannedMax };
}

/** What the poller wants of what follows, and how far that went. */
export async function readPage({ db }: ApiDeps, poller: PollerRow, wanted: Wanted) {
  const { from } = wanted;
  const rows = await readFeed(db.queries, poller.application_id, { from, rowsMax: scannedMax });
  return pageOf(rows, poller, wanted);
}

/** Messages as JSON text, with their content. `more` gives each members of its own, by its place among them. */
export async function messageTexts(
  { db }: ApiDeps,
  poller: PollerRow,
  rows: readonly FeedRow[],
  more: (index: number) => object = () => ({}),
): Promise<string> {
  if (rows.length === 0) return '[]';
  const ids = rows.map(({ id }) => id);
  const payloads = await findPayloads(db.queries, poller.application_id, ids);
  const texts = rows.map((row, index) => {
    const headers = { 'content-type': row.content_type };
    return messageText(row, contentText(payloads.get(row.id) ?? null), { headers, ...more(index) });
  });
  return `[${texts.join(',')}]`;
}

/** The answer as JSON text. */
async function poll(deps: ApiDeps, poller: PollerRow, wanted: Wanted): Promise<string> {
  const { shown, from, done } = await readPage(deps, poller, wanted);
  const data = await messageTexts(deps, poller, shown);
  return `{"data":${data},"iterator":${JSON.stringify(iteratorOf(from))},"done":${done}}`;
}

/** A poller begins with the messages that were accepted after it was made. */
export const beginningOf = (poller: PollerRow) => positionBefore(poller.created_at.getTime());

/** Its token reads nothing from before it was made, whatever place is asked for. */
export const withinReach = (poller: PollerRow, position: FeedPosition | undefined) =>
  position ? laterOf(position, beginningOf(poller)) : beginningOf(poller);

function startOf(poller: PollerRow, { iterator, after }: Static<typeof PollQuery>): FeedPosition {
  const from = withinReach(poller, parseIterator(iterator));
  if (after === undefined) return from;
  const afterMs = timeOf(after);
  if (afterMs !== undefined) return laterOf(from, positionAfter(afterMs));
  throw invalid([{ loc: ['query', 'after'], msg: 'is not a date and time', type: 'value_error' }]);
}

export function registerPollerMessageRoutes(api: Api, deps: ApiDeps): void {
  const { queries } = deps.db;
  const config = { ...reading, pollerToken: true };
  const find = async (environmentId: string, { app, sink }: Static<typeof SinkParams>) => {
    const { id } = await resolveApplication(deps, environmentId, app);
    return resolvePoller(deps, id, sink);
  };
  const move = async (poller: PollerRow, consumer: string, position: FeedPosition) => {
    if (await moveConsumer(queries, { pollerId: poller.id, consumer }, position)) return;
    throw new ApiError('limit_reached', 400, 'this poller has as many consumers as it may have');
  };

  api.get(
    sinkPath,
    { config, schema: { params: SinkParams, querystring: PollQuery } },
    async (request, reply) => {
      const { limit, event_type: eventType, channel } = request.query;
      const poller = await find(request.environmentId, request.params);
      const from = startOf(poller, request.query);
      return reply.type(jsonContentType).send(await poll(deps, poller, { from, limit, eventType, channel }));
    },
  );

  // An iterator that comes back confirms all before it. Without one the answer is what has not been confirmed: a
  // consumer that died with messages in its hands gets them again.
  api.get(
    consumerPath,
    { config, schema: { params: ConsumerParams, querystring: Type.Object(paging) } },
    async (request, reply) => {
      const { consumer } = request.params;
      const poller = await find(request.environmentId, request.params);
      const confirmed = parseIterator(request.query.iterator);
      if (confirmed) await move(poller, consumer, confirmed);
      const position = confirmed ?? (await findConsumer(queries, poller.id, consumer));
      const from = withinReach(poller, position);
      const { limit } = request.query;
      return reply.type(jsonContentType).send(await poll(deps, poller, { from, limit }));
    },
  );

  api.post(
    `${consumerPath}/seek`,
    {
      config: { ...managing, pollerToken: true, repeatable: true },
      schema: { params: ConsumerParams, body: Type.Object({ after: TimeText }) },
    },
    async (request) => {
      const poller = await find(request.environmentId, request.params);
      const afterMs = timeOf(request.body.after);
      if (afterMs === undefined) throw invalidField('after', 'is not a date and time');
      const position = positionAfter(afterMs);
      await move(poller, request.params.consumer, position);
      return { iterator: iteratorOf(position) };
    },
  );
}
