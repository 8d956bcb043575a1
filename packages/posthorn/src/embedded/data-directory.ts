// Opens the data directory: resolves its path, creates the cluster when there is none, and refuses what is not ours.
import { mkdir, readdir, readFile, realpath } from 'node:fs/promises';
import { basename, dirname, join, resolve } from 'node:path';
import type { Binaries } from './binaries.ts';
import { createCluster } from './create-cluster.ts';
import { EmbeddedPostgresError, errorCode, errorText } from './embedded-error.ts';
import { clusterOwner } from './run-as.ts';
import type { Owner } from './run-as.ts';

/** A complete cluster of the binaries' major version. `owner` is undefined when the current user owns it. */
export interface DataDirectory {
  dataDir: string;
  owner: Owner | undefined;
}

/** Throws EmbeddedPostgresError when the directory holds something else, or another major version's cluster. */
export async function openDataDirectory(
  path: string,
  binaries: Binaries,
  { durable }: { durable: boolean },
): Promise<DataDirectory> {
  const dataDir = await resolvePath(path);
  const owner = await clusterOwner(dataDir);
  const existing = await clusterVersion(dataDir);
  if (existing === undefined) await createCluster({ dataDir, owner, binaries, durable });
  else await requireSameVersion(dataDir, existing, binaries);
  return { dataDir, owner };
}

async function resolvePath(path: string): Promise<string> {
  const absolute = resolve(path);
  try {
    await mkdir(dirname(absolute), { recursive: true });
    // One directory has one name, whichever way a process came to it: the server is recognised by it.
    return await realpath(absolute).catch(async () =>
      join(await realpath(dirname(absolute)), basename(absolute)),
    );
  } catch (error) {
    throw new EmbeddedPostgresError(
      `The data directory ${absolute} cannot be made (${errorText(error)}): choose another, or set DATABASE_URL.`,
    );
  }
}

async function clusterVersion(dataDir: string): Promise<string | undefined> {
  try {
    return (await readFile(join(dataDir, 'PG_VERSION'), 'utf8')).trim();
  } catch (error) {
    if (errorCode(error) !== 'ENOENT') throw unusable(dataDir, errorText(error));
  }
  const entries = await readdir(dataDir).catch(() => []);
  if (entries.length > 0) throw unusable(dataDir, 'it holds other files and no PostgreSQL cluster');
  return undefined;
}

function unusable(dataDir: string, reason: string): EmbeddedPostgresError {
  return new EmbeddedPostgresError(
    `The data directory ${dataDir} cannot be used (${reason}): run as the user who created it, choose another directory, or set DATABASE_URL.`,
  );
}

async function requireSameVersion(dataDir: string, found: string, binaries: Binaries): Promise<void> {
  const ours = await majorVersion(binaries);
  if (ours === undefined || ours === found) return;
  throw new EmbeddedPostgresError(
    `The data directory ${dataDir} belongs to PostgreSQL ${found}, but this Posthorn brings PostgreSQL ${ours}: use the Posthorn that made it, dump and restore, or set DATABASE_URL.`,
  );
}

// The catalog file begins with `# PostgreSQL 18`; reading it costs less than asking a binary.
async function majorVersion({ catalog }: Binaries): Promise<string | undefined> {
  const text = await readFile(catalog, 'utf8').catch(() => '');
  return /PostgreSQL (\d+)/.exec(text.slice(0, 100))?.[1];
}
