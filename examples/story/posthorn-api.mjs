// @ts-check
// Posthorn's HTTP API, as far as the stories need it.

const timeoutMs = 30_000;

/**
 * @typedef {{ id: string, ingestUrl: string }} Source
 * @typedef {{ id: string, verdict: string, reason: string | null, detail: string | null, deliveryId: string | null,
 *   messageIds: string[], duplicates: number }} StoredRequest
 * @typedef {StoredRequest & { method: string, headers: Record<string, string[]>, body: string }} WholeRequest
 * @typedef {{ id: string, eventType: string }} Message
 * @typedef {{ endpointId: string, outcome: string, response: string }} Attempt
 */

/** What Posthorn refused, with its own words in `text`. */
export class Refused extends Error {
  /** @param {string} request @param {number} status @param {string} text */
  constructor(request, status, text) {
    super(`Posthorn refused ${request}: ${status} ${text}`);
    this.status = status;
    this.text = text;
  }
}

/** @param {{ serverUrl: string, token: string }} posthorn */
export function createPosthornApi({ serverUrl, token }) {
  /** @param {string} method @param {string} path @param {object} [body] */
  async function call(method, path, body) {
    const response = await fetch(serverUrl + path, {
      method,
      headers: {
        authorization: `Bearer ${token}`,
        ...(body && { 'content-type': 'application/json' }),
      },
      body: body === undefined ? null : JSON.stringify(body),
      signal: AbortSignal.timeout(timeoutMs),
    });
    const text = await response.text();
    if (!response.ok) throw new Refused(`${method} ${path}`, response.status, text);
    return text === '' ? undefined : JSON.parse(text);
  }

  /** All pages of a list. @param {string} path */
  async function list(path) {
    const found = [];
    let iterator = '';
    for (;;) {
      const page = await call('GET', `${path}?limit=250${iterator && `&iterator=${iterator}`}`);
      found.push(...page.data);
      if (page.done) return found;
      iterator = encodeURIComponent(page.iterator);
    }
  }

  return {
    /**
     * A source without a past, so that everything in it belongs to this run.
     *
     * @param {string} uid
     * @param {{ type: string, name: string, config: object }} fields
     * @returns {Promise<Source>}
     */
    async newSource(uid, fields) {
      const path = `/ingest/api/v1/source/${uid}`;
      await call('DELETE', path).catch((error) => {
        if (!(error instanceof Refused && error.status === 404)) throw error;
      });
      return call('PUT', path, fields);
    },
    /**
     * @param {Source} source
     * @param {string} uid
     * @param {object} fields
     * @returns {Promise<{ id: string }>}
     */
    endpoint: (source, uid, fields) =>
      call('PUT', `/ingest/api/v1/source/${source.id}/endpoint/${uid}`, fields),
    /** @param {Source} source @returns {Promise<StoredRequest[]>} the newest first */
    requests: (source) => list(`/ingest/api/v1/source/${source.id}/request`),
    /** @param {Source} source @param {string} id @returns {Promise<WholeRequest>} */
    wholeRequest: (source, id) => call('GET', `/ingest/api/v1/source/${source.id}/request/${id}`),
    /** @param {Source} source @returns {Promise<Message[]>} */
    messages: (source) => list(`/api/v1/app/${source.id}/msg`),
    /** @param {Source} source @param {string} endpointId @returns {Promise<Attempt[]>} the newest first */
    attempts: (source, endpointId) => list(`/api/v1/app/${source.id}/attempt/endpoint/${endpointId}`),
    /** @param {Source} source @param {string} endpointId @returns {Promise<{ success: number, canceled: number }>} */
    deliveryCounts: (source, endpointId) =>
      call('GET', `/api/v1/app/${source.id}/endpoint/${endpointId}/stats`),
    /** @param {Source} source @param {string} messageId @returns {Promise<Attempt[]>} the newest first */
    attemptsOf: (source, messageId) => list(`/api/v1/app/${source.id}/attempt/msg/${messageId}`),
  };
}
