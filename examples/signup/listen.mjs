// @ts-check
// Puts a server on a port of this machine, and takes it down for good.
import { once } from 'node:events';
import { createServer } from 'node:http';

// Below the ports that the system hands out by itself: nobody is given this one while the receiver is down.
const firstPort = 8_072;
const portsTriedMax = 100;

/**
 * @param {import('node:http').Server} server
 * @param {number} [port] any free one when it is left out
 */
export async function listen(server, port = 0) {
  server.listen(port, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('not a TCP server');
  return {
    url: `http://127.0.0.1:${address.port}`,
    async stop() {
      const closed = once(server, 'close');
      server.close();
      server.closeAllConnections();
      await closed;
    },
  };
}

/** A port that can be listened on now, and still later. */
export async function findFreePort() {
  for (let port = firstPort; port < firstPort + portsTriedMax; port += 1) {
    const probe = await listen(createServer(), port).catch(() => undefined);
    if (probe === undefined) continue;
    await probe.stop();
    return port;
  }
  throw new Error(`the ports from ${firstPort} to ${firstPort + portsTriedMax - 1} are all taken`);
}
