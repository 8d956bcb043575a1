// From a message and its application's configuration to what is stored, and from what was stored to the dispatcher.
import type { NewMessage } from '../core/acceptance.ts';
import { FilterSubject } from '../core/filter.ts';
import { matches } from '../core/matching.ts';
import type { NewId } from '../lib/ids.ts';
import type { MessageToStore, StoredMessage } from '../store/accept-messages.ts';
import type { ApplicationConfig, EndpointConfig } from '../store/application-config.ts';
import type { Work } from './dispatch-hooks.ts';
import type { Dispatcher } from './dispatcher.ts';

/** A message whose application is known. `requestId`: the request that it came in. */
export type MatchedMessage = Omit<NewMessage, 'environmentId' | 'application'> & { requestId?: string };

export interface MessagePlannerDeps {
  dispatcher: Dispatcher;
  newId: NewId;
  firstDelayMs: number;
}

export class MessagePlanner {
  readonly #deps: MessagePlannerDeps;

  constructor(deps: MessagePlannerDeps) {
    this.#deps = deps;
  }

  /** Reserves room in the dispatcher for the deliveries that are to be leased: `dispatch` uses it, or `unreserve` gives it back. */
  plan(message: MatchedMessage, config: ApplicationConfig): MessageToStore {
    const { eventType, eventId, channels, tags, payload, idempotency } = message;
    const { contentType, deliverAt, contentHours, requestId, orderKey, eventAt } = message;
    const { applicationId, version: configVersion, hasPollers } = config;
    const direct = this.#deps.firstDelayMs === 0 && deliverAt === undefined;
    const isFiltered = config.hasFilter && message.endpointId === undefined;
    const subject = isFiltered ? new FilterSubject(message) : undefined;
    const deliveries = config.endpoints
      .filter((endpoint) => isFor(message, endpoint))
      .map(({ id, ordering, orderByKey, filter }) => {
        const cancellation = subject && filter?.refusalOf(subject);
        if (cancellation) return { endpointId: id, leased: false, cancellation };
        return {
          endpointId: id,
          ordered: ordering !== null,
          byKey: orderByKey,
          leased:
            direct && ordering === null && this.#deps.dispatcher.reserve(id, applicationId, payload.length),
        };
      });
    const id = this.#deps.newId('msg_');
    // An example for one endpoint is nothing to fetch.
    const fed = hasPollers && message.endpointId === undefined;
    const matched = { id, applicationId, configVersion, deliveries, fed };
    const wishes = { contentType, deliverAt, contentHours, requestId, orderKey, eventAt };
    return { ...matched, eventType, eventId, channels, tags, payload, idempotency, ...wishes };
  }

  unreserve({ applicationId, deliveries, payload }: MessageToStore): void {
    for (const { endpointId, leased } of deliveries) {
      if (leased) this.#deps.dispatcher.unreserve(endpointId, applicationId, payload.length);
    }
  }

  /** Hands over what was stored as leased to `owner`; true when other deliveries of it wait in the database. */
  dispatch(store: MessageToStore, stored: StoredMessage & { kind: 'stored' }, owner: number): boolean {
    if (!stored.leaseGranted) this.unreserve(store);
    const leased = store.deliveries.filter((delivery) => delivery.leased && stored.leaseGranted);
    for (const { endpointId } of leased) this.#deps.dispatcher.dispatch(firstWork(store, endpointId, owner));
    const open = store.deliveries.filter(({ cancellation }) => cancellation === undefined);
    return leased.length < open.length;
  }
}

function isFor(message: MatchedMessage, endpoint: EndpointConfig): boolean {
  if (message.endpointId === undefined) return matches(endpoint, message);
  return endpoint.id === message.endpointId && !endpoint.disabled;
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
    contentType: store.contentType ?? 'application/json',
    eventType: store.eventType,
  };
}
