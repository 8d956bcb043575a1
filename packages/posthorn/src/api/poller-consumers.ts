// Fetching messages as a consumer that confirms by offset, as the official client's AutoConfigConsumer does. What was handed
// out is not handed out again while its lease lasts; what was not confirmed by then is.
import Type from 'typebox';
import { subscribing } from '../core/access.ts';
import { findAutoconfig } from '../store/autoconfig.ts';
import { positionAfter } from '../store/message-feed.ts';
import type { FeedPosition, FeedRow } from '../store/message-feed.ts';
import { beginConsumer, findLeasing, saveLeasing } from '../store/poller-leases.ts';
import type { ConsumerKey, Leasing } from '../store/poller-leases.ts';
import type { PollerRow } from '../store/pollers.ts';
import type { ScopedRequest } from './endpoints.ts';
import type { Api, ApiDeps } from './context.ts';
import { nameText, oneOf } from './fields.ts';
import { jsonContentType } from './message-wire.ts';
import { beginningOf, limitField, messageTexts, readPage, withinReach } from './poller-messages.ts';
import { resolvePoller } from './pollers.ts';
import { ApiError, conflict, invalidField, notFound } from './problems.ts';
import { resolveApplication } from './resolve.ts';

const leaseDefaultMs = 30_000;
const leaseMaxMs = 12 * 60 * 60 * 1_000;
const limitDefault = 50;
/** Messages that a consumer can have without having confirmed them. */
const handedMax = 1_000;
/** How often a state is read again that somebody else has changed meanwhile. */
const readsMax = 5;

const Params = Type.Object({ app: Type.String(), poller: Type.String(), consumer: Type.String(nameText) });
const ReceiveQuery = Type.Object({
  limit: limitField,
  lease_duration_ms: Type.Optional(Type.Integer({ minimum: 1, maximum: leaseMaxMs })),
  starting_position: Type.Optional(oneOf(['earliest', 'latest'])),
});
const CommitIn = Type.Object({ offset: Type.Integer({ minimum: 0, maximum: Number.MAX_SAFE_INTEGER }) });
const path = '/api/v1/app/:app/polling-endpoint/:poller/consumer/:consumer';

interface Received {
  shown: readonly FeedRow[];
  /** The offset of the first one. */
  firstOffset: number;
  done: boolean;
}

interface Asked {
  limit?: number;
  leaseMs: number;
  isLatest: boolean;
}

type Request = ScopedRequest & { params: { poller: string; consumer: string } };

/** Throws 404 for a subscription's token whose poller it is not. */
async function findPoller(deps: ApiDeps, { environmentId, caller, params }: Request): Promise<PollerRow> {
  const { id } = await resolveApplication(deps, environmentId, params.app);
  const poller = await resolvePoller(deps, id, params.poller);
  const holderId = caller?.holderId ?? null;
  const holder = holderId === null ? undefined : await findAutoconfig(deps.db.queries, id, holderId);
  if (holderId !== null && holder?.poller_id !== poller.id) throw notFound('Poller not found');
  return poller;
}

/** A new consumer begins where it is told, an older one where it is. Throws 400 when there are too many. */
async function leasingOf(
  { db, clock }: ApiDeps,
  poller: PollerRow,
  key: ConsumerKey,
  isLatest: boolean,
): Promise<Leasing> {
  const known = await findLeasing(db.queries, key);
  if (known) return known;
  const start = isLatest ? positionAfter(clock.now()) : beginningOf(poller);
  await beginConsumer(db.queries, key, start);
  const begun = await findLeasing(db.queries, key);
  if (begun) return begun;
  throw new ApiError('limit_reached', 400, 'this poller has as many consumers as it may have');
}

const isSame = (one: FeedPosition, other: FeedPosition) =>
  one.place === other.place && one.messageId === other.messageId;
const positionOf = ({ place, id }: FeedRow): FeedPosition => ({ place, messageId: id });
const changed = () => conflict('the consumer was used by others at the same time: give each its own name');

async function receive(deps: ApiDeps, poller: PollerRow, key: ConsumerKey, asked: Asked): Promise<Received> {
  for (let reads = 0; reads < readsMax; reads += 1) {
    const leasing = await leasingOf(deps, poller, key, asked.isLatest);
    const handed = leasing.isLeased ? leasing.handed : [];
    const firstOffset = leasing.confirmedCount + handed.length + 1;
    const limit = Math.min(asked.limit ?? limitDefault, handedMax - handed.length);
    if (limit === 0) return { shown: [], firstOffset, done: false };
    const start = (leasing.isLeased ? leasing.read : undefined) ?? leasing.position;
    const { shown, from, done } = await readPage(deps, poller, { from: withinReach(poller, start), limit });
    const received = { shown, firstOffset, done };
    if (shown.length === 0 && isSame(from, start)) return received;
    const all = [...handed, ...shown.map(positionOf)];
    const isIdle = all.length === 0;
    const next = isIdle
      ? { ...leasing, position: from, handed: all, read: undefined }
      : { ...leasing, handed: all, read: from };
    const leaseMs = shown.length === 0 ? undefined : asked.leaseMs;
    if (await saveLeasing(deps.db.queries, key, next, isIdle ? null : leaseMs)) return received;
  }
  throw changed();
}

/** An offset that was confirmed before is confirmed. Throws 422 for one that was not handed out. */
async function confirm({ db }: ApiDeps, key: ConsumerKey, offset: number): Promise<void> {
  for (let reads = 0; reads < readsMax; reads += 1) {
    const leasing = await findLeasing(db.queries, key);
    const count = offset - (leasing?.confirmedCount ?? 0);
    if (count <= 0) return;
    const last = leasing?.handed[count - 1];
    if (leasing === undefined || last === undefined) {
      throw invalidField('offset', 'was not handed out to this consumer');
    }
    const rest = leasing.handed.slice(count);
    const next =
      rest.length === 0
        ? { ...leasing, position: leasing.read ?? last, read: undefined }
        : { ...leasing, position: last };
    const leaseMs = rest.length === 0 ? null : undefined;
    const confirmed = { ...next, confirmedCount: offset, handed: rest };
    if (await saveLeasing(db.queries, key, confirmed, leaseMs)) return;
  }
  throw changed();
}

export function registerPollerConsumerRoutes(api: Api, deps: ApiDeps): void {
  const reading = { access: { scope: 'read', capability: subscribing }, pollerToken: true } as const;
  // As frequent as what is fetched: not for the audit log.
  const confirming = {
    access: { scope: 'manage', capability: subscribing },
    pollerToken: true,
    repeatable: true,
    audited: false,
  } as const;

  api.get(
    path,
    { config: reading, schema: { params: Params, querystring: ReceiveQuery } },
    async (request, reply) => {
      const { limit, lease_duration_ms: leaseMs = leaseDefaultMs, starting_position } = request.query;
      const poller = await findPoller(deps, request);
      const key = { pollerId: poller.id, consumer: request.params.consumer };
      const asked = { ...(limit === undefined ? {} : { limit }), leaseMs };
      const isLatest = starting_position === 'latest';
      const { shown, firstOffset, done } = await receive(deps, poller, key, { ...asked, isLatest });
      const data = await messageTexts(deps, poller, shown, (index) => ({ offset: firstOffset + index }));
      return reply.type(jsonContentType).send(`{"data":${data},"done":${done}}`);
    },
  );

  api.post(
    `${path}/commit`,
    { config: confirming, schema: { params: Params, body: CommitIn } },
    async (request, reply) => {
      const poller = await findPoller(deps, request);
      await confirm(deps, { pollerId: poller.id, consumer: request.params.consumer }, request.body.offset);
      return reply.code(204).send();
    },
  );
}
