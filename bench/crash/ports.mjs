// @ts-check
// Free ports below the ephemeral range: there, a client's own connection cannot take a server's port.
import { createServer } from 'node:net';

const first = 21_000;
const last = 31_000;
let next = first + (process.pid % 100) * 100;

/** @returns {Promise<number>} */
export async function freePort() {
  for (let tried = first; tried < last; tried += 1) {
    next = next >= last ? first : next + 1;
    if (await isFree(next)) return next;
  }
  throw new Error(`no free port between ${first} and ${last}`);
}

/** @param {number} port */
function isFree(port) {
  return new Promise((resolve) => {
    const server = createServer();
    server.once('error', () => resolve(false));
    server.listen(port, '127.0.0.1', () => server.close(() => resolve(true)));
  });
}
