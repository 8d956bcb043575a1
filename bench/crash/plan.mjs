// @ts-check
// What a run sends and to whom: tenants, endpoints with their manners, and events, all from the seed.
import { createHash } from 'node:crypto';
import { pickWeighted, randomFrom, uuidFrom } from './random.mjs';

/**
 * @typedef {object} Endpoint
 * @property {number} index its place in the list, and in its URL
 * @property {string} tenant the application's uid; of a source, the source's
 * @property {string} application by which the API knows that
 * @property {string} manner how it answers, see answers.mjs
 * @property {string[]} types the event types it asks for
 * @property {string} secret
 * @property {string} [id] given by Posthorn
 */
/**
 * @typedef {object} PlannedEvent
 * @property {number} n
 * @property {string} uuid
 * @property {string} tenant
 * @property {string} type
 * @property {string} payload the exact text
 * @property {string} hash of the payload's bytes
 * @property {boolean} hasEventId
 * @property {boolean} hasKey
 * @property {string} poison empty, or why it must be refused
 * @typedef {readonly (readonly [string, number])[]} Mix event types and their weights
 */

const tenants = ['tenant-0', 'tenant-1', 'tenant-2', 'tenant-3'];
const hostileManners = [
  'slow_headers',
  'byte_a_second',
  'endless_body',
  'garbage',
  'gzip_bomb',
  'redirect',
  'reset_in_head',
  'reset_in_body',
];
const manners = [
  'steady',
  'steady',
  'slow',
  'flaky',
  'retry_after',
  'reset',
  'hang',
  'gone',
  'dead',
  'switch',
  'seldom',
  'fifo',
  'fifo_skip',
  'key',
];

/** Shares of event types; a type goes to the one endpoint per tenant that asks for it, `pair` to two. */
export const shares = /** @type {Mix} */ ([
  ['steady', 58],
  ['pair', 12],
  ['slow', 7],
  ['flaky', 6],
  ['retry_after', 3],
  ['reset', 3],
  ['gone', 2],
  ['switch', 2],
  ['fifo', 2],
  ['fifo_skip', 2],
  ['key', 2],
  ['dead', 1],
  ['hang', 0.7],
  ['hostile', 0.7],
]);
/** Few enough that events wait for each other. */
const orderKeys = 12;
/** What the event says that it is about, by the API. @param {number} n */
export const orderKeyOf = (n) => `key ${n % orderKeys}`;
/** An endpoint can be disabled for good only once in a run; some runs need it twice. */
const secondGone = 'gone_too';

/**
 * @param {number} seed
 * @returns {Endpoint[]}
 */
export function planEndpoints(seed) {
  const random = randomFrom(seed ^ 0x51ed27);
  /** @type {Endpoint[]} */
  const endpoints = [];
  const add = (/** @type {string} */ tenant, /** @type {string} */ manner, /** @type {string[]} */ types) => {
    const key = Buffer.from(Array.from({ length: 32 }, () => Math.floor(random() * 256)));
    endpoints.push({
      index: endpoints.length,
      tenant,
      application: tenant,
      manner,
      types,
      secret: `whsec_${key.toString('base64')}`,
    });
  };
  for (const tenant of tenants) {
    add(tenant, 'steady', ['steady', 'pair']);
    add(tenant, 'steady', ['pair']);
  }
  manners.slice(2).forEach((manner, place) => add(tenantOf(place), manner, [manner]));
  hostileManners.forEach((manner, place) => add(tenantOf(place), manner, ['hostile']));
  add(tenantOf(0), 'gone', [secondGone]);
  return endpoints;
}

const tenantOf = (/** @type {number} */ place) => tenants[place % tenants.length] ?? '';

/** The usual mix, narrowed to these types. @param {readonly string[]} types @returns {Mix} */
export const onlyOf = (types) => types.map((type) => shares.find(([name]) => name === type) ?? [type, 1]);

/**
 * The event `n`.
 * @param {number} seed
 * @param {number} n
 * @param {{ mix: Mix, poisons: readonly string[], poisonShare: number }} from
 * @returns {PlannedEvent}
 */
export function planEvent(seed, n, { mix, poisons, poisonShare }) {
  const random = randomFrom((seed ^ Math.imul(n + 1, 0x9e3779b1)) >>> 0);
  random();
  const type = pickWeighted(random, mix);
  const place = manners.indexOf(type, 2) - 2;
  const any = Math.floor(random() * tenants.length);
  const tenant = type === secondGone ? tenantOf(0) : tenantOf(place >= 0 ? place : any);
  const uuid = uuidFrom(random);
  // Text that a parser would not give back the same: spaces, 1.0, 1e400, an escaped slash, a name twice.
  const pad = 'ü€😀'.repeat(Math.floor(random() * 40));
  const payload = `{ "id":"${uuid}", "n":${n}, "tenant" : "${tenant}", "amount":1.0, "big":1e400, "a":1, "a":2, "path":"\\/x", "pad":"${pad}" }`;
  const poison =
    n > 50 && random() < poisonShare
      ? pickWeighted(
          random,
          poisons.map((p) => [p, 1]),
        )
      : '';
  return {
    n,
    uuid,
    tenant,
    type,
    payload,
    hash: hashOf(payload),
    hasEventId: random() < 0.8,
    hasKey: random() < 0.5,
    poison,
  };
}

/** @param {string | Uint8Array} bytes */
export function hashOf(bytes) {
  return createHash('sha256').update(bytes).digest('hex').slice(0, 24);
}

/**
 * The endpoints that an event is for: the run's own opinion, not Posthorn's.
 * @param {readonly Endpoint[]} endpoints
 * @param {{ tenant: string, type: string }} event
 */
export function endpointsFor(endpoints, event) {
  return endpoints.filter(({ tenant, types }) => tenant === event.tenant && types.includes(event.type));
}
