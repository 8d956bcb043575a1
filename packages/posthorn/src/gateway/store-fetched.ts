// Stores an event that was read from its provider's API as if it had come in at the door: it goes the same way, under the
// same event id, so whichever of the two is first has the effect and the other has none.
import type { FetchText } from '@posthorn/webhooks/provider';
import type { AcceptInbound } from '../core/inbound.ts';
import type { Clock } from '../lib/clock.ts';
import type { NewId } from '../lib/ids.ts';
import type { Database } from '../store/database.ts';
import type { SecretBox } from '../store/secret-box.ts';
import { findSourceById } from '../store/source-config.ts';
import { inboundRequestOf } from './judge.ts';
import { openSource } from './open-source.ts';
import type { Received } from './received.ts';

const triesMax = 5;

interface FetchedEvent {
  environmentId: string;
  sourceId: string;
  eventId: string;
  /** As the provider sent them, by lower-case name. */
  headers: Readonly<Record<string, string>>;
  payload: Buffer;
}

interface FetchedResult {
  /** `arrived`: it had come in meanwhile. `mismatch`: the headers are those of another event. */
  kind: 'stored' | 'arrived' | 'mismatch' | 'unknown_source';
}

export type StoreFetched = (event: FetchedEvent) => Promise<FetchedResult>;

interface StoreFetchedDeps {
  db: Database;
  box: SecretBox;
  newId: NewId;
  clock: Clock;
  accept: AcceptInbound;
  fetchText: FetchText;
}

const detail = "read from the provider's API: it had not come in";

export function createStoreFetched(deps: StoreFetchedDeps): StoreFetched {
  const { db, box, newId, accept } = deps;
  return async (event) => {
    for (let tries = 0; tries < triesMax; tries += 1) {
      const config = await findSourceById(db.pool, box, event.environmentId, event.sourceId);
      const source = config && openSource(config, deps.fetchText);
      if (source === undefined) return { kind: 'unknown_source' };
      const passed = { ok: true, verdict: 'accepted', secretId: undefined } as const;
      const request = inboundRequestOf(source, receivedOf(event, deps.clock), passed, newId('req_'));
      const [message, ...others] = request.messages;
      if (message?.eventId !== event.eventId || others.length > 0) return { kind: 'mismatch' };
      const { kind } = await accept({ ...request, reason: 'reconciled', detail });
      if (kind === 'accepted') return { kind: 'stored' };
      if (kind === 'duplicate') return { kind: 'arrived' };
      if (kind === 'unknown_source') return { kind };
    }
    throw new Error('the source changes faster than its events are stored');
  };
}

/** The payload is JSON, whatever form it is sent in. */
function receivedOf({ headers, payload }: FetchedEvent, clock: Clock): Received {
  const lists = Object.entries(headers).map(([name, value]) => [name, [value]] as const);
  return {
    method: 'POST',
    url: '',
    query: '',
    headers: { ...Object.fromEntries(lists), 'content-type': ['application/json'] },
    body: payload,
    address: undefined,
    atMs: clock.now(),
  };
}
