// What becomes of connections that are slow, idle or held up: who was slow is told so, and who was not is served.
import { once } from 'node:events';
import type { IncomingMessage, RequestListener, Server, ServerResponse } from 'node:http';
import { type AddressInfo, connect } from 'node:net';
import { afterEach, expect, test } from 'vitest';
import { createHttpServer } from '../src/api/http-server.ts';
import { systemClock } from '../src/lib/clock.ts';
import { waitFor } from './support/wait.ts';

const times = { headersMs: 300, requestMs: 600, keepAliveMs: 8_000, checkEveryMs: 25 };
const head = 'POST / HTTP/1.1\r\nhost: test\r\n';

const cleanups: (() => void)[] = [];
afterEach(() => {
  for (const cleanup of cleanups.splice(0)) cleanup();
});

function answerAfterBody(request: IncomingMessage, response: ServerResponse): void {
  request.resume().on('end', () => response.end('taken in'));
}

async function listen(
  serve: RequestListener,
  own: Partial<typeof times> = {},
): Promise<{ server: Server; port: number }> {
  const server = createHttpServer({
    serve,
    other: undefined,
    clock: systemClock,
    times: { ...times, ...own },
  });
  await once(server.listen(0, '127.0.0.1'), 'listening');
  cleanups.push(() => {
    server.close();
    server.closeAllConnections();
  });
  return { server, port: (server.address() as AddressInfo).port };
}

/** A connection that sends bytes as they are. */
async function open(port: number) {
  const socket = connect(port, '127.0.0.1');
  let heard = '';
  socket.setEncoding('utf8').on('data', (chunk: string) => {
    heard += chunk;
  });
  const closed = once(socket, 'close');
  await once(socket, 'connect');
  cleanups.push(() => socket.destroy());
  return {
    send: (text: string) => socket.write(text),
    heard: () => heard,
    closed: async () => {
      await closed;
      return heard;
    },
    answered: () => waitFor(() => heard.includes('\r\n\r\n') && heard, { what: 'an answer' }),
  };
}

/** Nothing else happens in this process meanwhile. */
function standStill(ms: number): void {
  const untilMs = performance.now() + ms;
  while (performance.now() < untilMs);
}

test('who is slow with the head, or with the body, is answered 408', async () => {
  const { port } = await listen(answerAfterBody);
  const [slowHead, slowBody] = [await open(port), await open(port)];
  slowHead.send(head);
  slowBody.send(`${head}content-length: 9\r\n\r\nhalf`);
  for (const heard of [await slowHead.closed(), await slowBody.closed()]) {
    expect(heard).toMatch(/^HTTP\/1\.1 408 /);
    expect(heard).toContain('"code":"request_timeout"');
  }
});

test('a connection that is opened ahead of its first request is kept as long as one between two requests', async () => {
  const { port } = await listen(answerAfterBody);
  const [early, unused] = [await open(port), await open(port)];
  const slow = await open(port);
  slow.send(head);
  expect(await slow.closed()).toMatch(/^HTTP\/1\.1 408 /);
  // Both are older than what was just ended.
  early.send(`${head}content-length: 0\r\n\r\n`);
  expect(await early.answered()).toMatch(/^HTTP\/1\.1 200 /);
  expect(await unused.closed()).toBe('');
});

test('a request that takes longer than a connection may be unused, on one that waited for it, is answered', async () => {
  let go = () => {};
  const told = new Promise<void>((resolve) => {
    go = resolve;
  });
  const { port } = await listen((request, response) => {
    void told.then(() => answerAfterBody(request, response));
  });
  const early = await open(port);
  const slow = await open(port);
  slow.send(head);
  await slow.closed();
  early.send(`${head}content-length: 0\r\n\r\n`);
  // Opened after it, and ended because nothing came.
  const unused = await open(port);
  expect(await unused.closed()).toBe('');
  go();
  expect(await early.answered()).toMatch(/^HTTP\/1\.1 200 /);
});

test('a body that nobody here reads is our fault: 503 with Retry-After', async () => {
  const { port } = await listen(() => {});
  const caller = await open(port);
  caller.send(`${head}content-length: 9\r\n\r\nhalf`);
  const heard = await caller.closed();
  expect(heard).toMatch(/^HTTP\/1\.1 503 /);
  expect(heard).toMatch(/^retry-after: [1-9]/im);
  expect(heard).toContain('"code":"overloaded"');
});

test('what arrived while the process stood still is served', async () => {
  const own = { headersMs: 2_000, requestMs: 3_000 };
  const { server, port } = await listen(answerAfterBody, own);
  const connections: { bytesRead: number }[] = [];
  server.on('connection', (socket) => connections.push(socket));
  const callers = [await open(port), await open(port)];
  callers[0]?.send(head);
  callers[1]?.send(`${head}content-length: 9\r\n\r\nhalf`);
  await waitFor(() => connections.length === 2 && connections.every(({ bytesRead }) => bytesRead > 0), {
    what: 'the first halves',
  });
  callers[0]?.send('content-length: 0\r\n\r\n');
  callers[1]?.send(' more');
  standStill(own.requestMs * 2);
  for (const caller of callers) expect(await caller.answered()).toMatch(/^HTTP\/1\.1 200 /);
});

test('who is slow is told so although the process stood still once, and asked to come again while it goes on', async () => {
  const { port } = await listen(answerAfterBody);
  const once408 = await open(port);
  once408.send(head);
  standStill(times.headersMs * 2);
  expect(await once408.closed()).toMatch(/^HTTP\/1\.1 408 /);

  const busy = setInterval(() => standStill(times.headersMs * 2), 1);
  cleanups.push(() => clearInterval(busy));
  const caller = await open(port);
  caller.send(`${head}content-length: 9\r\n\r\nhalf`);
  const heard = await caller.closed();
  expect(heard).toMatch(/^HTTP\/1\.1 503 /);
  expect(heard).toMatch(/^retry-after: [1-9]/im);
});

test('an answer that is out is not followed by another one', async () => {
  const { port } = await listen((_, response) => response.end('early'));
  const caller = await open(port);
  caller.send(`${head}content-length: 9\r\n\r\nhalf`);
  const heard = await caller.closed();
  expect(heard.match(/HTTP\/1\.1/g)).toEqual(['HTTP/1.1']);
  expect(heard).toMatch(/^HTTP\/1\.1 200 /);
});

test.each(['', ' ', ',', ' , '])(
  'a transfer-encoding that names none, "%s", ends the connection',
  async (encoding) => {
    const served: (string | undefined)[] = [];
    const { port } = await listen((request, response) => {
      served.push(request.url);
      answerAfterBody(request, response);
    });
    const hidden = 'GET /hidden HTTP/1.1\r\nhost: test\r\n\r\n';
    const own = await open(port);
    own.send(`${head}transfer-encoding:${encoding}\r\ncontent-length: 5\r\n\r\n0\r\n\r\n${hidden}`);
    const heard = await own.closed();
    expect(heard).toMatch(/^HTTP\/1\.1 400 /);
    expect(heard.match(/HTTP\/1\.1/g)).toHaveLength(1);
    expect(served).toEqual([]);
  },
);
