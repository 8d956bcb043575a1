// The README's examples as files beside an installed copy of the package, so that they run as a reader would run them.
import { mkdir, readFile, symlink, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { packageFolder } from './built-package.ts';

const nodeModules = fileURLToPath(new URL('../../../../node_modules/', import.meta.url));
// What the examples import besides the package.
const imported = ['@hono/node-server', 'express', 'fastify', 'hono', 'koa', 'pg', 'zod'];

/** Writes every example that has a name into `folder`; gives their names. */
export async function writeExamples(folder: string): Promise<string[]> {
  const readme = await readFile(join(packageFolder, 'README.md'), 'utf8');
  const names: string[] = [];
  for (const [, name = '', code = ''] of readme.matchAll(
    /```(?:js|ts)\n\/\/ (\S+\.(?:mjs|ts))\n(.*?)```/gs,
  )) {
    await writeFile(join(folder, name), code);
    names.push(name);
  }
  for (const name of imported) {
    const place = join(folder, 'node_modules', name);
    await mkdir(dirname(place), { recursive: true });
    await symlink(join(nodeModules, name), place);
  }
  return names;
}
