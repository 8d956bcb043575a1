// @ts-check
// What a case is made from, and what may come of it:
//   any      whatever answers there are, they are good ones
//   refused  no 2xx
//   stored   2xx, and the body is stored byte for byte under the id
//   framing  where one request ends and another begins is not sure: at most one answer, and nothing of what hides in it
import { pickWeighted } from '../crash/random.mjs';
import { githubRequest } from './requests.mjs';

/**
 * @typedef {import('./requests.mjs').Door} Door
 * @typedef {object} Ground
 * @property {() => number} random
 * @property {string} id of the delivery, of its own
 * @property {Door} door
 * @property {Door} hidden where nothing may ever arrive
 * @property {readonly Door[]} observed sources that take everything in, one for each provider
 * @typedef {'any' | 'refused' | 'stored' | 'framing'} Expected
 * @typedef {import('./wire.mjs').Sending & { expected: Expected, body?: Buffer }} Made
 * @typedef {(ground: Ground) => Made} Case
 */

/** @template T @param {() => number} random @param {readonly T[]} list @returns {T} */
export const oneOf = (random, list) =>
  pickWeighted(
    random,
    list.map((item) => [item, 1]),
  );
/** @param {() => number} random @param {number} below */
export const upTo = (random, below) => Math.floor(random() * below);
/** @param {() => number} random @param {number} count */
export const noise = (random, count) => Buffer.from(Array.from({ length: count }, () => upTo(random, 256)));
const bytesOf = (/** @type {Buffer | string} */ piece) =>
  typeof piece === 'string' ? Buffer.from(piece, 'latin1') : piece;
/** @param {Expected} expected @param {(Buffer | string)[]} pieces @returns {Made} */
export const sent = (expected, ...pieces) => ({ expected, pieces: pieces.map(bytesOf) });
export const body = Buffer.from('{"action":"opened","n":1}');

/** A whole, valid request for the door where nothing may arrive. @param {Ground} ground */
export const inner = ({ hidden, id }) => githubRequest(hidden, `hidden-${id}`, { body });

/** @param {number} count @param {(n: number) => [name: string, value: string]} make */
export const listOf = (count, make) => Array.from({ length: count }, (_, n) => make(n));
