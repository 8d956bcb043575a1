// Adds to package-lock.json the platform packages that npm left out. npm drops an optional package that the registry
// at hand does not serve, as a mirror may hold the binaries of one platform only; `npm ci` then refuses the lockfile,
// there and on every other platform. Run after `npm install`: `npm run lockfile`.
import { readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const path = join(dirname(dirname(fileURLToPath(import.meta.url))), 'package-lock.json');
const lockfile = JSON.parse(readFileSync(path, 'utf8'));
const systems = new Set([
  'aix',
  'android',
  'darwin',
  'freebsd',
  'linux',
  'netbsd',
  'openbsd',
  'openharmony',
  'sunos',
  'win32',
]);
const libcs = { gnu: 'glibc', gnueabihf: 'glibc', musl: 'musl', musleabihf: 'musl' };

const added = [];
for (const [parentPath, parent] of Object.entries(lockfile.packages)) {
  for (const [name, version] of Object.entries(parent.optionalDependencies ?? {})) {
    if (isLocked(parentPath, name)) continue;
    lockfile.packages[`node_modules/${name}`] = platformPackage(name, version, parent);
    added.push(`${name}@${version}`);
  }
}
if (added.length > 0) {
  const sorted = Object.entries(lockfile.packages).sort(([a], [b]) => a.localeCompare(b, 'en'));
  lockfile.packages = Object.fromEntries(sorted);
  writeFileSync(path, `${JSON.stringify(lockfile, null, 2)}\n`);
}
for (const line of added) console.log(`added ${line}`);

/** Whether `name`, required from the package at `from`, is found there or in a folder above it. */
function isLocked(from, name) {
  for (let folder = from; ; folder = folder.slice(0, Math.max(0, folder.lastIndexOf('/node_modules/')))) {
    if (lockfile.packages[join(folder, 'node_modules', name)]) return true;
    if (folder === '') return false;
  }
}

/** The entry without a hash, which only the registry could give; the next `npm install` that reaches one adds it. */
function platformPackage(name, version, parent) {
  if (!/^\d+\.\d+\.\d+/.test(version)) throw new Error(`${name}: ${version} is a range; lock it by hand`);
  const words = name.split(/[/-]/);
  const system = words.findLast((word) => systems.has(word));
  if (system === undefined) throw new Error(`${name} names no platform; lock it by hand`);
  const [cpu = '', abi = ''] = words.slice(words.lastIndexOf(system) + 1);
  const libc = system === 'linux' ? (libcs[abi] ?? 'glibc') : undefined;
  return {
    version,
    ...(cpu && { cpu: [cpu] }),
    ...(parent.dev && { dev: true }),
    ...(libc && { libc: [libc] }),
    optional: true,
    os: [system],
  };
}
