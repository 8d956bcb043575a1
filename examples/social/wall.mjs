// @ts-check
// The receiving side, a plain Node server: takes Posthorn's webhooks, keeps each event once, answers, and has pushed it to
// every page that is open.
import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import { toNode } from '@posthorn/webhooks/adapters/node';
import { standardWebhooks } from '@posthorn/webhooks/providers/standard-webhooks';
import { createReceiver } from '@posthorn/webhooks/receiver';
import { listen } from '../signup/listen.mjs';
import { createAudience } from './audience.mjs';
import { openEventLog } from './event-log.mjs';

const bodyMaxBytes = 64 * 1024;
const textMaxChars = 2_000;

/**
 * @typedef {import('./provider.mjs').FeedEvent} FeedEvent
 * @typedef {{ changes?: { value: FeedEvent }[] }} Delivered one event of Meta's, as Posthorn takes it out of its request
 */

/** @param {{ secret: string, logPath: string, port?: number, say: (line: string) => void }} options */
export async function startWall({ secret, logPath, port, say }) {
  const log = await openEventLog(logPath, (entry) => audience.tell(entry));
  const audience = createAudience(log);
  const page = await readPage();

  const receiver = createReceiver({
    bodyMaxBytes,
    onRejected: ({ reason, detail }) => say(`refused: ${reason} (${detail})`),
    onError: (error) => say(`not taken, so it comes again: ${String(error)}`),
  });
  // The log finds repetitions. A handler that throws makes the answer 503, and Posthorn tries again.
  receiver
    .source('meta', standardWebhooks, { secrets: secret, dedupe: 'off' })
    .on('*', async ({ id, payload }) => {
      const value = /** @type {Delivered} */ (payload).changes?.[0]?.value;
      const event = value && wallEventOf(value);
      if (event) await log.add(keyOf(value) ?? `webhook ${id}`, event);
    });
  const takeWebhook = toNode(receiver);

  const server = createServer((request, response) => {
    const [path] = (request.url ?? '').split('?');
    if (path?.startsWith('/webhooks/')) return void takeWebhook(request, response);
    if (request.method !== 'GET') return void response.writeHead(405, { allow: 'GET' }).end();
    if (path === '/events') return audience.join(request, response);
    if (path === '/') return void response.writeHead(200, page.headers).end(page.html);
    response.writeHead(404).end();
  });
  const listening = await listen(server, port);

  return {
    url: listening.url,
    webhookUrl: `${listening.url}/webhooks/meta`,
    pageCount: audience.count,
    async stop() {
      audience.stop();
      await listening.stop();
      await receiver.idle();
      await log.close();
    },
  };
}

/**
 * What Meta says about the thing itself. It sends a request again under a new time when it got no answer, and then only
 * this is the same.
 *
 * @param {FeedEvent} value
 */
function keyOf({ item, verb, comment_id: commentId, from, created_time: at }) {
  if (item === 'comment' && verb === 'add') return commentId && `comment ${commentId}`;
  return verb === 'follow' ? `follow ${from.id} ${at}` : undefined;
}

/**
 * Undefined for what the wall does not show.
 *
 * @param {FeedEvent} value
 * @returns {import('./event-log.mjs').WallEvent | undefined}
 */
function wallEventOf({ item, verb, from, message = '', created_time: at, comment_id: commentId }) {
  const kind = verb === 'follow' ? 'follower' : item === 'comment' && verb === 'add' ? 'comment' : undefined;
  if (!kind) return undefined;
  return {
    kind,
    text: kind === 'comment' ? message.slice(0, textMaxChars) : '',
    who: from.name.slice(0, textMaxChars),
    at: new Date(at * 1000).toISOString(),
    about: commentId ?? from.id,
  };
}

/** No script runs in the page but its own. */
async function readPage() {
  const html = await readFile(new URL('page.html', import.meta.url), 'utf8');
  const script = /<script>(.*?)<\/script>/s.exec(html)?.[1] ?? '';
  const hash = createHash('sha256').update(script).digest('base64');
  const policy = `default-src 'none'; script-src 'sha256-${hash}'; style-src 'unsafe-inline'; connect-src 'self'`;
  const headers = {
    'content-type': 'text/html; charset=utf-8',
    'content-security-policy': `${policy}; base-uri 'none'; form-action 'none'; frame-ancestors 'none'`,
    'x-content-type-options': 'nosniff',
  };
  return { html, headers };
}
