// @ts-check
// Stands for what switches the fans: takes a command for a room, and does each one once. A command that comes again carries
// the same idempotency-key.
import { createServer } from 'node:http';
import { text } from 'node:stream/consumers';
import { listen } from '../signup/listen.mjs';

/** @typedef {{ room: string, because: string, temperature: number }} Command */

export async function startFanController() {
  /** @type {Map<string, Command>} by idempotency key */
  const commands = new Map();
  let repeats = 0;

  /** @param {import('node:http').IncomingMessage} request */
  async function take(request) {
    const room = /^\/fans\/([\w-]{1,64})$/.exec(request.url ?? '')?.[1];
    const key = request.headers['idempotency-key'];
    if (request.method !== 'PUT' || room === undefined) return 404;
    if (typeof key !== 'string') return 400;
    const { because, temperature } = JSON.parse(await text(request));
    if (commands.has(key)) repeats += 1;
    else commands.set(key, { room, because, temperature });
    return 204;
  }

  const server = createServer((request, response) => {
    take(request).then(
      (status) => response.writeHead(status).end(),
      () => response.writeHead(400).end(),
    );
  });
  const { url, stop } = await listen(server);
  return { url, stop, commands: () => [...commands.values()], repeats: () => repeats };
}
