// Ports for tests: below those that the system hands out by itself, so that no outgoing connection takes one in between.
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { RequestListener, Server } from 'node:http';
import { createServer as createProbe } from 'node:net';

const firstPort = 21_000;
const lastPort = 32_000;
// Test files run at once, each in a process of its own.
let next = firstPort + ((process.pid * 37) % 10_000);

function nextPort(): number {
  next = next >= lastPort ? firstPort : next + 1;
  return next;
}

/** For a process that is told its port: free now, and not handed out twice. */
export async function freePort(): Promise<number> {
  for (let tries = 0; tries < lastPort - firstPort; tries += 1) {
    const port = nextPort();
    const probe = createProbe();
    const isFree = await new Promise<boolean>((resolve) => {
      probe.once('error', () => resolve(false)).listen(port, '127.0.0.1', () => resolve(true));
    });
    if (!isFree) continue;
    await new Promise((closed) => probe.close(closed));
    return port;
  }
  throw new Error('no port is free');
}

export type TestServer = { readonly url: string; close(): Promise<void> };

/** Answers on 127.0.0.1 until `close`, which drops what is still open. */
export async function serve(listener: RequestListener | Server): Promise<TestServer> {
  const server = typeof listener === 'function' ? createServer(listener) : listener;
  const port = await freePort();
  server.listen(port, '127.0.0.1');
  await once(server, 'listening');
  return {
    url: `http://127.0.0.1:${port}`,
    async close() {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
}
