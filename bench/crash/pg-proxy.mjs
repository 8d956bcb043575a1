// @ts-check
// A TCP proxy between Posthorn and PostgreSQL that can stall, swallow answers, slow down and reset.
import { connect, createServer } from 'node:net';
import { freePort } from './ports.mjs';

/**
 * `pass`; `stall`: nothing moves, connections stay (half-open); `mute`: statements go through, answers do not;
 * `slow`: every piece waits.
 * @typedef {'pass' | 'stall' | 'mute' | 'slow'} Mode
 * @typedef {object} PgProxy
 * @property {number} port
 * @property {(mode: Mode) => void} set
 * @property {() => void} resetAll
 * @property {() => Promise<void>} stop
 */

const slowMs = 200;

/**
 * @param {number} targetPort
 * @returns {Promise<PgProxy>}
 */
export async function startPgProxy(targetPort) {
  /** @type {Mode} */
  let mode = 'pass';
  const pairs = new Set();

  const carry = (/** @type {any} */ from, /** @type {any} */ to, /** @type {boolean} */ isAnswer) => {
    /** @type {Buffer[]} */
    const kept = [];
    const holds = () => mode === 'stall' || (isAnswer && mode === 'mute');
    const release = () => {
      if (holds()) return;
      for (const piece of kept.splice(0)) to.write(piece);
    };
    from.on('data', (/** @type {Buffer} */ piece) => {
      if (holds() || kept.length > 0) kept.push(piece);
      else if (mode === 'slow') {
        kept.push(piece);
        setTimeout(release, slowMs);
      } else to.write(piece);
    });
    from.on('end', () => to.end());
    return release;
  };

  const server = createServer((client) => {
    const upstream = connect(targetPort, '127.0.0.1');
    for (const socket of [client, upstream]) socket.setNoDelay(true);
    const pair = {
      client,
      upstream,
      release: [carry(client, upstream, false), carry(upstream, client, true)],
    };
    pairs.add(pair);
    const drop = () => {
      pairs.delete(pair);
      client.destroy();
      upstream.destroy();
    };
    for (const socket of [client, upstream]) socket.on('error', drop).on('close', drop);
  });
  const port = await freePort();
  await new Promise((resolve) => {
    server.listen(port, '127.0.0.1', () => resolve(undefined));
  });

  return {
    port,
    set(wanted) {
      mode = wanted;
      for (const pair of pairs) for (const release of pair.release) release();
    },
    resetAll() {
      for (const pair of pairs) {
        pair.client.resetAndDestroy();
        pair.upstream.destroy();
      }
    },
    async stop() {
      for (const pair of pairs) pair.client.destroy();
      await new Promise((resolve) => {
        server.close(() => resolve(undefined));
      });
    },
  };
}
