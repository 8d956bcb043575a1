// @ts-check
// I10: what providers were answered with 2xx, against what is stored of it.
import pg from 'pg';
import { rowsOf } from './database-state.mjs';

/** @typedef {import('./checker.mjs').Case} Case */
/** @typedef {import('./history.mjs').Told} Told */
/**
 * @typedef {{ id: string, requestId: string, hash: string }} StoredMessage
 * @typedef {{ id: string, verdict: string, deliveryId: string, duplicates: number, hash: string, messageIds: string[] }} StoredRequest
 * @typedef {object} InboundState what the database has of requests, and of what they became
 * @property {Map<string, StoredMessage[]>} messages by the provider's id
 * @property {Map<string, StoredRequest[]>} requests by the provider's id
 */

const hashSql = (/** @type {string} */ bytes) => `left(encode(sha256(${bytes}), 'hex'), 24)`;
const messageSql = `select e.event_id, m.id, m.request_id, ${hashSql('b.payload')}
  from posthorn.message m
  left join posthorn.message_event_id e on e.application_id = m.application_id and e.message_id = m.id
  left join posthorn.message_body b on b.application_id = m.application_id and b.message_id = m.id`;
const requestSql = `select delivery_id, id, verdict, duplicates, ${hashSql('body')}, message_ids
  from posthorn.request where verdict <> 'rejected'`;

/** @param {string} url @returns {Promise<InboundState>} */
export async function readInbound(url) {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    /** @type {InboundState} */
    const state = { messages: new Map(), requests: new Map() };
    for await (const [eventId, id, requestId, hash] of rowsOf(client, messageSql))
      listed(state.messages, eventId).push({ id, requestId, hash });
    for await (const [deliveryId, id, verdict, duplicates, hash, messageIds] of rowsOf(client, requestSql))
      listed(state.requests, deliveryId).push({ id, verdict, deliveryId, duplicates, hash, messageIds });
    return state;
  } finally {
    await client.end();
  }
}

/** @template T @param {Map<string, T[]>} map @param {string} key @returns {T[]} */
function listed(map, key) {
  const list = map.get(key) ?? [];
  map.set(key, list);
  return list;
}

/** Providers are not told a message's id: it is the one that is stored of the event. @param {Case} the */
export function nameMessages({ history, state }) {
  for (const [id, { n }] of state.messages) {
    const event = history.events.get(n);
    if (event?.result === 'ack' && event.messageId === '') event.messageId = id;
  }
}

/** @param {Case} the @param {InboundState} stored */
export function checkInbound(the, stored) {
  const { history, violate, counts } = the;
  const tally = { sentInAll: 0, answered2xx: 0, countedAsRepeated: 0, setAside: 0 };
  for (const { n, status, why } of history.odd)
    violate('I10', `event ${n} was answered with ${status}: ${why}`);
  const altered = new Map();
  for (const list of stored.requests.values()) {
    for (const { verdict, hash } of list)
      if (verdict === 'altered') altered.set(hash, (altered.get(hash) ?? 0) + 1);
  }
  for (const [n, event] of history.events) {
    tally.sentInAll += event.tries;
    tally.answered2xx += event.acks;
    if (event.result === 'aside') {
      tally.setAside += 1;
      if (!altered.has(event.hash)) violate('I10', `event ${n} came under a taken id, and was not set aside`);
    } else if (!event.poison) {
      tally.countedAsRepeated += checkStored(the, n, event, stored);
    }
  }
  Object.assign(counts, tally);
}

/**
 * One message, as it came, with the request that brought it; how often it came again is counted. Of what was never
 * answered, the same holds where it was stored all the same. Answers how often it was counted as repeated.
 * @param {Case} the @param {number} n @param {Told} event @param {InboundState} stored
 */
function checkStored({ violate }, n, { uuid, hash, result, tries, acks }, stored) {
  const messages = stored.messages.get(uuid) ?? [];
  const all = stored.requests.get(uuid) ?? [];
  const requests = all.filter(({ verdict }) => verdict !== 'altered');
  const aside = all.length - requests.length;
  const isAcked = result === 'ack';
  const what = `event ${n}, sent ${tries} times and answered with 2xx ${acks} times,`;
  if (messages.length > 1 || (isAcked && messages.length === 0))
    violate('I10', `${what} is stored as ${messages.length} messages`);
  if (requests.length > 1 || (isAcked && requests.length === 0))
    violate('I10', `${what} is stored as ${requests.length} requests`);
  const [[message], [request]] = [messages, requests];
  if (!message || !request) {
    if (message || request) violate('I10', `${what}: one of message and request is not there`);
    return 0;
  }
  if (message.hash !== hash) violate('I10', `${what}: its bytes were altered`);
  if (message.requestId !== request.id || request.messageIds.join() !== message.id)
    violate('I10', `${what}: request ${request.id} and message ${message.id} do not name each other`);
  // Each 2xx but the first was given to a repetition that was counted; a count may also be of one without an answer. What
  // came under its id with another body is counted, too.
  const repeated = request.duplicates - aside;
  if (repeated < acks - 1 || repeated > tries - 1)
    violate('I10', `${what} is counted as repeated ${repeated} times`);
  return request.duplicates;
}
