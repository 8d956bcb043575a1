// @ts-check
// Posthorn's HTTP API, as far as the story needs it.

const timeoutMs = 30_000;

/** What Posthorn said to a request that it refused. */
export class Refused extends Error {
  /** @param {string} request @param {number} status @param {string} text */
  constructor(request, status, text) {
    super(`${request} was answered ${status}: ${text}`);
    this.status = status;
    this.text = text;
  }
}

/** @param {{ serverUrl: string, token: string }} posthorn */
export function createPosthornApi({ serverUrl, token }) {
  /**
   * @param {'GET' | 'PUT' | 'DELETE'} method
   * @param {string} path
   * @param {object} [body]
   */
  return async function call(method, path, body) {
    const response = await fetch(serverUrl + path, {
      method,
      headers: {
        authorization: `Bearer ${token}`,
        ...(body === undefined ? {} : { 'content-type': 'application/json' }),
      },
      body: body === undefined ? null : JSON.stringify(body),
      signal: AbortSignal.timeout(timeoutMs),
    });
    const text = await response.text();
    if (!response.ok) throw new Refused(`${method} ${path}`, response.status, text);
    return text === '' ? undefined : JSON.parse(text);
  };
}
