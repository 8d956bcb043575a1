// Which failures of the first connection are waited out.
import { once } from 'node:events';
import { createServer, type Socket } from 'node:net';
import pg from 'pg';
import { afterEach, expect, test } from 'vitest';
import { isPassing } from '../src/embedded/connect.ts';

const cleanups: (() => void)[] = [];
afterEach(() => {
  for (const cleanup of cleanups.splice(0)) cleanup();
});

/** How connecting fails at a server that does `greet` with each connection. */
async function failureAt(greet: (socket: Socket) => void): Promise<unknown> {
  const sockets: Socket[] = [];
  const server = createServer((socket) => {
    sockets.push(socket);
    socket.on('error', () => {});
    greet(socket);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  cleanups.push(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  const { port } = server.address() as { port: number };
  const client = new pg.Client({ host: '127.0.0.1', port, user: 'x', connectionTimeoutMillis: 100 });
  client.on('error', () => {});
  return client.connect().then(
    () => undefined,
    (error: unknown) => error,
  );
}

test('a server that is too slow to answer is tried again, and so is one that hangs up', async () => {
  expect(isPassing(await failureAt(() => {}))).toBe(true);
  expect(isPassing(await failureAt((socket) => socket.end()))).toBe(true);
  expect(isPassing(new Error('Query read timeout'))).toBe(true);
});

test('one that refuses is not', () => {
  expect(isPassing(Object.assign(new Error('password authentication failed'), { code: '28P01' }))).toBe(
    false,
  );
});
