// @ts-check
// One connection: bytes out as they are, bytes in as they come, and how it ended.
import { connect } from 'node:net';
import { setTimeout as pause } from 'node:timers/promises';

const quietMs = 15;

/**
 * @typedef {object} Sending
 * @property {readonly Buffer[]} pieces
 * @property {number} [gapMs] between the pieces
 * @property {boolean} [halfClose] ends its side when everything is sent
 * @property {boolean} [abort] resets the connection when everything is sent
 * @property {number} [patienceMs] how long an answer is waited for
 * @typedef {{ answers: Answer[], rest: string, closed: boolean, failure: string }} Heard
 * @typedef {{ status: number, headers: Record<string, string>, body: string }} Answer
 */

/** @param {number} port @param {Sending} sending @returns {Promise<Heard>} */
export async function exchange(port, { pieces, gapMs = 0, halfClose, abort, patienceMs = 1_500 }) {
  const socket = connect({ port, host: '127.0.0.1', allowHalfOpen: true });
  let text = '';
  let closed = false;
  let failure = '';
  socket.setNoDelay(true);
  socket.on('data', (chunk) => {
    text += chunk.toString('latin1');
  });
  socket.on('error', (error) => {
    failure = /** @type {NodeJS.ErrnoException} */ (error).code ?? error.message;
  });
  const over = new Promise((resolve) => {
    socket.once('close', resolve);
    socket.once('end', resolve);
  }).then(() => {
    closed = true;
  });
  for (const piece of pieces) {
    if (socket.destroyed || closed) break;
    // One that is not read any more does not call back.
    const written = new Promise((resolve) => socket.write(piece, resolve));
    await Promise.race([written, over, pause(patienceMs)]);
    if (gapMs > 0) await Promise.race([pause(gapMs), over]);
  }
  if (abort) socket.resetAndDestroy();
  else {
    if (halfClose) socket.end();
    await answered(() => text, over, patienceMs);
  }
  socket.destroy();
  return { ...readAnswers(text), closed, failure };
}

/** Until a whole answer is there and nothing follows it, the connection is over, or patience is. @param {() => string} text @param {Promise<void>} over @param {number} patienceMs */
async function answered(text, over, patienceMs) {
  const untilMs = Date.now() + patienceMs;
  let ended = false;
  void over.then(() => {
    ended = true;
  });
  let length = -1;
  while (!ended && Date.now() < untilMs) {
    const now = text();
    if (now.length === length && now !== '' && readAnswers(now).rest === '') return;
    length = now.length;
    await Promise.race([pause(quietMs), over]);
  }
}

/**
 * Answers as a strict reader takes them; `rest` is what is none.
 * @param {string} text
 * @returns {{ answers: Answer[], rest: string }}
 */
function readAnswers(text) {
  const answers = [];
  let at = 0;
  while (at < text.length) {
    const end = text.indexOf('\r\n\r\n', at);
    if (end < 0) break;
    const [first = '', ...lines] = text.slice(at, end).split('\r\n');
    const match = /^HTTP\/1\.1 (\d{3}) [\x20-\x7e]*$/.exec(first);
    if (!match) break;
    const status = Number(match[1]);
    const headers = headersOf(lines);
    const length = status < 200 || status === 204 ? 0 : lengthOf(headers, text.slice(end + 4));
    if (!headers || !Number.isInteger(length) || text.length < end + 4 + length) break;
    at = end + 4 + length;
    // 100 Continue is none.
    if (status >= 200) answers.push({ status, headers, body: text.slice(end + 4, at) });
  }
  return { answers, rest: text.slice(at) };
}

/** @param {Record<string, string> | undefined} headers @param {string} rest behind them */
function lengthOf(headers, rest) {
  if (headers?.['transfer-encoding'] !== 'chunked') return Number(headers?.['content-length'] ?? Number.NaN);
  const end = /^(?:[\da-f]+\r\n.*?\r\n)*?0\r\n\r\n/s.exec(rest);
  return end ? end[0].length : Number.NaN;
}

/** @param {string[]} lines */
function headersOf(lines) {
  /** @type {Record<string, string>} */
  const headers = {};
  for (const line of lines) {
    const match = /^([!#$%&'*+.^_`|~0-9A-Za-z-]+): ([\t\x20-\x7e\x80-\xff]*)$/.exec(line);
    if (!match) return undefined;
    headers[(match[1] ?? '').toLowerCase()] = match[2] ?? '';
  }
  return headers;
}
