// @ts-check
// Requests as bytes, well-formed unless told otherwise, and signed as GitHub signs.
import { createHmac } from 'node:crypto';

/**
 * @typedef {{ path: string, secret: string }} Door
 * @typedef {[name: string, value: string]} Header
 * @typedef {object} Draft
 * @property {string} [line] the request line
 * @property {readonly Header[]} [headers] instead of the usual ones
 * @property {readonly Header[]} [more] behind them
 * @property {Buffer} [body]
 * @property {string | undefined} [length] of Content-Length; undefined with the key: none
 */

export const crlf = '\r\n';

/** @param {string} secret @param {Uint8Array} body */
export const signature = (secret, body) =>
  `sha256=${createHmac('sha256', secret).update(body).digest('hex')}`;

/** @param {Door} door @param {string} id @param {Uint8Array} body @returns {Header[]} */
export function githubHeaders({ secret }, id, body) {
  return [
    ['host', '127.0.0.1'],
    ['content-type', 'application/json'],
    ['x-github-event', 'push'],
    ['x-github-delivery', id],
    ['x-hub-signature-256', signature(secret, body)],
  ];
}

/** @param {Door} door @param {string} id @param {Draft} [draft] @returns {Buffer} */
export function githubRequest(door, id, draft = {}) {
  const { body = Buffer.from('{}'), line = `POST ${door.path} HTTP/1.1`, more = [] } = draft;
  const headers = [...(draft.headers ?? githubHeaders(door, id, body)), ...more];
  const length = 'length' in draft ? draft.length : String(body.length);
  if (length !== undefined) headers.push(['content-length', length]);
  const head = [line, ...headers.map(([name, value]) => `${name}: ${value}`)].join(crlf);
  return Buffer.concat([Buffer.from(head + crlf + crlf, 'latin1'), body]);
}

/** Chunked, in pieces of `size`. @param {Uint8Array} body @param {number} size @param {string} [extension] */
export function chunked(body, size, extension = '') {
  const parts = [];
  for (let at = 0; at < body.length; at += size) {
    const part = body.subarray(at, at + size);
    parts.push(Buffer.from(`${part.length.toString(16)}${extension}${crlf}`), part, Buffer.from(crlf));
  }
  return Buffer.concat([...parts, Buffer.from(`0${crlf}${crlf}`)]);
}
