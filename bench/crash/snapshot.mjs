// @ts-check
// A copy of the built product in a folder of its own: a rebuild does not change a run, and a planted bug stays in it.
import { cp, mkdir, readdir, readFile, symlink, writeFile } from 'node:fs/promises';
import { join, posix } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('../../', import.meta.url));

/**
 * @typedef {{ file: string, find: string, put: string }} Edit `file` within packages/posthorn/dist
 */

/**
 * Resolves with the path of the copy's main.js. Rejects when an edit does not apply exactly once. `added`: a module that
 * every edited file imports `exported` from.
 * @param {string} folder
 * @param {readonly Edit[]} [edits]
 * @param {{ name: string, text: string, exported: string }} [added]
 */
export async function takeSnapshot(folder, edits = [], added) {
  const product = join(folder, 'packages', 'posthorn');
  const modules = join(folder, 'node_modules');
  await mkdir(join(modules, '@posthorn'), { recursive: true });
  for (const name of await readdir(join(root, 'node_modules'))) {
    if (name !== '@posthorn' && !name.startsWith('.') && name !== 'posthorn') {
      await symlink(join(root, 'node_modules', name), join(modules, name));
    }
  }
  await copy('packages/posthorn/dist', join(product, 'dist'));
  await copy('packages/posthorn/migrations', join(product, 'migrations'));
  await copy('packages/posthorn/package.json', join(product, 'package.json'));
  await copy('packages/webhooks/dist', join(modules, '@posthorn', 'webhooks', 'dist'));
  await copy('packages/webhooks/package.json', join(modules, '@posthorn', 'webhooks', 'package.json'));
  for (const edit of edits) await apply(join(product, 'dist', edit.file), edit);
  if (added) {
    await writeFile(join(product, 'dist', added.name), added.text);
    for (const file of new Set(edits.map((edit) => edit.file))) {
      const path = join(product, 'dist', file);
      const from = posix.relative(posix.dirname(`./${file}`), added.name);
      const specifier = from.startsWith('.') ? from : `./${from}`;
      await writeFile(
        path,
        `import { ${added.exported} } from '${specifier}';\n${await readFile(path, 'utf8')}`,
      );
    }
  }
  return join(product, 'dist', 'main.js');
}

const copy = (/** @type {string} */ from, /** @type {string} */ to) =>
  cp(join(root, from), to, { recursive: true });

/**
 * @param {string} path
 * @param {Edit} edit
 */
async function apply(path, { file, find, put }) {
  const text = await readFile(path, 'utf8');
  const times = text.split(find).length - 1;
  if (times !== 1) throw new Error(`the edit does not fit: found ${times} times in dist/${file}: ${find}`);
  await writeFile(
    path,
    text.replace(find, () => put),
  );
}
