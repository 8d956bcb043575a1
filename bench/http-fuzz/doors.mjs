// @ts-check
// The sources of a run: one that is sent everything, one that is crowded, one that must get nothing, one that goes on as if nothing happened,
// and one for each provider, which takes in what it cannot verify.
import { providers } from '@posthorn/webhooks/providers';
import { call } from '../crash/register.mjs';
import { bodyMaxBytes } from './content-cases.mjs';

const sourcesPath = '/ingest/api/v1/source';
const secret = 'It is a Secret to Everybody';
const everyMethod = ['GET', 'POST', 'PUT', 'PATCH', 'DELETE'];
const settings = { verifyToken: 'x' };

/** @typedef {import('./requests.mjs').Door & { id: string }} Door */

/** @param {string} url @param {string} uid @param {Record<string, unknown>} fields @returns {Promise<Door>} */
async function open(url, uid, fields) {
  const wanted = { type: 'github', name: uid, config: { secret }, bodyMaxBytes, ...fields };
  const { id, ingestUrl } = await call(url, `${sourcesPath}/${uid}`, 'PUT', wanted);
  return { id, path: new URL(ingestUrl).pathname, secret };
}

/** @param {string} url @param {number} sinkPort */
export async function openDoors(url, sinkPort) {
  const door = await open(url, 'fuzzed', {});
  const crowded = await open(url, 'crowded', {});
  const hidden = await open(url, 'hidden', {});
  const bystander = await open(url, 'bystander', {});
  const endpoint = { url: `http://127.0.0.1:${sinkPort}/` };
  await call(url, `${sourcesPath}/${bystander.id}/endpoint`, 'POST', endpoint);
  const observed = [];
  for (const name of providers.keys()) {
    const fields = { type: name, observe: true, allowedMethods: everyMethod, config: { settings } };
    observed.push(await open(url, `of-${name}`, fields));
  }
  return { door, crowded, hidden, bystander, observed };
}
