// The binaries of other JavaScript runtimes, from the packages that npm ships them in: one for each platform, of which npm
// installs the one that fits.
import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const nodeModules = fileURLToPath(new URL('../../../../node_modules/', import.meta.url));

/** Also where an install script has moved it. */
const places: Readonly<
  Record<'bun' | 'deno' | 'workerd', readonly [folder: string, rest: string, moved: string]>
> = {
  bun: ['@oven', 'bin/bun', 'bun/bin/bun.exe'],
  deno: ['@deno', 'deno', 'deno/deno'],
  workerd: ['@cloudflare', 'bin/workerd', 'workerd/bin/workerd'],
};

export function runtimeBinary(name: keyof typeof places): string {
  const [scope, rest, moved] = places[name];
  const folder = join(nodeModules, scope);
  const packages = existsSync(folder)
    ? readdirSync(folder).filter((each) => each.startsWith(packagePrefix[name]))
    : [];
  const found = [...packages.map((each) => join(folder, each, rest)), join(nodeModules, moved)].find(
    existsSync,
  );
  if (found === undefined) throw new Error(`npm has installed no ${name} for this platform`);
  return found;
}

const packagePrefix = { bun: 'bun-', deno: '', workerd: 'workerd-' } as const;
