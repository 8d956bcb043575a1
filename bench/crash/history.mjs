// @ts-check
// Reads the two journals of a run into one history.
import { endpointsFor } from './plan.mjs';
import { readJournal } from './journal.mjs';

/**
 * @typedef {object} Told what the producer wrote down about an event
 * @property {string} uuid
 * @property {string} tenant
 * @property {string} type
 * @property {string} hash
 * @property {string} poison
 * @property {'ack' | 'aside' | 'refused' | 'ambiguous' | 'unknown'} result aside: answered with 2xx, and not taken in
 * @property {string} messageId
 * @property {number} sentMs
 * @property {number} endMs
 * @property {number} tries
 * @property {number} acks answers with 2xx, where they were counted
 * @property {number} status
 * @typedef {object} Hit one request at a receiver
 * @property {string} id
 * @property {number} receivedMs
 * @property {number} answeredMs
 * @property {string} given
 * @property {string} retryAfter
 * @property {number} sender the process that sent it; 0: not known
 * @typedef {object} History
 * @property {Map<number, Told>} events by n
 * @property {Map<number, Hit[]>} hits by `hitKey`, in the order in which they were received
 * @property {Map<number, number>} goneMs when each endpoint first said that it is gone, by index
 * @property {number} requests
 * @property {number} senderUnknown how many of them do not say which process sent them
 * @property {{ n: number, status: number, why: string }[]} odd answers that nobody should get
 * @property {(event: Told) => import('./plan.mjs').Endpoint[]} expected
 */

const goneStatus = '410';
const endpointsMax = 256;
/** Numbers, because a million texts are a lot of memory. @param {number} n @param {number} index */
export const hitKey = (n, index) => n * endpointsMax + index;
/** @param {number} key */
export const placeOf = (key) => ({ n: Math.floor(key / endpointsMax), index: key % endpointsMax });

/**
 * @param {string} producerPath
 * @param {string} receiverPath
 * @param {import('./plan.mjs').Endpoint[]} endpoints
 * @param {(rule: string, what: string) => void} violate
 * @returns {Promise<History>}
 */
export async function readHistory(producerPath, receiverPath, endpoints, violate) {
  const { events, odd } = await readProducer(producerPath);
  /** @type {Map<number, Hit[]>} */
  const hits = new Map();
  let requests = 0;
  let senderUnknown = 0;
  for await (const entry of readJournal(receiverPath)) {
    const [index, id, n, uuid, hash, signature, receivedMs, answeredMs, given, retryAfter, sender = 0] =
      entry;
    requests += 1;
    if (sender === 0) senderUnknown += 1;
    const where = `request ${id} (event ${n}) at endpoint ${index}`;
    const event = events.get(n);
    const endpoint = endpoints[index];
    if (signature !== 'ok') violate('I2', `${where}: signature ${signature}`);
    if (!event || event.uuid !== uuid) {
      violate('I2', `${where}: nobody sent it`);
      continue;
    }
    if (event.hash !== hash) violate('I2', `${where}: the body was altered`);
    if (endpoint?.tenant !== event.tenant) violate('I7', `${where}: it belongs to ${event.tenant}`);
    else if (!endpoint.types.includes(event.type)) violate('I7', `${where}: not subscribed to ${event.type}`);
    const key = hitKey(n, index);
    const list = hits.get(key);
    const hit = { id, receivedMs, answeredMs, given, retryAfter, sender };
    if (list) list.push(hit);
    else hits.set(key, [hit]);
  }
  /** @type {History['goneMs']} */
  const goneMs = new Map();
  for (const [key, list] of hits) {
    list.sort((a, b) => a.receivedMs - b.receivedMs);
    const { index } = placeOf(key);
    const said = list.find(({ given }) => given === goneStatus)?.receivedMs ?? Number.POSITIVE_INFINITY;
    if (said < (goneMs.get(index) ?? Number.POSITIVE_INFINITY)) goneMs.set(index, said);
  }
  /** @type {Map<string, import('./plan.mjs').Endpoint[]>} */
  const known = new Map();
  const expected = (/** @type {Told} */ event) => {
    const name = `${event.tenant} ${event.type}`;
    const list = known.get(name) ?? endpointsFor(endpoints, event);
    known.set(name, list);
    return list;
  };
  return { events, hits, goneMs, requests, senderUnknown, odd, expected };
}

/** @param {string} path */
async function readProducer(path) {
  /** @type {Map<number, Told>} */
  const events = new Map();
  /** @type {History['odd']} */
  const odd = [];
  for await (const entry of readJournal(path)) {
    const [kind, n, ...rest] = entry;
    if (kind === 0) {
      const [uuid, tenant, type, hash, poison] = rest;
      const open = {
        result: /** @type {const} */ ('unknown'),
        messageId: '',
        sentMs: 0,
        endMs: 0,
        tries: 0,
        acks: 0,
        status: 0,
      };
      events.set(n, { uuid, tenant, type, hash, poison, ...open });
      continue;
    }
    if (kind === 2) {
      odd.push({ n, status: rest[0], why: rest[1] });
      continue;
    }
    const [result, messageId, status, sentMs, endMs, tries, acks = 0] = rest;
    const event = events.get(n);
    if (event) Object.assign(event, { result, messageId, status, sentMs, endMs, tries, acks });
  }
  return { events, odd };
}
