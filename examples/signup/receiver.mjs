// @ts-check
// The receiving side, a plain Node server: verify the bytes, store, answer, and only then act.
import { createServer } from 'node:http';
import { createVerifier } from '@posthorn/webhooks';
import { listen } from './listen.mjs';
import { openUserStore } from './user-store.mjs';

const bodyMaxBytes = 1024 * 1024;
const chatTimeoutMs = 5_000;

/** @param {{ secret: string, storePath: string, chatUrl: string, port?: number, log: (line: string) => void }} options */
export async function startReceiver({ secret, storePath, chatUrl, port, log }) {
  const verifier = createVerifier(secret);
  const store = openUserStore(storePath);

  const server = createServer((request, response) => void answer(request, response));

  /**
   * @param {import('node:http').IncomingMessage} request
   * @param {import('node:http').ServerResponse} response
   */
  async function answer(request, response) {
    const status = await receive(request).catch((error) => {
      log(`not taken: ${error.message}`);
      return 500;
    });
    // A second copy gets the same answer: the sender only wants to know that we have it.
    response.writeHead(status).end();
    if (status === 204) await announceAll();
  }

  /** @param {import('node:http').IncomingMessage} request */
  async function receive(request) {
    const body = await readBody(request);
    if (body === undefined) return 413;
    const verdict = await verifier.verify({ headers: request.headersDistinct, body });
    if (!verdict.ok) {
      log(`refused: ${verdict.reason} (${verdict.detail})`);
      return verdict.reason === 'misconfigured' ? 500 : 400;
    }
    const { type, data } = JSON.parse(body.toString('utf8'));
    if (type !== 'user.created') return 204;
    const isNew = store.add({ webhookId: verdict.id, user: data });
    log(`${verdict.id}: signature valid, ${isNew ? 'user stored' : 'stored before'}`);
    return 204;
  }

  let announcing = Promise.resolve();
  // One after the other, so that two webhooks do not announce the same user. What fails is tried again with the next webhook or start.
  const announceAll = () => {
    announcing = announcing
      .then(async () => {
        for (const { webhookId, user } of store.unannounced()) {
          await notify(`${user.name} <${user.email}> signed up`);
          store.markNotified(webhookId);
        }
      })
      .catch((error) => log(`not announced yet: ${error.message}`));
    return announcing;
  };

  /** @param {string} text */
  async function notify(text) {
    const init = {
      method: 'POST',
      body: JSON.stringify({ text }),
      signal: AbortSignal.timeout(chatTimeoutMs),
    };
    const chatAnswer = await fetch(chatUrl, init);
    if (!chatAnswer.ok) throw new Error(`the chat answered ${chatAnswer.status}`);
  }

  const listening = await listen(server, port);
  await announceAll();
  return {
    url: `${listening.url}/webhooks`,
    count: store.count,
    async stop() {
      await listening.stop();
      await announcing;
      store.close();
    },
  };
}

/**
 * The bytes as they came, which is what was signed; undefined when there are too many.
 *
 * @param {import('node:http').IncomingMessage} request
 */
async function readBody(request) {
  const chunks = [];
  let lengthBytes = 0;
  for await (const chunk of request) {
    lengthBytes += chunk.length;
    if (lengthBytes <= bodyMaxBytes) chunks.push(chunk);
  }
  return lengthBytes <= bodyMaxBytes ? Buffer.concat(chunks) : undefined;
}
