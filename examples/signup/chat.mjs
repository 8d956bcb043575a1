// @ts-check
// Stands for a chat program's incoming webhook: takes {"text": …} and keeps it.
import { createServer } from 'node:http';
import { text } from 'node:stream/consumers';
import { listen } from './listen.mjs';

export async function startChat() {
  /** @type {string[]} */
  const posts = [];
  const server = createServer((request, response) => void take(request, response));

  /**
   * @param {import('node:http').IncomingMessage} request
   * @param {import('node:http').ServerResponse} response
   */
  async function take(request, response) {
    posts.push(JSON.parse(await text(request)).text);
    response.writeHead(200).end('ok');
  }

  const { url, stop } = await listen(server);
  return { url, posts, stop };
}
