// A way to PostgreSQL that can be shut: connections are cut, and new ones refused, until it opens again.
import { once } from 'node:events';
import { connect, createServer, type Socket } from 'node:net';
import { type Database, openDatabase } from '../../src/store/database.ts';

export interface DatabaseGate {
  /** The database, through the gate. */
  url: string;
  shut(): void;
  open(): void;
  /** Nothing passes, in either direction, and nobody hears of it: as when packets are lost. */
  pause(): void;
  resume(): void;
  /** Connections since the start. */
  count(): number;
  stop(): Promise<void>;
}

/** `passMax`: shuts by itself after so many connections, when the last of them has ended. */
export async function startDatabaseGate(databaseUrl: string, passMax = Infinity): Promise<DatabaseGate> {
  const target = new URL(databaseUrl);
  const sockets = new Set<Socket>();
  const pairs = new Set<[Socket, Socket]>();
  let isOpen = true;
  let isPaused = false;
  let count = 0;
  const shut = () => {
    isOpen = false;
    for (const socket of sockets) socket.destroy();
  };
  const server = createServer((client) => {
    count += 1;
    const isLast = count === passMax;
    const upstream = connect(Number(target.port), target.hostname);
    const pair: [Socket, Socket] = [client, upstream];
    pairs.add(pair);
    for (const socket of pair) {
      sockets.add(socket);
      const drop = () => {
        client.destroy();
        upstream.destroy();
        sockets.delete(socket);
        pairs.delete(pair);
        if (isLast) shut();
      };
      socket.on('error', drop).on('close', drop);
    }
    if (!isOpen) client.destroy();
    else if (!isPaused) client.pipe(upstream).pipe(client);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const url = new URL(databaseUrl);
  url.hostname = '127.0.0.1';
  url.port = String((server.address() as { port: number }).port);
  return {
    url: url.href,
    shut,
    open: () => {
      isOpen = true;
    },
    pause() {
      isPaused = true;
      for (const [client, upstream] of pairs) {
        client.unpipe(upstream).pause();
        upstream.unpipe(client).pause();
      }
    },
    resume() {
      isPaused = false;
      for (const [client, upstream] of pairs) client.pipe(upstream).pipe(client);
    },
    count: () => count,
    async stop() {
      shut();
      server.close();
      await once(server, 'close');
    },
  };
}

/** One connection, which is given up when it does not answer within 400 ms. */
export const openThroughGate = ({ url }: DatabaseGate): Database =>
  openDatabase({
    url,
    connectionsMax: 1,
    applicationName: 'posthorn test',
    onIdleError: () => {},
    queryTimeoutMs: 400,
  });
