// @ts-check
// What a run needs to be there before it begins: applications or sources, and their endpoints.
import { createHmac } from 'node:crypto';
import { orderings } from './check-order.mjs';
import { token } from './fleet.mjs';

/** @typedef {Record<string, import('./inbound-sender.mjs').Source>} Sources by tenant */

const callTimeoutMs = 10_000;

/** @param {string} url @param {string} path @param {string} method @param {unknown} body */
export async function call(url, path, method, body) {
  const headers = { authorization: `Bearer ${token}`, 'content-type': 'application/json' };
  const signal = AbortSignal.timeout(callTimeoutMs);
  const answer = await fetch(`${url}${path}`, { method, headers, body: JSON.stringify(body), signal });
  const text = await answer.text();
  if (!answer.ok) throw new Error(`${method} ${path}: ${answer.status} ${text}`);
  return JSON.parse(text);
}

/** @param {import('./plan.mjs').Endpoint} endpoint */
export const endpointPath = ({ application, id = '' }) =>
  `/api/v1/app/${application}/endpoint${id && `/${id}`}`;

/**
 * Resolves with the sources, where the tenants are such.
 * @param {string} url
 * @param {import('./plan.mjs').Endpoint[]} endpoints
 * @param {{ port: number, seed: number, inbound: boolean }} to
 * @returns {Promise<Sources | undefined>}
 */
export async function register(url, endpoints, { port, seed, inbound }) {
  /** @type {Sources} */
  const sources = {};
  for (const tenant of new Set(endpoints.map((endpoint) => endpoint.tenant))) {
    if (inbound) sources[tenant] = await registerSource(url, tenant, seed);
    else await call(url, '/api/v1/app', 'POST', { name: tenant, uid: tenant });
  }
  for (const endpoint of endpoints) {
    const { tenant, index, types, secret, manner } = endpoint;
    const ordering = orderings[manner] ?? null;
    const wanted = { url: `http://127.0.0.1:${port}/e/${index}`, filterTypes: types, secret, ordering };
    endpoint.application = sources[tenant]?.id ?? tenant;
    endpoint.id = (await call(url, endpointPath(endpoint), 'POST', wanted)).id;
  }
  return inbound ? sources : undefined;
}

/** @param {string} url @param {string} tenant @param {number} seed @returns {Promise<import('./inbound-sender.mjs').Source>} */
async function registerSource(url, tenant, seed) {
  const secret = createHmac('sha256', String(seed)).update(tenant).digest('hex');
  const wanted = { type: 'github', name: tenant, config: { secret } };
  const { id, ingestUrl } = await call(url, `/ingest/api/v1/source/${tenant}`, 'PUT', wanted);
  return { id, path: new URL(ingestUrl).pathname, secret };
}
