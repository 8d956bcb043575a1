// @ts-check
// Many at once: bodies that together are more than a source may hold, and connections that never say anything whole.
import { connect } from 'node:net';
import { setTimeout as pause } from 'node:timers/promises';
import { bodyMaxBytes } from './content-cases.mjs';
import { githubRequest } from './requests.mjs';
import { exchange } from './wire.mjs';

const largeAtOnce = 80;
const heldMs = 400;
const patienceMs = 20_000;
const idleCount = 300;

/** @param {number} port @param {import('./requests.mjs').Door} door @param {string} id @param {import('./judge.mjs').Judge} judge */
export async function crowdOfLargeBodies(port, door, id, judge) {
  const body = Buffer.alloc(bodyMaxBytes, 0x20);
  const sendOne = async (/** @type {number} */ n) => {
    const whole = githubRequest(door, `${id}-${n}`, { body });
    const pieces = [whole.subarray(0, -1), whole.subarray(-1)];
    /** @type {import('./ground.mjs').Made} */
    const made = { expected: 'any', pieces, gapMs: heldMs, patienceMs };
    judge.hear('crowd: large bodies', `${id}-${n}`, made, await exchange(port, made));
  };
  await Promise.all(Array.from({ length: largeAtOnce }, (_, n) => sendOne(n)));
}

/** Ends them when `over` does. @param {number} port @param {import('./requests.mjs').Door} door @param {Promise<unknown>} over */
export async function crowdOfIdlers(port, door, over) {
  const sockets = [];
  for (let n = 0; n < idleCount; n += 1) {
    const socket = connect(port, '127.0.0.1');
    socket.on('error', () => {});
    if (n % 3 > 0)
      socket.write(
        `POST ${door.path} HTTP/1.1\r\n${n % 3 > 1 ? 'content-length: 9\r\nhost: x\r\n\r\n{' : ''}`,
      );
    sockets.push(socket);
    if (n % 50 === 0) await pause(1);
  }
  await over;
  for (const socket of sockets) socket.destroy();
}
