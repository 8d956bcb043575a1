// The pool keeps what is of use and forgets the rest: each end of a connection is played by a real server.
import { createServer, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import type { Dispatcher } from 'undici';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { ConnectionPool } from '../src/delivery/connectors/connection-pool.ts';
import { systemClock } from '../src/lib/clock.ts';
import { waitFor } from './support/wait.ts';

const ageMaxMs = 60_000;

let server: Server;
let sockets: Socket[];
let origin: string;
let held: ServerResponse[];
let nowMs: number;
let pool: ConnectionPool;

beforeEach(async () => {
  sockets = [];
  held = [];
  nowMs = 0;
  server = createServer((request, response) => {
    request.resume();
    if (request.url === '/hang') held.push(response);
    else response.end('ok');
  });
  server.on('connection', (socket) => sockets.push(socket));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  pool = new ConnectionPool({
    client: () => ({ pipelining: 1, headersTimeout: 0, bodyTimeout: 0 }),
    ageMaxMs,
    clock: { ...systemClock, monotonicMs: () => nowMs },
  });
});

afterEach(async () => {
  await pool.destroy();
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
});

/** Resolves with 'ended', or the error's name. */
function ask(path: string, to = origin, headers: Record<string, string> = {}): Promise<string> {
  return new Promise((resolve) => {
    const handler: Dispatcher.DispatchHandler = {
      onRequestStart() {},
      onResponseStart() {},
      onResponseData() {},
      onResponseEnd: () => resolve('ended'),
      onResponseError: (_controller, error) => resolve(error.name),
    };
    pool.dispatch({ origin: to }, { path, method: 'POST', headers, body: 'x' }, handler);
  });
}

const atRest = (connections: number) =>
  waitFor(() => pool.counts().connections === connections && pool.counts().idle === connections);

describe('the connections', () => {
  it('are used again, the last one first', async () => {
    for (let round = 0; round < 5; round += 1) {
      expect(await ask('/')).toBe('ended');
      await atRest(1);
    }
    expect(sockets).toHaveLength(1);
  });

  it('are as many as there are requests at a time, and those that hang hold up nobody', async () => {
    const hanging = Array.from({ length: 20 }, () => ask('/hang'));
    await waitFor(() => held.length === 20);
    for (let round = 0; round < 5; round += 1) {
      expect(await ask('/')).toBe('ended');
      await waitFor(() => pool.counts().idle === 1);
    }
    expect(sockets).toHaveLength(21);
    for (const response of held) response.end();
    expect(new Set(await Promise.all(hanging))).toEqual(new Set(['ended']));
    await atRest(21);
  });

  it('that are cut are forgotten, in use or not', async () => {
    const hanging = ask('/hang');
    await waitFor(() => held.length === 1);
    expect(await ask('/')).toBe('ended');
    for (const socket of sockets) socket.destroy();
    expect(await hanging).toBe('SocketError');
    await atRest(0);
    expect(await ask('/')).toBe('ended');
  });

  it('that could not be made are forgotten', async () => {
    expect(await ask('/', 'http://127.0.0.1:1')).not.toBe('ended');
    await atRest(0);
  });

  it('that got a request which cannot be sent are used for the next', async () => {
    expect(await ask('/', origin, { 'bad name': 'x' })).toBe('InvalidArgumentError');
    expect(pool.counts()).toEqual({ connections: 0, idle: 0 });
    await ask('/');
    await atRest(1);
    expect(await ask('/', origin, { 'bad name': 'x' })).toBe('InvalidArgumentError');
    expect(pool.counts()).toEqual({ connections: 1, idle: 1 });
    expect(await ask('/')).toBe('ended');
    expect(sockets).toHaveLength(1);
  });

  it('that are old are closed', async () => {
    await ask('/');
    await atRest(1);
    nowMs = ageMaxMs + 1;
    expect(await ask('/')).toBe('ended');
    expect(sockets).toHaveLength(2);
    await atRest(1);
  });

  it('are no more after the end', async () => {
    const hanging = ask('/hang');
    await waitFor(() => held.length === 1);
    await pool.destroy();
    expect(await hanging).toBe('ClientDestroyedError');
    expect(await ask('/')).toBe('ClientDestroyedError');
  });
});
