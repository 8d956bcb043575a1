// A way to PostgreSQL that can be shut: connections are cut, and new ones refused, until it opens again.
import { once } from 'node:events';
import { connect, createServer, type Socket } from 'node:net';

export interface DatabaseGate {
  /** The database, through the gate. */
  url: string;
  shut(): void;
  open(): void;
  /** Connections since the start. */
  count(): number;
  stop(): Promise<void>;
}

/** `passMax`: shuts by itself after so many connections, when the last of them has ended. */
export async function startDatabaseGate(databaseUrl: string, passMax = Infinity): Promise<DatabaseGate> {
  const target = new URL(databaseUrl);
  const sockets = new Set<Socket>();
  let isOpen = true;
  let count = 0;
  const shut = () => {
    isOpen = false;
    for (const socket of sockets) socket.destroy();
  };
  const server = createServer((client) => {
    count += 1;
    const isLast = count === passMax;
    const upstream = connect(Number(target.port), target.hostname);
    for (const socket of [client, upstream]) {
      sockets.add(socket);
      const drop = () => {
        client.destroy();
        upstream.destroy();
        sockets.delete(socket);
        if (isLast) shut();
      };
      socket.on('error', drop).on('close', drop);
    }
    if (isOpen) client.pipe(upstream).pipe(client);
    else client.destroy();
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
    count: () => count,
    async stop() {
      shut();
      server.close();
      await once(server, 'close');
    },
  };
}
