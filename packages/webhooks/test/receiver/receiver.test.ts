// The receiver over real HTTP: what is verified reaches its handlers, and everything else is answered without them.
import { createHmac } from 'node:crypto';
import { connect } from 'node:net';
import { deflateSync, gzipSync } from 'node:zlib';
import { once } from 'node:events';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { toNode } from '../../src/adapters/node.ts';
import type { Provider } from '../../src/provider/provider.ts';
import { github } from '../../src/providers/github.ts';
import { slack } from '../../src/providers/slack.ts';
import { stripe } from '../../src/providers/stripe.ts';
import { createReceiver } from '../../src/receiver/index.ts';
import type {
  FetchHandler,
  HandlerContext,
  ReceivedEvent,
  ReceiverOptions,
  RejectedRequest,
  SourceOptions,
} from '../../src/receiver/index.ts';
import { deferred } from '../support/deferred.ts';
import { serve } from '../support/ports.ts';
import type { TestServer } from '../support/ports.ts';
import {
  githubRequest,
  githubSecret,
  post,
  stripeRequest,
  stripeSecret,
} from '../support/signed-requests.ts';

const servers: TestServer[] = [];

afterEach(async () => {
  for (const server of servers.splice(0)) await server.close();
});

async function served(handler: FetchHandler): Promise<string> {
  const listener = toNode(handler);
  const server = await serve((request, response) => void listener(request, response));
  servers.push(server);
  return server.url;
}

/** A receiver with the source `billing` of Stripe, and what came of it. */
async function billing(options: Omit<ReceiverOptions, 'dedupe'> & SourceOptions = {}) {
  const seen: { event: ReceivedEvent; context: HandlerContext }[] = [];
  const rejected: RejectedRequest[] = [];
  const errors: unknown[] = [];
  const { dedupe: _, ...shared } = options;
  const receiver = createReceiver({
    onRejected: (each) => rejected.push(each),
    onError: (error) => errors.push(error),
    ...shared,
  });
  const source = receiver.source('billing', stripe, { secrets: stripeSecret, ...options });
  const url = `${await served(receiver)}/webhooks/billing`;
  const record = (event: ReceivedEvent, context: HandlerContext) => void seen.push({ event, context });
  return { receiver, source, url, seen, rejected, errors, record };
}

const invoicePaid = {
  id: 'evt_1',
  type: 'invoice.paid',
  created: 1_700_000_000,
  data: { object: { id: 'in_1' } },
};

describe('a verified request', () => {
  it('reaches the handler of its event type, with the exact bytes', async () => {
    const { source, url, seen, record } = await billing();
    source.on('invoice.paid', record).on('invoice.voided', record);
    const request = stripeRequest(invoicePaid);
    const answer = await post(url, request);
    expect({ status: answer.status, body: await answer.text() }).toEqual({ status: 204, body: '' });
    expect(seen).toHaveLength(1);
    const [{ event, context } = expect.fail()] = seen;
    expect(event).toEqual({
      type: 'invoice.paid',
      id: 'evt_1',
      timeSeconds: 1_700_000_000,
      orderKey: 'in_1',
      payload: invoicePaid,
    });
    expect(Buffer.from(context.request.body).toString()).toBe(request.body);
    expect(context).toMatchObject({ source: 'billing', provider: 'stripe', secretIndex: 0 });
    expect(context.signedAtSeconds).toBeGreaterThan(1_700_000_000);
    expect(context.request).toMatchObject({ method: 'POST', url });
  });

  it('runs every handler whose pattern covers the type, in the order in which they were added', async () => {
    const { source, url } = await billing();
    const calls: string[] = [];
    for (const pattern of ['*', 'invoice.*', 'invoice.paid', 'customer.*', 'invoice', 'invoice.pai*']) {
      source.on(pattern, () => void calls.push(pattern));
    }
    expect((await post(url, stripeRequest(invoicePaid))).status).toBe(204);
    expect(calls).toEqual(['*', 'invoice.*', 'invoice.paid', 'invoice.pai*']);
  });

  it('is accepted when nobody handles its type', async () => {
    const { url, rejected } = await billing();
    expect((await post(url, stripeRequest(invoicePaid))).status).toBe(204);
    expect(rejected).toEqual([]);
  });

  it('is verified by an older secret too, and says by which', async () => {
    const { source, url, seen, record } = await billing({ secrets: ['whsec_new', stripeSecret] });
    source.on('*', record);
    expect((await post(url, stripeRequest(invoicePaid))).status).toBe(204);
    expect(seen[0]?.context.secretIndex).toBe(1);
  });

  it('is answered with the Response that a handler returns', async () => {
    const { source, url } = await billing();
    source.on('*', () => Response.json({ text: 'on it' }, { status: 201 }));
    const answer = await post(url, stripeRequest(invoicePaid));
    expect([answer.status, await answer.json()]).toEqual([201, { text: 'on it' }]);
  });

  it('gets the answer that its provider insists on', async () => {
    const insistent: Provider = { ...stripe, answer: { body: '[accepted]' } };
    const receiver = createReceiver();
    receiver.source('adyen', insistent, { secrets: stripeSecret });
    const answer = await post(`${await served(receiver)}/adyen`, stripeRequest(invoicePaid));
    expect([answer.status, await answer.text()]).toEqual([200, '[accepted]']);
  });
});

describe('a request that is refused', () => {
  const body = stripeRequest(invoicePaid).body;
  const cases: [name: string, headers: Record<string, string>, status: number, reason: string][] = [
    ['without a signature', {}, 401, 'missing-header'],
    ['with a broken signature', { 'stripe-signature': 'nonsense' }, 400, 'malformed-header'],
    ['by another secret', stripeRequest(invoicePaid, 'whsec_other').headers, 401, 'mismatch'],
    ['that is old', { 'stripe-signature': oldSignature(body) }, 401, 'stale'],
  ];

  function oldSignature(text: string): string {
    const then = Math.floor(Date.now() / 1_000) - 3_600;
    const signature = createHmac('sha256', stripeSecret).update(`${then}.${text}`).digest('hex');
    return `t=${then},v1=${signature}`;
  }

  it.each(cases)('%s', async (_name, headers, status, reason) => {
    const { source, url, seen, rejected, record } = await billing();
    source.on('*', record);
    const answer = await post(url, { headers, body });
    expect([answer.status, await answer.text()]).toEqual([status, '']);
    expect(seen).toEqual([]);
    expect(rejected).toMatchObject([{ source: 'billing', reason, status, detail: expect.any(String) }]);
  });

  it('gets the status that its provider insists on', async () => {
    const receiver = createReceiver({ onRejected: () => {} });
    receiver.source('strict', { ...stripe, answer: { refusedStatus: 498 } }, { secrets: stripeSecret });
    const url = `${await served(receiver)}/strict`;
    for (const signature of [
      'nonsense',
      stripeRequest(invoicePaid, 'whsec_other').headers['stripe-signature'],
    ]) {
      const answer = await post(url, { headers: { 'stripe-signature': signature ?? '' }, body });
      expect(answer.status).toBe(498);
    }
  });

  it('by a method that brings no events', async () => {
    const { url, rejected } = await billing();
    const answer = await fetch(url);
    expect([answer.status, answer.headers.get('allow')]).toEqual([405, 'POST']);
    expect((await fetch(url, { method: 'PUT', ...stripeRequest(invoicePaid) })).status).toBe(405);
    expect(rejected.map(({ reason }) => reason)).toEqual(['wrong-method', 'wrong-method']);
  });

  it('for a source that is not there', async () => {
    const { url, rejected } = await billing();
    expect((await post(`${url}x`, stripeRequest(invoicePaid))).status).toBe(404);
    expect(rejected).toMatchObject([{ source: undefined, reason: 'unknown-source' }]);
  });

  it('at once, however many slashes its path has', async () => {
    const receiver = createReceiver({ onRejected: () => {} });
    receiver.source('billing', stripe, { secrets: stripeSecret });
    const statusAt = async (path: string) =>
      (await receiver.fetch(new Request(`https://example.com/${path}`, { method: 'GET' }))).status;
    const before = process.cpuUsage();
    expect(await statusAt(`${'/'.repeat(100_000)}x`)).toBe(404);
    // It was 10 seconds.
    expect(process.cpuUsage(before).user / 1_000_000).toBeLessThan(3);
    for (const path of ['billing', 'hooks/billing//', 'billing/?x=/y'])
      expect(await statusAt(path)).toBe(405);
  });

  it('because the source has no secret, and says so in the log alone', async () => {
    const logged = vi.spyOn(console, 'error').mockImplementation(() => {});
    const receiver = createReceiver();
    receiver.source('billing', stripe, { secrets: process.env['NO_SUCH_VARIABLE'] });
    const answer = await post(`${await served(receiver)}/billing`, stripeRequest(invoicePaid));
    expect([answer.status, await answer.text()]).toEqual([500, '']);
    expect(logged.mock.calls.flat().join(' ')).toContain(
      'billing was answered 500, misconfigured: no secret',
    );
    logged.mockRestore();
  });
});

describe('a body', () => {
  it('that states too great a length is not read', async () => {
    const { url, rejected } = await billing({ bodyMaxBytes: 1_000 });
    const answer = await post(url, { headers: {}, body: 'x'.repeat(1_001) });
    expect([answer.status, rejected[0]?.reason]).toEqual([413, 'too-large']);
  });

  it('of exactly the largest size is read', async () => {
    const request = stripeRequest(invoicePaid);
    const { url } = await billing({ bodyMaxBytes: Buffer.byteLength(request.body) });
    expect((await post(url, request)).status).toBe(204);
  });

  it.each([Number.NaN, Infinity, -1, 0.5])(
    'is not blamed for a limit that is none: %s',
    async (bodyMaxBytes) => {
      const { url, rejected } = await billing({ bodyMaxBytes });
      expect((await post(url, stripeRequest(invoicePaid))).status).toBe(500);
      expect(rejected[0]?.reason).toBe('misconfigured');
    },
  );

  it('that grows too long is answered while it is still being sent, and its connection goes on', async () => {
    const { url, rejected } = await billing({ bodyMaxBytes: 1_000 });
    const { hostname, port, pathname } = new URL(url);
    const socket = connect(Number(port), hostname);
    const answered = async () => String((await once(socket, 'data'))[0]).split('\r\n')[0];
    socket.write(`POST ${pathname} HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\n`);
    // Three chunks of 500 bytes, and no end.
    for (let sent = 0; sent < 3; sent += 1) socket.write(`1f4\r\n${'x'.repeat(500)}\r\n`);
    expect(await answered()).toMatch(/^HTTP\/1\.1 413 /);
    socket.write(`1f4\r\n${'x'.repeat(500)}\r\n0\r\n\r\nGET ${pathname} HTTP/1.1\r\nhost: x\r\n\r\n`);
    expect(await answered()).toMatch(/^HTTP\/1\.1 405 /);
    expect(rejected.map(({ reason }) => reason)).toEqual(['too-large', 'wrong-method']);
    socket.destroy();
  });

  it('of a sender that goes away reaches no handler', async () => {
    const rejection = deferred<RejectedRequest>();
    const { source, url, seen, record } = await billing({ onRejected: rejection.resolve });
    source.on('*', record);
    const { hostname, port, pathname } = new URL(url);
    const socket = connect(Number(port), hostname);
    socket.write(`POST ${pathname} HTTP/1.1\r\nhost: x\r\ncontent-length: 100\r\n\r\n{"id"`);
    await once(socket, 'connect');
    socket.end();
    expect((await rejection.promise).reason).toBe('unreadable-body');
    expect(seen).toEqual([]);
  });

  it('that came compressed is verified as it came, and opened for its handlers', async () => {
    const { source, url, seen, rejected, record } = await billing({ bodyMaxBytes: 20_000 });
    source.on('*', record);
    const compressed = async (encoding: string, body: Buffer) => {
      const timestamp = Math.floor(Date.now() / 1_000);
      const mac = createHmac('sha256', stripeSecret).update(`${timestamp}.`).update(body).digest('hex');
      const headers = { 'content-encoding': encoding, 'stripe-signature': `t=${timestamp},v1=${mac}` };
      return (await fetch(url, { method: 'POST', headers, body: Uint8Array.from(body) })).status;
    };
    const text = JSON.stringify(invoicePaid);
    expect(await compressed('gzip', gzipSync(text))).toBe(204);
    expect(await compressed('deflate', deflateSync(text))).toBe(204);
    // Opened on the way, with the header left.
    expect(await compressed('gzip', Buffer.from(text))).toBe(204);
    expect(seen.map(({ event }) => event.payload)).toEqual([invoicePaid, invoicePaid, invoicePaid]);
    expect(Buffer.from(seen[0]?.context.request.body ?? [])).toEqual(gzipSync(text));

    expect(await compressed('gzip', gzipSync('x'.repeat(1_000_000)))).toBe(413);
    expect(await compressed('gzip', gzipSync(text).subarray(0, 40))).toBe(400);
    expect(await compressed('unheard-of', Buffer.from(text))).toBe(400);
    expect(rejected.map(({ reason }) => reason)).toEqual(['too-large', 'unreadable-body', 'unreadable-body']);
    expect(seen).toHaveLength(3);
  });

  it('that holds more events than are taken apart is refused, and none of them is passed over', async () => {
    const rejected: RejectedRequest[] = [];
    const seen: ReceivedEvent[] = [];
    const receiver = createReceiver({ onRejected: (each) => rejected.push(each) });
    const batching: Provider = { ...github, event: { batch: 'body:', type: 'item:type' } };
    const source = receiver.source('many', batching, { secrets: githubSecret, dedupe: 'off' });
    source.on('*', (event) => void seen.push(event));
    const url = `${await served(receiver)}/webhooks/many`;
    const events = Array.from({ length: 10_001 }, () => ({ type: 'a' }));
    expect((await post(url, githubRequest(events))).status).toBe(413);
    expect(rejected.map(({ reason }) => reason)).toEqual(['too-large']);
    expect(seen).toEqual([]);
    expect((await post(url, githubRequest(events.slice(1)))).status).toBe(204);
    expect(seen).toHaveLength(10_000);
  });

  it.each([undefined, { body: { parsed: true } }, { bodyUsed: true }])(
    'that is no bytes any more (%o) is our mistake, with its fix',
    async (changed) => {
      const { source, rejected } = await billing();
      const request = {
        method: 'POST',
        url: 'https://example.com/',
        headers: new Headers(stripeRequest(invoicePaid).headers),
        body: 3,
        bodyFix: 'turn the parser off',
        ...changed,
      };
      const answer = await source.fetch(request as never);
      expect(answer.status).toBe(500);
      expect(rejected).toMatchObject([
        { reason: 'body-parsed', detail: expect.stringContaining('turn the parser off') },
      ]);
    },
  );
});

describe('a handler that fails', () => {
  it('makes the provider send the event again', async () => {
    const { source, url, errors } = await billing();
    source.on('*', () => {
      throw new Error('the database is away');
    });
    const answer = await post(url, stripeRequest(invoicePaid));
    expect([answer.status, answer.headers.get('retry-after'), await answer.text()]).toEqual([503, '30', '']);
    expect(errors).toEqual([new Error('the database is away')]);
  });

  it('is answered as the provider, or the source, wants it', async () => {
    const receiver = createReceiver({ onError: () => {} });
    const fail = () => Promise.reject(new Error('no'));
    const wanting: Provider = { ...stripe, answer: { retryStatus: 500 } };
    receiver.source('row', wanting, { secrets: stripeSecret }).on('*', fail);
    receiver.source('option', wanting, { secrets: stripeSecret, retryStatus: 429 }).on('*', fail);
    const url = await served(receiver);
    expect((await post(`${url}/row`, stripeRequest(invoicePaid))).status).toBe(500);
    expect((await post(`${url}/option`, stripeRequest(invoicePaid))).status).toBe(429);
  });

  it('is logged when nobody else wants to know, and a hook that fails changes no answer', async () => {
    const logged = vi.spyOn(console, 'error').mockImplementation(() => {});
    const silent = createReceiver();
    silent
      .source('billing', stripe, { secrets: stripeSecret })
      .on('*', () => Promise.reject(new Error('no')));
    expect((await post(`${await served(silent)}/billing`, stripeRequest(invoicePaid))).status).toBe(503);
    expect(logged.mock.calls.flat().join(' ')).toContain('billing failed to handle invoice.paid');

    const broken = createReceiver({
      onRejected: () => Promise.reject(new Error('hook')),
      onError: () => {
        throw new Error('hook');
      },
    });
    broken
      .source('billing', stripe, { secrets: stripeSecret })
      .on('*', () => Promise.reject(new Error('no')));
    const url = `${await served(broken)}/billing`;
    expect((await post(url, stripeRequest(invoicePaid))).status).toBe(503);
    expect((await post(url, { headers: {}, body: '' })).status).toBe(401);
    logged.mockRestore();
  });
});

describe('work after the answer', () => {
  it('is all of it, with answerFirst', async () => {
    const { source, url, receiver, seen, record } = await billing({ answerFirst: true });
    const gate = deferred();
    source.on('*', async (event, context) => {
      await gate.promise;
      record(event, context);
    });
    expect((await post(url, stripeRequest(invoicePaid))).status).toBe(204);
    expect(seen).toEqual([]);
    gate.resolve();
    await receiver.idle();
    expect(seen).toHaveLength(1);
  });

  it('is what a handler gives to waitUntil, and its failure is told', async () => {
    const { source, url, receiver, errors } = await billing();
    const gate = deferred();
    source.on('*', (_event, { waitUntil }) =>
      waitUntil(gate.promise.then(() => Promise.reject(new Error('late')))),
    );
    expect((await post(url, stripeRequest(invoicePaid))).status).toBe(204);
    expect(errors).toEqual([]);
    gate.resolve();
    await receiver.idle();
    expect(errors).toEqual([new Error('late')]);
  });

  it('is handed to the platform, where there is one', async () => {
    const { source } = await billing();
    const works: Promise<unknown>[] = [];
    source.on('*', (_event, { waitUntil }) => waitUntil(Promise.resolve()));
    const { headers, body } = stripeRequest(invoicePaid);
    const request = new Request('https://example.com/', { method: 'POST', headers, body });
    await source.fetch(request, { waitUntil: (work) => works.push(work) });
    expect(works).toHaveLength(1);
  });
});

describe('what depends on the request', () => {
  it('is the secret, where it comes from the environment of the platform', async () => {
    const receiver = createReceiver<{ SECRET: string }>();
    const seen: string[] = [];
    const source = receiver.source('billing', stripe, { secrets: ({ env }) => env?.SECRET });
    source.on('*', (_event, { env }) => void seen.push(env.SECRET));
    for (const secret of [stripeSecret, 'whsec_second']) {
      const { headers, body } = stripeRequest(invoicePaid, secret);
      const request = new Request('https://example.com/billing', { method: 'POST', headers, body });
      expect((await receiver.fetch(request, { env: { SECRET: secret } })).status).toBe(204);
    }
    expect(seen).toEqual([stripeSecret, 'whsec_second']);
  });

  // Signs the URL, as Square does.
  const urlSigner: Provider = {
    ...github,
    name: 'url-signer',
    schemes: github.schemes.map(
      (scheme) => ({ ...scheme, content: '{url}{body}' }) as (typeof github.schemes)[0],
    ),
  };
  const signedFor = (url: string, headers: Record<string, string> = {}) => ({
    headers: {
      ...headers,
      'x-hub-signature-256': `sha256=${createHmac('sha256', githubSecret).update(`${url}{}`).digest('hex')}`,
    },
    body: '{}',
  });

  it('is the URL that was signed: the one that arrives', async () => {
    const receiver = createReceiver();
    receiver.source('shop', urlSigner, { secrets: githubSecret });
    const url = `${await served(receiver)}/hooks/shop?a=1&b=%20`;
    expect((await post(url, signedFor(url))).status).toBe(204);
  });

  it('is the public one, when it is told', async () => {
    const receiver = createReceiver({ publicUrl: 'https://example.com/in/', onRejected: () => {} });
    receiver.source('shop', urlSigner, { secrets: githubSecret });
    const url = `${await served(receiver)}/hooks/shop?a=1`;
    expect((await post(url, signedFor('https://example.com/in/hooks/shop?a=1'))).status).toBe(204);
    expect((await post(url, signedFor(url))).status).toBe(401);
  });

  it('is what the proxy says, when it is trusted, and only then', async () => {
    const forwarded = { 'x-forwarded-proto': 'https', 'x-forwarded-host': 'shop.example.com, inner' };
    const signed = signedFor('https://shop.example.com/shop', forwarded);
    for (const [trustForwarded, status] of [
      [true, 204],
      [false, 401],
    ] as const) {
      const receiver = createReceiver({ trustForwarded, onRejected: () => {} });
      receiver.source('shop', urlSigner, { secrets: githubSecret });
      expect((await post(`${await served(receiver)}/shop`, signed)).status).toBe(status);
    }
  });
});

it('keeps several sources apart by the last part of the path', async () => {
  const receiver = createReceiver({ onRejected: () => {} });
  const seen: string[] = [];
  receiver.source('code', github, { secrets: githubSecret }).on('push', () => void seen.push('code'));
  receiver.source('billing', stripe, { secrets: stripeSecret }).on('*', () => void seen.push('billing'));
  const url = `${await served(receiver)}/any/path`;
  const push = githubRequest({ ref: 'refs/heads/main' });
  expect((await post(`${url}/code`, push)).status).toBe(204);
  expect((await post(`${url}/code/?query`, push)).status).toBe(204);
  expect((await post(`${url}/billing`, stripeRequest(invoicePaid))).status).toBe(204);
  expect((await post(`${url}/billing`, push)).status).toBe(401);
  expect(seen).toEqual(['code', 'code', 'billing']);
});

it('refuses names and addresses that cannot be right', () => {
  const receiver = createReceiver();
  receiver.source('billing', stripe);
  expect(() => receiver.source('billing', slack)).toThrow(TypeError);
  for (const name of ['', 'a/b', 'a b', 'ä', 'x'.repeat(65)]) {
    expect(() => receiver.source(name, stripe)).toThrow(TypeError);
  }
  for (const publicUrl of ['example.com', 'https://example.com/?a=1', 'ftp://example.com']) {
    expect(() => createReceiver({ publicUrl })).toThrow(TypeError);
  }
});
