// What adapters and receivers make of callers, and of handlers, that mean or do no good.
import { createServer, request as httpRequest } from 'node:http';
import { afterEach, expect, it } from 'vitest';
import { headersOf } from '../../src/adapter/headers.ts';
import { toLambda } from '../../src/adapters/lambda.ts';
import { toNode } from '../../src/adapters/node.ts';
import { memoryDedupe } from '../../src/dedupe/memory.ts';
import { genericWebhook } from '../../src/providers/generic-webhook.ts';
import { createReceiver } from '../../src/receiver/index.ts';
import type { Handler } from '../../src/receiver/index.ts';
import { serve } from '../support/ports.ts';
import type { TestServer } from '../support/ports.ts';

const servers: TestServer[] = [];
afterEach(async () => {
  for (const server of servers.splice(0)) await server.close();
});

function recorded(handler: Handler = () => {}) {
  const seen: string[] = [];
  const errors: unknown[] = [];
  const receiver = createReceiver({
    dedupe: memoryDedupe(),
    onRejected: () => {},
    onError: (error) => errors.push(error),
  });
  const source = receiver.source('secret', genericWebhook, { allowUnsigned: true });
  source.on('*', (event, context) => {
    seen.push(context.request.url);
    return handler(event, context);
  });
  return { receiver, seen, errors };
}

const hosts = ['x/secret?', 'x/secret#', 'x/secret/?a=', 'user@x', 'x y', ''];

it('finds no source by a Host that reaches into the path', async () => {
  const { receiver, seen } = recorded();
  const answer = toNode(receiver);
  const server = await serve(createServer((request, response) => void answer(request, response)));
  servers.push(server);
  const statusFor = (host: string, path: string) =>
    new Promise<number | undefined>((resolve, reject) => {
      const sent = httpRequest(`${server.url}${path}`, { method: 'POST', headers: { host } });
      sent.on('response', (response) => resolve(response.resume().statusCode)).on('error', reject);
      sent.end('{}');
    });
  for (const host of hosts.slice(0, -1)) expect(await statusFor(host, '/open')).toBe(404);
  expect(await statusFor('[::1]:8080', '/secret')).toBe(204);
  expect(seen).toEqual(['http://[::1]:8080/secret']);
});

it('finds none by the Host of a Lambda either', async () => {
  const { receiver, seen } = recorded();
  for (const host of hosts) {
    const { statusCode } = await toLambda(receiver)({
      version: '2.0',
      rawPath: '/open',
      rawQueryString: '',
      requestContext: { http: { method: 'POST' } },
      headers: { host },
      body: '{}',
    });
    expect(statusCode).toBe(404);
  }
  expect(seen).toEqual([]);
});

it('joins a header that came in two cases', () => {
  const headers = headersOf({ 'X-Signature': ['a', 'b'], 'x-signature': 'c', other: undefined });
  expect(headers.get('x-SIGNATURE')).toBe('a, b, c');
  expect(headers.get('other')).toBeNull();
});

it.each([
  [
    'was read already',
    async () => {
      const response = new Response('text');
      await response.text();
      return response;
    },
  ],
  ['is an error', () => Response.error()],
])('handles an event again whose answer %s', async (_, answer) => {
  const { receiver, seen, errors } = recorded(answer);
  const headers = { 'idempotency-key': 'one' };
  const request = () => new Request('https://example.com/secret', { method: 'POST', headers, body: '{}' });
  for (const _copy of [1, 2]) expect((await receiver.fetch(request())).status).toBe(503);
  expect(seen).toHaveLength(2);
  expect(errors).toEqual([expect.any(TypeError), expect.any(TypeError)]);
});

it('takes work that is no promise', async () => {
  const { receiver, errors } = recorded((_event, { waitUntil }) => waitUntil(undefined as never));
  const request = new Request('https://example.com/secret', { method: 'POST', body: '{}' });
  expect((await receiver.fetch(request)).status).toBe(204);
  await receiver.idle();
  expect(errors).toEqual([]);
});
