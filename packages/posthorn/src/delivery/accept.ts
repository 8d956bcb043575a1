// Accepts messages: matched in memory, stored by group commit, dispatched from memory straight after the commit.
import type pg from 'pg';
import type { Accept, Acceptance, NewMessage } from '../core/acceptance.ts';
import { matches } from '../core/matching.ts';
import { createBatcher } from '../lib/batcher.ts';
import type { NewId } from '../lib/ids.ts';
import {
  acceptMessages,
  type Conflict,
  findConflicts,
  type MessageToStore,
  type StoredMessage,
} from '../store/accept-messages.ts';
import type { ApplicationConfig } from '../store/application-config.ts';
import { isDatabaseUnavailable } from '../store/availability.ts';
import type { ConfigCache } from './config-cache.ts';
import type { Dispatcher, Work } from './dispatcher.ts';

const batchMax = 200;
const batchesInFlightMax = 2;
// A message whose application changes under it on every try would otherwise go round for ever.
const triesMax = 20;

export interface AcceptDeps {
  pool: pg.Pool;
  configs: ConfigCache;
  dispatcher: Dispatcher;
  newId: NewId;
  leaseOwner(): number;
  firstDelayMs: number;
  /** A statement failed with its effect unknown: deliveries may be leased to us that we do not know of. */
  onUncertain(): void;
  /** Deliveries were stored that wait in the database. */
  onWaiting(): void;
}

export interface Acceptor {
  accept: Accept;
  drain(): Promise<void>;
}

interface Pending {
  message: NewMessage;
  config: ApplicationConfig;
  triesLeft: number;
  resolve(acceptance: Acceptance): void;
  reject(error: unknown): void;
}

interface Planned {
  pending: Pending;
  store: MessageToStore;
}

export function createAcceptor(deps: AcceptDeps): Acceptor {
  const { dispatcher, configs } = deps;

  const plan = (pending: Pending): Planned => {
    const { message, config } = pending;
    const bytes = message.payload.length;
    const deliveries = config.endpoints
      .filter((endpoint) => matches(endpoint, message))
      .map(({ id }) => ({
        endpointId: id,
        leased: deps.firstDelayMs === 0 && dispatcher.reserve(id, bytes),
      }));
    const { eventType, eventId, channels, tags, payload, idempotency } = message;
    const { applicationId, version: configVersion } = config;
    const id = deps.newId('msg_');
    const store = {
      id,
      applicationId,
      configVersion,
      eventType,
      eventId,
      channels,
      tags,
      payload,
      idempotency,
      deliveries,
    };
    return { pending, store };
  };

  const unreserve = ({ store }: Planned) => {
    for (const { endpointId, leased } of store.deliveries) {
      if (leased) dispatcher.unreserve(endpointId, store.payload.length);
    }
  };

  const finish = (planned: Planned, stored: StoredMessage & { kind: 'stored' }, leaseOwner: number) => {
    const { pending, store } = planned;
    configs.confirm(pending.config);
    const { applicationId, id: messageId } = store;
    pending.resolve({
      kind: 'accepted',
      applicationId,
      messageId,
      createdAt: stored.createdAt,
      replayed: false,
    });
    if (!stored.leaseGranted) unreserve(planned);
    const leased = store.deliveries.filter((delivery) => delivery.leased && stored.leaseGranted);
    for (const { endpointId } of leased) dispatcher.dispatch(firstWork(store, endpointId, leaseOwner));
    if (leased.length < store.deliveries.length) deps.onWaiting();
  };

  const retryStale = async (stale: Planned[]) => {
    for (const { pending } of stale) configs.drop(pending.config);
    await Promise.all(stale.map(({ pending }) => enqueue(pending)));
  };

  const answerConflicts = async (refused: Planned[]) => {
    const conflicts = await findConflicts(
      deps.pool,
      refused.map(({ store }) => store),
    );
    for (const { pending, store } of refused) {
      const acceptance = acceptanceOf(store, conflicts.get(store.id) ?? {});
      if (acceptance) pending.resolve(acceptance);
      // Whoever held the key or the event id is gone again: try once more.
      else await enqueue(pending);
    }
  };

  const storeBatch = async (batch: Planned[]) => {
    const owner = deps.leaseOwner();
    const results = await acceptMessages(
      deps.pool,
      batch.map(({ store }) => store),
      { owner, firstDelayMs: deps.firstDelayMs },
    );
    const refused: Planned[] = [];
    const stale: Planned[] = [];
    for (const planned of batch) {
      const result = results.get(planned.store.id) ?? { kind: 'stale' };
      if (result.kind === 'stored') finish(planned, result, owner);
      else {
        unreserve(planned);
        (result.kind === 'stale' ? stale : refused).push(planned);
      }
    }
    if (stale.length > 0) void retryStale(stale);
    if (refused.length > 0)
      await answerConflicts(refused).catch((error: unknown) => rejectAll(refused, error));
  };

  const batcher = createBatcher<Pending>({
    itemsMax: batchMax,
    concurrencyMax: batchesInFlightMax,
    async run(items) {
      const batch = items.map(plan);
      await storeBatch(batch).catch((error: unknown) => {
        for (const planned of batch) unreserve(planned);
        if (isDatabaseUnavailable(error)) deps.onUncertain();
        rejectAll(batch, error);
      });
    },
  });

  const enqueue = async (pending: Pending): Promise<void> => {
    const { environmentId, application } = pending.message;
    try {
      if (pending.triesLeft === 0)
        throw new Error('the application is being changed too often to accept a message');
      const config = await configs.forAccept(environmentId, application);
      if (!config) pending.resolve({ kind: 'unknown_application' });
      else batcher.add({ ...pending, config, triesLeft: pending.triesLeft - 1 });
    } catch (error) {
      pending.reject(error);
    }
  };

  return {
    async accept(message) {
      const config = await configs.forAccept(message.environmentId, message.application);
      if (!config) return { kind: 'unknown_application' };
      return new Promise((resolve, reject) => {
        batcher.add({ message, config, triesLeft: triesMax, resolve, reject });
      });
    },
    drain: batcher.drain,
  };
}

function rejectAll(batch: readonly Planned[], error: unknown): void {
  for (const { pending } of batch) pending.reject(error);
}

function firstWork(store: MessageToStore, endpointId: string, leaseOwner: number): Work {
  return {
    applicationId: store.applicationId,
    messageId: store.id,
    endpointId,
    leaseOwner,
    leaseSeq: 1,
    attempts: 0,
    trigger: 'scheduled',
    hasResumeAt: false,
    payload: store.payload,
    contentType: 'application/json',
  };
}

function acceptanceOf(store: MessageToStore, conflict: Conflict): Acceptance | undefined {
  const { key, eventIdTakenBy } = conflict;
  if (key && store.idempotency && !key.fingerprint.equals(store.idempotency.fingerprint)) {
    return { kind: 'idempotency_mismatch' };
  }
  if (key?.createdAt) {
    const { messageId, createdAt } = key;
    return { kind: 'accepted', applicationId: store.applicationId, messageId, createdAt, replayed: true };
  }
  if (eventIdTakenBy !== undefined) return { kind: 'duplicate_event_id', messageId: eventIdTakenBy };
  return undefined;
}
