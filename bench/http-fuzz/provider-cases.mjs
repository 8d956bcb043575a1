// @ts-check
// Junk to the sources of all providers, which take everything in: it is neither answered with 5xx, nor stops anything.
import { deepTexts, jsonTexts, rawBytes } from './content-cases.mjs';
import { listOf, noise, oneOf, upTo } from './ground.mjs';
import { githubRequest } from './requests.mjs';

/** @typedef {import('./ground.mjs').Case} Case */
/** @typedef {[string, string][]} Headers */

/** @type {Record<string, Case>} */
export const providerCases = {
  'provider: any JSON': ({ random, observed, id }) => {
    const body = Buffer.from(random() < 0.3 ? oneOf(random, jsonTexts) : JSON.stringify(anyJson(random, 4)));
    return toObserved(oneOf(random, observed), { random, id, body });
  },
  'provider: deep JSON': ({ random, observed, id }) => {
    const body = Buffer.from(oneOf(random, deepTexts)(oneOf(random, [1_000, 20_000, 80_000])));
    return toObserved(oneOf(random, observed), { random, id, body });
  },
  'provider: bytes': ({ random, observed, id }) =>
    toObserved(oneOf(random, observed), {
      random,
      id,
      body: oneOf(random, [...rawBytes, noise(random, 300)]),
    }),
  'provider: form': ({ random, observed, id }) => {
    const value = oneOf(random, [
      '%00',
      '%ff',
      '%7B%22type%22%3A1%7D',
      '+',
      '%',
      '%u0000',
      'x'.repeat(5_000),
    ]);
    const body = Buffer.from(`${oneOf(random, keys)}=${value}&${oneOf(random, keys)}=${value}&a[b][c]=1&=&&`);
    return toObserved(oneOf(random, observed), {
      random,
      id,
      body,
      contentType: 'application/x-www-form-urlencoded',
    });
  },
  'provider: parts': ({ random, observed, id }) => {
    const part = `--b\r\ncontent-disposition: form-data; name="${oneOf(random, keys)}"\r\n\r\n${oneOf(random, jsonTexts)}\r\n`;
    const body = Buffer.from(part.repeat(1 + upTo(random, 50)) + oneOf(random, ['--b--\r\n', '--b', '']));
    return toObserved(oneOf(random, observed), {
      random,
      id,
      body,
      contentType: 'multipart/form-data; boundary=b',
    });
  },
  'provider: many events': ({ random, observed, id }) => {
    const item = oneOf(random, ['{}', '1', 'null', '{"event":"x"}', '[]']);
    const list = `[${Array.from({ length: 1 + upTo(random, 3_000) }, () => item).join()}]`;
    const body = Buffer.from(random() < 0.5 ? list : `{"${oneOf(random, keys)}":${list}}`);
    return toObserved(oneOf(random, observed), { random, id, body });
  },
};

const keys = [
  'type',
  'event',
  'id',
  'events',
  'data',
  'payload',
  'challenge',
  'token',
  'hub.challenge',
  'hub.mode',
  'validationToken',
  'SubscribeURL',
  'Type',
  'Message',
  'Signature',
  'timestamp',
  'created',
  '__proto__',
  'constructor',
  'object',
  'entry',
  'value',
  'status',
  'action',
  'name',
  'items',
  'resource',
  'webhook',
  'encrypt',
  'crc_token',
  'plainToken',
  'url_verification',
  'xml',
  'eventType',
  'event_type',
  'notificationItems',
  'meta',
  'message',
];
const words = [
  0,
  -1,
  1e308,
  Number.MAX_VALUE,
  null,
  true,
  '',
  'x',
  '\0',
  '\ud800',
  'url_verification',
  'SubscriptionConfirmation',
  'endpoint.url_validation',
  '2026-01-01T00:00:00Z',
  '9'.repeat(400),
  'http://127.0.0.1:9/',
  [],
  {},
];
const paths = [
  '',
  '?challenge=1',
  '?hub.mode=subscribe&hub.challenge=1&hub.verify_token=x',
  '?validationToken=%00',
  '?crc_token=%ff',
  '?msg_signature=1&timestamp=2&nonce=3&echostr=%E0%A4',
  `?${'a=1&'.repeat(800)}`,
];
const headerNames = [
  'x-hook-secret',
  'x-event-key',
  'x-goog-resource-state',
  'x-shopify-topic',
  'x-gitlab-event',
  'stripe-signature',
  'x-slack-signature',
  'x-slack-request-timestamp',
  'authorization',
  'webhook-id',
  'webhook-timestamp',
  'webhook-signature',
  'x-twilio-signature',
  'ce-id',
  'ce-type',
  'ce-time',
  'x-amz-sns-message-type',
  'x-zm-signature',
  'x-signature-ed25519',
  'x-signature-timestamp',
];
const headerValues = [
  '',
  'x',
  '0',
  '-1',
  't=1,v1=00',
  't=,v1=',
  'v1,AA==',
  'Bearer a.b.c',
  'Bearer e30.e30.e30',
  'Basic Og==',
  '9'.repeat(400),
  'x'.repeat(4_000),
  '\x80\xff',
  'SubscriptionConfirmation',
  '1e3',
  '2026-01-01T00:00:00Z',
  ',,,,',
  '=;=;=',
];

/** @param {() => number} random @param {number} depth @returns {unknown} */
function anyJson(random, depth) {
  if (depth === 0 || random() < 0.3) return oneOf(random, words);
  const count = upTo(random, 6);
  if (random() < 0.3) return Array.from({ length: count }, () => anyJson(random, depth - 1));
  return Object.fromEntries(
    Array.from({ length: count }, () => [oneOf(random, keys), anyJson(random, depth - 1)]),
  );
}

/**
 * @param {import('./requests.mjs').Door} door
 * @param {{ random: () => number, id: string, body: Buffer, contentType?: string }} what
 * @returns {import('./ground.mjs').Made}
 */
function toObserved(door, { random, id, body, contentType = 'application/json' }) {
  const method = random() < 0.8 ? 'POST' : oneOf(random, ['GET', 'HEAD', 'PUT', 'OPTIONS', 'DELETE']);
  const more = listOf(upTo(random, 4), () => [oneOf(random, headerNames), oneOf(random, headerValues)]);
  const headers = /** @type {Headers} */ ([
    ['host', '127.0.0.1'],
    ['content-type', contentType],
    ['x-fuzz', id],
  ]);
  const line = `${method} ${door.path}${oneOf(random, paths)} HTTP/1.1`;
  return {
    expected: 'any',
    pieces: [githubRequest(door, id, { line, body, headers, more })],
    patienceMs: 8_000,
  };
}
