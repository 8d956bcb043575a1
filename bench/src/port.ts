// Listening ports below the range that Linux hands out for outgoing connections, where a client could take them first.
import { randomInt } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type Server } from 'node:net';

const host = '127.0.0.1';
const lowestPort = 20_000;
const highestPort = 32_000;
const triesMax = 50;

/** Listens on a free port of 127.0.0.1 and returns it. */
export async function listenSomewhere(server: Server): Promise<number> {
  for (let tried = 1; ; tried += 1) {
    const port = randomInt(lowestPort, highestPort);
    try {
      server.listen({ port, host, backlog: 1_024 });
      await once(server, 'listening');
      return port;
    } catch (error) {
      if (tried === triesMax) throw error;
    }
  }
}

/** A port that is free now, for a process that has to be told which. */
export async function findFreePort(): Promise<number> {
  const server = createServer();
  const port = await listenSomewhere(server);
  server.close();
  return port;
}
