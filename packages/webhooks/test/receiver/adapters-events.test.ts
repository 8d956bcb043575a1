// Adapters of platforms that call a function: events and requests in the shape that each hands over.
import { describe, expect, it } from 'vitest';
import { toAzureFunction } from '../../src/adapters/azure-functions.ts';
import { toLambda } from '../../src/adapters/lambda.ts';
import { toNextRoute } from '../../src/adapters/next.ts';
import { toSvelteKit } from '../../src/adapters/sveltekit.ts';
import { toWorker } from '../../src/adapters/workers.ts';
import { cookies, recordingReceiver, signedFor } from '../support/adapter-suite.ts';

const body = '{ "a": "é" }';

function requestTo(url: string, { event = 'sent', text = body } = {}): Request {
  return new Request(url, { method: 'POST', ...signedFor(url, text, event) });
}

describe('Lambda', () => {
  const publicUrl = 'https://abc.execute-api.eu-west-1.amazonaws.com/prod/webhooks/signed?a=1&b=x%20y';
  const { headers } = signedFor(publicUrl, body);

  /** API Gateway, HTTP API, format 2.0; a function URL sends the same. */
  const http = {
    version: '2.0' as const,
    routeKey: '$default',
    rawPath: '/prod/webhooks/signed',
    rawQueryString: 'a=1&b=x%20y',
    cookies: [],
    headers: { ...headers, host: 'abc.execute-api.eu-west-1.amazonaws.com' },
    queryStringParameters: { a: '1', b: 'x y' },
    requestContext: {
      accountId: '123456789012',
      apiId: 'abc',
      domainName: 'abc.execute-api.eu-west-1.amazonaws.com',
      http: { method: 'POST', path: '/prod/webhooks/signed', protocol: 'HTTP/1.1', sourceIp: '192.0.2.1' },
      stage: 'prod',
      timeEpoch: 1_700_000_000_000,
    },
    body,
    isBase64Encoded: false,
  };

  /** API Gateway, REST API, format 1.0: header names as they were written, parameters decoded. */
  const rest = {
    resource: '/{proxy+}',
    path: '/webhooks/signed',
    httpMethod: 'POST',
    headers: { 'X-Event': 'sent' },
    multiValueHeaders: {
      Host: ['abc.execute-api.eu-west-1.amazonaws.com'],
      'Content-Type': ['application/json'],
      'X-Event': ['sent'],
      'X-Signature': [headers['x-signature']],
    },
    queryStringParameters: { a: '1', b: 'x y' },
    multiValueQueryStringParameters: { a: ['1'], b: ['x y'] },
    requestContext: {
      path: '/prod/webhooks/signed',
      domainName: 'abc.execute-api.eu-west-1.amazonaws.com',
      stage: 'prod',
    },
    body,
    isBase64Encoded: false,
  };

  const base64 = Buffer.from(body).toString('base64');

  it.each([
    ['a function URL or an HTTP API', http],
    ['a function URL or an HTTP API, in base64', { ...http, body: base64, isBase64Encoded: true }],
    ['a REST API', rest],
    ['a REST API, in base64', { ...rest, body: base64, isBase64Encoded: true }],
  ])('takes the event of %s', async (_name, event) => {
    const { receiver, seen } = recordingReceiver();
    const result = await toLambda(receiver)(event);
    expect(result).toEqual({ statusCode: 204, headers: {}, body: '', isBase64Encoded: false });
    expect(seen[0]?.context.request.url).toBe(publicUrl);
    expect(Buffer.from(seen[0]?.context.request.body ?? []).toString()).toBe(body);
  });

  it('takes bytes that are no text', async () => {
    const { receiver } = recordingReceiver();
    const bytes = Uint8Array.of(0, 255, 128, 10);
    const signed = signedFor(publicUrl, bytes);
    const event = {
      ...http,
      headers: { ...http.headers, ...signed.headers },
      body: Buffer.from(bytes).toString('base64'),
      isBase64Encoded: true,
    };
    expect((await toLambda(receiver)(event)).statusCode).toBe(204);
  });

  it('takes an event without a body, headers and parameters', async () => {
    const { receiver } = recordingReceiver();
    const { multiValueHeaders: _, multiValueQueryStringParameters: __, ...bare } = rest;
    const event = { ...bare, headers: null, body: null, httpMethod: 'GET', requestContext: {} };
    expect((await toLambda(receiver)(event)).statusCode).toBe(405);
    const handshake = { ...http, rawQueryString: 'challenge=abc', body: undefined };
    expect(await toLambda(receiver)(handshake)).toMatchObject({ statusCode: 200, body: 'abc' });
  });

  it('answers text as text, and the rest in base64', async () => {
    const { receiver } = recordingReceiver();
    const replying = (type: string) => ({ ...http, headers: { ...http.headers, 'x-event': type } });
    const text = await toLambda(receiver)(replying('replies'));
    expect(text).toMatchObject({ statusCode: 201, body: '{"text":"grüße"}', isBase64Encoded: false });
    expect(text.headers).toMatchObject({ 'x-reply': 'yes', 'content-type': expect.stringContaining('json') });
    const binary = await toLambda(receiver)(replying('replies.binary'));
    expect(binary).toMatchObject({
      body: Buffer.from([0, 255, 128]).toString('base64'),
      isBase64Encoded: true,
    });
  });

  it('answers with every cookie, as the format of the event has them', async () => {
    const { receiver } = recordingReceiver();
    const event = 'replies.cookies';
    const result = { statusCode: 204, headers: { 'x-reply': 'yes' }, body: '', isBase64Encoded: false };
    expect(
      await toLambda(receiver)({ ...http, headers: { ...http.headers, 'x-event': event } }),
    ).toStrictEqual({ ...result, cookies });
    const multiValueHeaders = { ...rest.multiValueHeaders, 'X-Event': [event] };
    expect(await toLambda(receiver)({ ...rest, multiValueHeaders })).toStrictEqual({
      ...result,
      multiValueHeaders: { 'set-cookie': cookies },
    });
  });

  it('refuses a body that middleware has parsed, and names the fix', async () => {
    const { receiver, rejected } = recordingReceiver();
    const result = await toLambda(receiver)({ ...http, body: JSON.parse(body) as object });
    expect(result.statusCode).toBe(500);
    expect(rejected).toMatchObject([
      { reason: 'body-parsed', detail: expect.stringContaining('httpJsonBodyParser') },
    ]);
  });

  it('answers when the work is done, because the process is frozen then', async () => {
    const { receiver, isWorkDone } = recordingReceiver();
    await toLambda(receiver)({ ...http, headers: { ...http.headers, 'x-event': 'works' } });
    expect(isWorkDone()).toBe(true);
  });
});

describe('Azure Functions', () => {
  const url = 'https://example.azurewebsites.net/api/webhooks/signed';

  it('takes its request, answers when the work is done', async () => {
    const { receiver, isWorkDone } = recordingReceiver();
    const handler = toAzureFunction(receiver);
    expect(await handler(requestTo(url))).toEqual({ status: 204, headers: {} });
    expect(await handler(requestTo(url, { event: 'works' }))).toMatchObject({ status: 204 });
    expect(isWorkDone()).toBe(true);
    const reply = await handler(requestTo(url, { event: 'replies' }));
    expect(reply).toMatchObject({ status: 201, headers: { 'x-reply': 'yes' } });
    expect(Buffer.from(reply.body ?? []).toString()).toBe('{"text":"grüße"}');
  });

  it('refuses a body that was read before', async () => {
    const { receiver, rejected } = recordingReceiver();
    const request = requestTo(url);
    await request.json();
    expect(await toAzureFunction(receiver)(request)).toMatchObject({ status: 500 });
    expect(rejected).toMatchObject([
      { reason: 'body-parsed', detail: expect.stringContaining('request.json()') },
    ]);
  });
});

describe("Next's app router", () => {
  const url = 'https://example.com/webhooks/signed';

  it('takes a request by every method, and hands work to after()', async () => {
    const { receiver } = recordingReceiver();
    const works: Promise<unknown>[] = [];
    const routes = toNextRoute(receiver, { waitUntil: (work) => works.push(work) });
    expect(Object.keys(routes).sort()).toEqual(['DELETE', 'GET', 'HEAD', 'OPTIONS', 'PATCH', 'POST', 'PUT']);
    expect((await routes.POST(requestTo(url))).status).toBe(204);
    expect((await routes.GET(new Request(`${url}?challenge=abc`))).status).toBe(200);
    expect((await routes.PUT(new Request(url, { method: 'PUT' }))).status).toBe(405);
    await routes.POST(requestTo(url, { event: 'works' }));
    expect(works).toHaveLength(1);
  });

  it('refuses a body that was read before', async () => {
    const { receiver, rejected } = recordingReceiver();
    const request = requestTo(url);
    await request.text();
    expect((await toNextRoute(receiver).POST(request)).status).toBe(500);
    expect(rejected).toMatchObject([
      { reason: 'body-parsed', detail: expect.stringContaining('request.json()') },
    ]);
  });
});

describe('SvelteKit', () => {
  const url = 'https://example.com/webhooks/signed';

  it('takes an event, on a server and on Workers', async () => {
    const { receiver, seen } = recordingReceiver();
    const handle = toSvelteKit(receiver);
    expect((await handle({ request: requestTo(url) })).status).toBe(204);
    for (const name of ['ctx', 'context']) {
      const works: Promise<unknown>[] = [];
      const waitUntil = (work: Promise<unknown>) => void works.push(work);
      await handle({
        request: requestTo(url, { event: 'works' }),
        platform: { env: { name }, [name]: { waitUntil } },
      });
      expect(works).toHaveLength(1);
      expect(seen.at(-1)?.context.env).toEqual({ name });
    }
  });

  it('refuses a body that was read before', async () => {
    const { receiver, rejected } = recordingReceiver();
    const request = requestTo(url);
    await request.json();
    expect((await toSvelteKit(receiver)({ request })).status).toBe(500);
    expect(rejected).toMatchObject([
      { reason: 'body-parsed', detail: expect.stringContaining('handle hook') },
    ]);
  });
});

it('Workers hand over their environment, and keep the work alive', async () => {
  const { receiver, seen } = recordingReceiver();
  const works: Promise<unknown>[] = [];
  // A method that needs its `this`, as the real one does.
  const context = {
    works,
    waitUntil(this: { works: Promise<unknown>[] }, work: Promise<unknown>) {
      this.works.push(work);
    },
  };
  const url = 'https://example.com/webhooks/signed';
  const worker = toWorker(receiver);
  expect((await worker.fetch(requestTo(url, { event: 'works' }), { KEY: 'value' }, context)).status).toBe(
    204,
  );
  expect(works).toHaveLength(1);
  expect(seen[0]?.context.env).toEqual({ KEY: 'value' });
});
