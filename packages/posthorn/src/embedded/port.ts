// The loopback port of a cluster: chosen once, remembered in the data directory, so that the URL stays the same.
import { randomInt } from 'node:crypto';
import { once } from 'node:events';
import { chown, readFile, rename, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { EmbeddedPostgresError } from './embedded-error.ts';
import type { Owner } from './run-as.ts';

const portFile = 'posthorn.port';
// Below 32768, where Linux begins to hand out ports for outgoing connections.
const lowestPort = 20_000;
const highestPort = 32_000;
const choicesMax = 50;

/** The port this cluster used last, undefined on its first start. */
export async function rememberedPort(dataDir: string): Promise<number | undefined> {
  const text = await readFile(join(dataDir, portFile), 'utf8').catch(() => '');
  const port = Number.parseInt(text, 10);
  return port >= 1 && port <= 65_535 ? port : undefined;
}

/** Stores the port for later starts, readable by the owner who may start the cluster next. */
export async function rememberPort(dataDir: string, port: number, owner: Owner | undefined): Promise<void> {
  const path = join(dataDir, portFile);
  const draft = `${path}.${process.pid}`;
  await writeFile(draft, `${port}\n`, { mode: 0o600 });
  if (owner) await chown(draft, owner.uid, owner.gid);
  await rename(draft, path);
}

/** A port on 127.0.0.1 that nothing listens on, from 20000 to 32000. */
export async function chooseFreePort(): Promise<number> {
  for (let choice = 0; choice < choicesMax; choice += 1) {
    const port = randomInt(lowestPort, highestPort + 1);
    if (await isFree(port)) return port;
  }
  throw new EmbeddedPostgresError(
    `No free port between ${lowestPort} and ${highestPort} on 127.0.0.1: free one, or set DATABASE_URL.`,
  );
}

/** Whether a server could listen on this port of 127.0.0.1 now. */
export async function isFree(port: number): Promise<boolean> {
  const server = createServer();
  try {
    server.listen(port, '127.0.0.1');
    await once(server, 'listening');
    return true;
  } catch {
    return false;
  } finally {
    server.close();
  }
}
