// Adapters behind the real frameworks, over real HTTP.
import { once } from 'node:events';
import { createServer } from 'node:http';
import { createAdaptorServer } from '@hono/node-server';
import express from 'express';
import fastify from 'fastify';
import { Hono } from 'hono';
import { bodyLimit } from 'hono/body-limit';
import Koa from 'koa';
import { afterEach, describe, expect, it } from 'vitest';
import { toCloudFunction } from '../../src/adapters/cloud-functions.ts';
import { toExpress } from '../../src/adapters/express.ts';
import { toFastify } from '../../src/adapters/fastify.ts';
import { toHono } from '../../src/adapters/hono.ts';
import { toKoa } from '../../src/adapters/koa.ts';
import { toNextPages } from '../../src/adapters/next.ts';
import { toNode } from '../../src/adapters/node.ts';
import { adapterSuite, recordingReceiver, signedFor } from '../support/adapter-suite.ts';
import type { Recorded } from '../support/adapter-suite.ts';
import { freePort, serve } from '../support/ports.ts';
import type { TestServer } from '../support/ports.ts';

adapterSuite('node:http', ({ receiver }) => {
  const listener = toNode(receiver);
  return serve((request, response) => void listener(request, response));
});

adapterSuite('Express', ({ receiver }) => {
  const app = express();
  app.use('/webhooks', toExpress(receiver));
  app.use(express.json());
  return serve(app);
});

adapterSuite('Express behind a router', ({ receiver }) => {
  const router = express.Router();
  router.all('/signed', toExpress(receiver));
  router.all('/other', toExpress(receiver));
  return serve(express().use('/webhooks', router));
});

adapterSuite('Fastify', async ({ receiver }) => {
  const app = fastify();
  app.post('/json', (request) => request.body);
  app.register(toFastify(receiver), { prefix: '/webhooks' });
  const port = await freePort();
  await app.listen({ port, host: '127.0.0.1' });
  return { url: `http://127.0.0.1:${port}`, close: () => app.close() };
});

adapterSuite('Hono', ({ receiver }) => {
  const app = new Hono();
  app.all('/webhooks/*', toHono(receiver));
  return serve(createAdaptorServer(app) as ReturnType<typeof createServer>);
});

adapterSuite('Koa', ({ receiver }) => {
  const app = new Koa();
  const answer = toKoa(receiver);
  app.use((context, next) => (context.path.startsWith('/webhooks/') ? answer(context) : next()));
  return serve(createServer((request, response) => void app.callback()(request, response)));
});

adapterSuite("Next's pages router", ({ receiver }) => {
  const route = toNextPages(receiver);
  return serve((request, response) => void route(request, response));
});

// Google's framework parses with Express, and keeps the bytes.
const keepBytes = (request: object, _response: unknown, rawBody: Buffer) =>
  void Object.assign(request, { rawBody });
const anyType = { type: () => true, verify: keepBytes, limit: '50mb' };

adapterSuite('Cloud Functions', ({ receiver }) => {
  const app = express().use(express.raw(anyType));
  app.use('/', (request, response) => void toCloudFunction(receiver)(request, response));
  return serve(app);
});

describe('a body that was parsed before', () => {
  const servers: TestServer[] = [];
  afterEach(async () => {
    for (const server of servers.splice(0)) await server.close();
  });

  async function deliver(recorded: Recorded, listening: Promise<TestServer>) {
    const server = await listening;
    servers.push(server);
    const url = `${server.url}/webhooks/signed`;
    const answer = await fetch(url, { method: 'POST', ...signedFor(url, '{ "a": 1 }') });
    return { status: answer.status, rejected: recorded.rejected };
  }

  it('is refused by Express, which names the fix', async () => {
    const recorded = recordingReceiver();
    const app = express().use(express.json()).use('/webhooks', toExpress(recorded.receiver));
    const { status, rejected } = await deliver(recorded, serve(app));
    expect(status).toBe(500);
    expect(rejected).toMatchObject([
      { reason: 'body-parsed', detail: expect.stringContaining('express.raw') },
    ]);
  });

  it.each([
    ['express.raw', express.raw({ type: '*/*' })],
    ['express.text', express.text({ type: '*/*' })],
    ['express.json with verify', express.json({ verify: keepBytes })],
  ])('is taken from %s, which keeps it', async (_name, parser) => {
    const recorded = recordingReceiver();
    const app = express().use(parser).use('/webhooks', toExpress(recorded.receiver));
    expect(await deliver(recorded, serve(app))).toEqual({ status: 204, rejected: [] });
  });

  it('is refused by node:http', async () => {
    const recorded = recordingReceiver();
    const listener = toNode(recorded.receiver);
    const listening = serve(async (request, response) => {
      request.resume();
      await once(request, 'end');
      await listener(request, response);
    });
    const { status, rejected } = await deliver(recorded, listening);
    expect(status).toBe(500);
    expect(rejected).toMatchObject([{ reason: 'body-parsed', detail: expect.stringContaining('rawBody') }]);
  });

  it('is refused by Koa, and taken when its parser kept it', async () => {
    const recorded = recordingReceiver();
    const parser = (keeps: boolean) => async (context: Koa.Context, next: Koa.Next) => {
      const chunks: Buffer[] = [];
      for await (const chunk of context.req) chunks.push(chunk as Buffer);
      const text = Buffer.concat(chunks).toString();
      Object.assign(context.request, { body: JSON.parse(text), ...(keeps && { rawBody: text }) });
      await next();
    };
    const koa = (keeps: boolean) => {
      const app = new Koa().use(parser(keeps)).use(toKoa(recorded.receiver));
      return serve(createServer((request, response) => void app.callback()(request, response)));
    };
    expect((await deliver(recorded, koa(false))).status).toBe(500);
    expect(recorded.rejected).toMatchObject([{ detail: expect.stringContaining('koa-bodyparser') }]);
    expect((await deliver(recorded, koa(true))).status).toBe(204);
  });

  it("is refused by Next's pages router", async () => {
    const recorded = recordingReceiver();
    const route = toNextPages(recorded.receiver);
    const app = express().use(express.json());
    app.use((request, response) => void route(request, response));
    const { status, rejected } = await deliver(recorded, serve(app));
    expect(status).toBe(500);
    expect(rejected).toMatchObject([{ detail: expect.stringContaining('bodyParser: false') }]);
  });

  it('is taken by Hono from middleware that read it as text or bytes', async () => {
    for (const read of ['text', 'arrayBuffer', 'json'] as const) {
      const recorded = recordingReceiver();
      const app = new Hono();
      app.use(async (context, next) => {
        await context.req[read]();
        await next();
      });
      app.use(bodyLimit({ maxSize: 1_000_000 }));
      app.all('*', toHono(recorded.receiver));
      const listening = serve(createAdaptorServer(app) as ReturnType<typeof createServer>);
      expect({ read, ...(await deliver(recorded, listening)) }).toEqual({ read, status: 204, rejected: [] });
    }
  });

  it('is refused by Hono when middleware read it past Hono', async () => {
    const recorded = recordingReceiver();
    const app = new Hono();
    app.use(async (context, next) => {
      await context.req.raw.json();
      await next();
    });
    app.all('*', toHono(recorded.receiver));
    const { status, rejected } = await deliver(
      recorded,
      serve(createAdaptorServer(app) as ReturnType<typeof createServer>),
    );
    expect(status).toBe(500);
    expect(rejected).toMatchObject([
      { reason: 'body-parsed', detail: expect.stringContaining('middleware') },
    ]);
  });

  it('is refused by Fastify when a hook read it, and taken when the hook kept it', async () => {
    for (const [keeps, expected] of [
      [true, 204],
      [false, 500],
    ] as const) {
      const recorded = recordingReceiver();
      const app = fastify();
      app.addHook('preParsing', async (request, _reply, payload) => {
        const chunks: Buffer[] = [];
        for await (const chunk of payload) chunks.push(chunk as Buffer);
        if (keeps) Object.assign(request, { rawBody: Buffer.concat(chunks) });
        return payload;
      });
      app.register(toFastify(recorded.receiver), { prefix: '/webhooks' });
      const port = await freePort();
      await app.listen({ port, host: '127.0.0.1' });
      const listening = Promise.resolve({ url: `http://127.0.0.1:${port}`, close: () => app.close() });
      expect((await deliver(recorded, listening)).status).toBe(expected);
    }
  });
});

it('Express is told what the answer of a handler broke off with', async () => {
  const broken = new ReadableStream({ pull: (controller) => controller.error(new Error('broken off')) });
  const handler = { fetch: async () => new Response(broken) };
  const errors: unknown[] = [];
  const app = express().use(toExpress(handler));
  app.use((error: unknown, _request: unknown, response: express.Response, _next: unknown) => {
    errors.push(error);
    response.status(500).end();
  });
  const server = await serve(app);
  expect((await fetch(server.url)).status).toBe(500);
  expect(errors).toEqual([new Error('broken off')]);
  await server.close();

  const plain = toNode({
    fetch: async () => new Response(new ReadableStream({ pull: (c) => c.error(new Error('broken off')) })),
  });
  const bare = await serve((request, response) => void plain(request, response));
  expect((await fetch(bare.url)).status).toBe(500);
  await bare.close();
});
