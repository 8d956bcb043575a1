// Makes a new cluster beside its final place and moves it there complete, so that a kill never leaves half of one.
import { randomBytes } from 'node:crypto';
import { chown, mkdir, open, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import type { Binaries } from './binaries.ts';
import { EmbeddedPostgresError, errorCode, errorText } from './embedded-error.ts';
import { isAlive } from './postmaster-file.ts';
import { chooseRunAs, run } from './run-as.ts';
import type { Owner } from './run-as.ts';

/** The superuser, and the database it owns. */
export const databaseName = 'posthorn';

const passwordFile = 'posthorn.password';
const passwordBytes = 24;
const errorLinesMax = 5;

interface NewCluster {
  dataDir: string;
  owner: Owner | undefined;
  binaries: Binaries;
  /** Whether the new files are forced to disk before the cluster is used. */
  durable: boolean;
}

/** The superuser's password; it lies in the data directory with mode 0600. */
export async function readPassword(dataDir: string): Promise<string> {
  const password = await readFile(join(dataDir, passwordFile), 'utf8').catch((error: unknown) => {
    throw new EmbeddedPostgresError(
      `The password of the embedded PostgreSQL cannot be read (${errorText(error)}): restore the file, move the data directory away, or set DATABASE_URL.`,
    );
  });
  return password.trim();
}

/** Creates the cluster at `dataDir`. Several processes may do so at once: one wins, and all go on with its cluster. */
export async function createCluster(cluster: NewCluster): Promise<void> {
  const { dataDir, owner } = cluster;
  await removeLeftovers(dataDir);
  const staging = `${dataDir}.new-${process.pid}-${randomBytes(4).toString('hex')}`;
  try {
    await mkdir(staging, { mode: 0o700 });
    if (owner) await chown(staging, owner.uid, owner.gid);
    await fillStaging(staging, cluster);
    await moveIntoPlace(join(staging, 'data'), dataDir);
  } finally {
    await rm(staging, { recursive: true, force: true });
  }
}

async function fillStaging(staging: string, { owner, binaries, durable }: NewCluster): Promise<void> {
  const data = join(staging, 'data');
  const password = join(staging, 'password');
  await writeFile(password, `${randomBytes(passwordBytes).toString('base64url')}\n`, { mode: 0o600 });
  if (owner) await chown(password, owner.uid, owner.gid);
  const runAs = await chooseRunAs(owner, staging, binaries);
  const { exitCode, output } = await run(
    runAs(binaries.initdb, [
      `--pgdata=${data}`,
      `--username=${databaseName}`,
      `--pwfile=${password}`,
      '--auth=scram-sha-256',
      '--encoding=UTF8',
      '--locale=C',
      '--locale-provider=builtin',
      '--builtin-locale=C.UTF-8',
      '--no-instructions',
      ...(durable ? [] : ['--no-sync']),
    ]),
  );
  if (exitCode !== 0) {
    const lines = output.trim().split('\n').slice(-errorLinesMax).join('\n');
    throw new EmbeddedPostgresError(`The embedded PostgreSQL could not create its data directory:\n${lines}`);
  }
  await rename(password, join(data, passwordFile));
  if (durable) await Promise.all([syncToDisk(join(data, passwordFile)), syncToDisk(data)]);
}

async function moveIntoPlace(from: string, dataDir: string): Promise<void> {
  try {
    // Replaces nothing but an empty directory.
    await rename(from, dataDir);
    await syncToDisk(dirname(dataDir));
  } catch (error) {
    const code = errorCode(error);
    if (code === 'ENOTEMPTY' || code === 'EEXIST') return;
    throw new EmbeddedPostgresError(
      `The embedded PostgreSQL cannot use ${dataDir} (${errorText(error)}): it must be an ordinary directory, not a mount point; choose another data directory.`,
    );
  }
}

async function removeLeftovers(dataDir: string): Promise<void> {
  const prefix = `${basename(dataDir)}.new-`;
  const names = await readdir(dirname(dataDir));
  const abandoned = names.filter(
    (name) => name.startsWith(prefix) && !isAlive(Number.parseInt(name.slice(prefix.length), 10)),
  );
  // An initdb whose parent was killed may still be writing: hence the retries, and no error if it wins.
  await Promise.all(
    abandoned.map((name) =>
      rm(join(dirname(dataDir), name), { recursive: true, force: true, maxRetries: 5 }).catch(
        () => undefined,
      ),
    ),
  );
}

async function syncToDisk(path: string): Promise<void> {
  const handle = await open(path, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}
