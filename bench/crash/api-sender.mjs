// @ts-check
// How the producer sends an event by the API: under an event id, an idempotency key, both or neither.
//   end [1, n, 'ack' | 'refused' | 'ambiguous', message id, status, sent at, answered at, tries]

import { orderKeyOf } from './plan.mjs';

/** @typedef {import('./producer.mjs').Tools} Tools */
/** @typedef {{ kind: 'ack' | 'refused' | 'ambiguous', status: number, id: string }} Result */

export const apiPoisonShare = 0.01;
export const apiPoisons = ['no_type', 'no_tenant', 'wrong_token', 'taken_event_id', 'taken_key'];

/** @param {Tools} tools @returns {(event: import('./plan.mjs').PlannedEvent) => Promise<void>} */
export function createApiSender({ setup, journal, counts, ask, again }) {
  /** The last event that was acked with an id and a key of its own: poison asks for the same. */
  const taken = { eventId: '', key: '', tenant: '' };

  /** @param {import('./plan.mjs').PlannedEvent} event */
  function requestOf(event) {
    const { poison, payload, type, uuid, n } = event;
    const tenant =
      poison === 'no_tenant'
        ? 'nobody'
        : poison.startsWith('taken')
          ? taken.tenant || 'nobody'
          : event.tenant;
    const eventId = poison === 'taken_event_id' ? taken.eventId : event.hasEventId && !poison ? uuid : '';
    const key = poison === 'taken_key' ? taken.key : event.hasKey && !poison ? `key-${n}-${uuid}` : '';
    const eventType = poison === 'no_type' ? '' : `"eventType":"${type}",`;
    const orderKey = `"orderKey":"${orderKeyOf(n)}",`;
    const body = `{${eventType}${orderKey}${eventId ? `"eventId":"${eventId}",` : ''}"payload":${payload}}`;
    /** @type {Record<string, string>} */
    const headers = {
      'content-type': 'application/json',
      authorization: `Bearer ${poison === 'wrong_token' ? 'not-the-token-at-all' : setup.token}`,
    };
    if (key) headers['idempotency-key'] = key;
    return { path: `/api/v1/app/${tenant}/msg?with_content=false`, body, headers, eventId, key };
  }

  /** @param {ReturnType<typeof requestOf>} wanted @returns {Promise<Result>} */
  async function tryOnce({ path, headers, body }) {
    const { status, text } = await ask(path, { method: 'POST', headers, body });
    const id = /msg_[A-Za-z0-9_-]+/.exec(text)?.[0] ?? '';
    if (status >= 200 && status < 300) return { kind: 'ack', status, id };
    return { kind: status === 0 || status >= 500 || status === 429 ? 'ambiguous' : 'refused', status, id };
  }

  return async (event) => {
    const { n, tenant } = event;
    const wanted = requestOf(event);
    const sentAt = Date.now();
    let tries = 1;
    let result = await tryOnce(wanted);
    const mayRetry = !event.poison && (event.hasEventId || event.hasKey);
    while (result.kind === 'ambiguous' && mayRetry && (await again(sentAt, tries))) {
      tries += 1;
      counts.retried += 1;
      result = await tryOnce(wanted);
      // The event id is taken by our own earlier try: it was stored then.
      if (result.status === 409) result = { ...result, kind: 'ack' };
    }
    if (result.kind === 'ack' && wanted.eventId && wanted.key && !event.poison) {
      Object.assign(taken, { eventId: wanted.eventId, key: wanted.key, tenant });
    }
    counts[result.kind === 'ack' ? 'acked' : result.kind] += 1;
    await journal.write([1, n, result.kind, result.id, result.status, sentAt, Date.now(), tries]);
  };
}
