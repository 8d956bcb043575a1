// Writes packages/webhooks/src/providers/all.ts anew from the rows in its folder: `npm run providers` after a row was
// added, renamed or removed. With --check nothing is written, and it fails when the list is not what it should be.
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const folder = fileURLToPath(new URL('../packages/webhooks/src/providers/', import.meta.url));
const list = join(folder, 'all.ts');
// As in biome.json: a formatted list needs no formatting.
const lineWidth = 110;

const names = readdirSync(folder).filter((name) => name.endsWith('.ts') && name !== 'all.ts');
const wanted = listOf(names.sort().map(readRow));
if (!process.argv.includes('--check')) {
  writeFileSync(list, wanted);
} else if (readFileSync(list, 'utf8') !== wanted) {
  process.stderr.write('src/providers/all.ts does not list the rows of its folder: npm run providers\n');
  process.exitCode = 1;
}

/** A file may export helpers and types too; its row is the one const of type Provider. */
function readRow(file) {
  const source = readFileSync(join(folder, file), 'utf8');
  const rows = [...source.matchAll(/^export const (\w+): Provider(?:<'[a-z0-9-]+'>)? = /gm)];
  if (rows.length !== 1) {
    throw new Error(`src/providers/${file} must export one row: export const …: Provider = …`);
  }
  return { file, row: rows[0][1] };
}

function listOf(rows) {
  const imports = rows.map(({ file, row }) => `import { ${row} } from './${file}';\n`).join('');
  return `// Every provider by name, for those who look one up at run time. Import a single row where it is known: it is far smaller.
// Made by \`npm run providers\` from the files of this folder.
import type { Provider } from '../provider/provider.ts';
${imports}
${arrayOf(rows.map(({ row }) => row))}

export const providers: ReadonlyMap<string, Provider> = new Map(rows.map((row) => [row.name, row]));
`;
}

function arrayOf(items) {
  const line = `const rows: readonly Provider[] = [${items.join(', ')}];`;
  if (line.length <= lineWidth) return line;
  return `const rows: readonly Provider[] = [\n${items.map((item) => `  ${item},\n`).join('')}];`;
}
