// Builds the package into a new folder, laid out as npm would install it: node_modules/@posthorn/webhooks.
import { execFile } from 'node:child_process';
import { cp, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

export const packageFolder = fileURLToPath(new URL('../../', import.meta.url));
export const compiler = fileURLToPath(
  new URL('../../../../node_modules/typescript/bin/tsc', import.meta.url),
);

export type BuiltPackage = { folder: string; modules: string; remove(): Promise<void> };

export async function buildPackage(): Promise<BuiltPackage> {
  const folder = await mkdtemp(join(tmpdir(), 'posthorn-webhooks-'));
  const installed = join(folder, 'node_modules', '@posthorn', 'webhooks');
  const modules = join(installed, 'dist');
  const project = [
    '-p',
    packageFolder,
    '--outDir',
    modules,
    '--composite',
    'false',
    '--incremental',
    'false',
  ];
  await promisify(execFile)(process.execPath, [compiler, ...project]);
  await cp(join(packageFolder, 'package.json'), join(installed, 'package.json'));
  return { folder, modules, remove: () => rm(folder, { recursive: true, force: true }) };
}
