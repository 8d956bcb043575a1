// @ts-check
// How a receiver answers: well, badly, or with malice. Each manner says what it gave, for the journal.
import { setTimeout as pause } from 'node:timers/promises';
import { gzipSync } from 'node:zlib';

/**
 * @typedef {import('node:http').ServerResponse} Response
 * @typedef {{ seen: number, total: number, chance: () => number }} Case `seen`: earlier requests with this id here; `total`: earlier requests here
 * What was given: a status, or a word. `2xx?`: the head said 200, what followed made it no clean answer.
 * @typedef {Promise<string>} Given
 */

const goneAfter = 40;
const hostileMaxMs = 20_000;
const bomb = gzipSync(Buffer.alloc(20 * 1024 * 1024));

/**
 * @param {Response} response
 * @param {number} status
 * @param {Record<string, string>} [headers]
 * @returns {Given}
 */
export function plain(response, status, headers = {}) {
  return new Promise((resolve) => {
    response.once('close', () => resolve(response.writableFinished ? String(status) : 'cut'));
    // Not by writeHead, which would keep them from whoever asks for them afterwards: the journal does.
    for (const [name, value] of Object.entries(headers)) response.setHeader(name, value);
    response.writeHead(status).end();
  });
}

/** Waits, then resets, unless the peer hung up before. @param {Response} response @param {number} ms */
async function holdThenReset(response, ms) {
  await Promise.race([pause(ms, undefined, { ref: false }), closed(response)]);
  response.socket?.resetAndDestroy();
}

/** @param {Response} response */
const closed = (response) => new Promise((resolve) => response.once('close', () => resolve(undefined)));

/** @param {Response} response @param {string} text @param {number} everyMs */
async function drip(response, text, everyMs) {
  const timer = setInterval(() => response.socket?.write(text), everyMs);
  await Promise.race([closed(response), pause(hostileMaxMs, undefined, { ref: false })]);
  clearInterval(timer);
  response.socket?.destroy();
}

/** @param {Response} response */
async function flood(response) {
  response.writeHead(200);
  const chunk = Buffer.alloc(64 * 1024, 'x');
  const more = () => {
    while (!response.destroyed && response.write(chunk));
  };
  response.on('drain', more);
  more();
  await Promise.race([closed(response), pause(hostileMaxMs, undefined, { ref: false })]);
  response.destroy();
}

/** Slow enough that two at a time would be seen; one in sixty fails once, and for long enough that others would pass it. @param {Response} response @param {Case} about */
async function inOrder(response, { seen, total, chance }) {
  await pause(2 + chance() * 8);
  if (seen > 0 || total % 60 !== 7) return plain(response, 200);
  return plain(response, 500, { 'retry-after': '3' });
}

function retryAfterOf(/** @type {number} */ total) {
  const kinds = [
    '1',
    '4',
    new Date(Date.now() + 5_000).toUTCString(),
    'soon',
    '-5',
    '0',
    '1e9',
    new Date(0).toUTCString(),
  ];
  return kinds[(total / 2) % kinds.length] ?? '1';
}

/** @type {Record<string, (response: Response, about: Case) => Given>} */
export const manners = {
  steady: (response) => plain(response, 200),
  seldom: (response) => plain(response, 204),
  switch: (response) => plain(response, 200),
  async slow(response, { chance }) {
    await pause(50 + chance() * 250);
    return plain(response, 202);
  },
  flaky: (response, { seen, total }) =>
    plain(response, seen === 0 && total % 2 === 0 ? ([500, 502, 404][total % 3] ?? 500) : 200),
  fifo: (response, about) => inOrder(response, about),
  fifo_skip: (response, about) => inOrder(response, about),
  key: (response, about) => inOrder(response, about),
  retry_after: (response, { seen, total }) =>
    seen === 0 && total % 2 === 0
      ? plain(response, total % 4 ? 429 : 503, { 'retry-after': retryAfterOf(total) })
      : plain(response, 200),
  async reset(response, { seen, chance }) {
    if (seen > 0) return plain(response, 200);
    await pause(chance() * 50);
    response.socket?.resetAndDestroy();
    return 'reset';
  },
  // One in three, so that a breaker stays closed and the endpoint stays busy.
  async hang(response, { seen, total }) {
    if (seen > 0 || total % 3 > 0) return plain(response, 200);
    await holdThenReset(response, hostileMaxMs);
    return 'hang';
  },
  gone: (response, { total }) => plain(response, total < goneAfter ? 200 : 410),
  dead: (response) => plain(response, 500),
  async slow_headers(response) {
    response.socket?.write('HTTP/1.1 200 OK\r\n');
    await drip(response, 'x-a: b\r\n', 500);
    return 'slow_headers';
  },
  async byte_a_second(response) {
    response.socket?.write('HTTP/1.1 200 OK\r\ncontent-length: 1000\r\n\r\n');
    await drip(response, 'x', 1_000);
    return '2xx?';
  },
  async endless_body(response) {
    await flood(response);
    return '2xx?';
  },
  async garbage(response) {
    response.socket?.end('\0\x01 this is not HTTP \r\n\r\n\r\n');
    return 'garbage';
  },
  async gzip_bomb(response) {
    await new Promise((resolve) => {
      response.once('close', () => resolve(undefined));
      response.writeHead(200, { 'content-encoding': 'gzip' }).end(bomb);
    });
    return '2xx?';
  },
  redirect: (response) => plain(response, 307, { location: '/forbidden' }),
  async reset_in_head(response) {
    response.socket?.write('HTTP/1.1 20');
    response.socket?.resetAndDestroy();
    return 'reset';
  },
  async reset_in_body(response) {
    response.socket?.write('HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nabc');
    await pause(20);
    response.socket?.resetAndDestroy();
    return '2xx?';
  },
};
