// hooks.json (or YAML) of adnanh/webhook as it is read, and posthorn.yaml as it is written from it.
import { createHash } from 'node:crypto';
import { chmod, mkdir, readFile, rename, writeFile } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import { LineCounter, parseDocument, stringify } from 'yaml';
import { usageError } from './cli-error.ts';
import { isFields } from './hook-parts.ts';
import type { Fields } from './hook-parts.ts';
import type { SecretFile } from './hook-source.ts';

const bytesMax = 1024 * 1024;
const ownerOnly = 0o600;
const ownerOnlyFolder = 0o700;

/** Rejects with a usage error, which never repeats a value. */
export async function readHooks(path: string, file: string): Promise<readonly Fields[]> {
  const fail = (what: string) => usageError(`${file} ${what}`, 'name the hooks file of adnanh/webhook');
  let bytes: Buffer;
  try {
    bytes = await readFile(path);
  } catch (cause) {
    const code: unknown = cause instanceof Error ? Reflect.get(cause, 'code') : undefined;
    throw fail(`cannot be read (${String(code)})`);
  }
  if (bytes.length > bytesMax) throw fail(`is larger than ${bytesMax} bytes`);
  const hooks = parsed(bytes.toString('utf8'), fail);
  if (Array.isArray(hooks) && hooks.every(isFields)) return hooks;
  throw fail('is not a list of hooks');
}

function parsed(text: string, fail: (what: string) => Error): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return parsedYaml(text, fail);
  }
}

function parsedYaml(text: string, fail: (what: string) => Error): unknown {
  const lineCounter = new LineCounter();
  const document = parseDocument(text, { lineCounter, prettyErrors: false });
  const [error] = document.errors;
  if (error) {
    const { line, col } = lineCounter.linePos(error.pos[0]);
    const instead = text.includes('{{') ? '; what webhook reads with -template must be filled in first' : '';
    throw fail(`is neither JSON nor YAML at line ${line}, column ${col}${instead}`);
  }
  try {
    // An alias may make a map that holds itself.
    return JSON.parse(JSON.stringify(document.toJS()));
  } catch {
    throw fail('has aliases that cannot be followed');
  }
}

/** posthorn.yaml with what the operator must know above it. */
export function documentText(sources: Readonly<Record<string, Fields>>, head: readonly string[]): string {
  const comments = head.map((line) => `# ${line}\n`).join('');
  return comments + stringify({ sources }, { lineWidth: 0 });
}

/** Writes a file that was not there, and the secrets that it refers to: for their owner alone. */
export async function writeDocument(
  path: string,
  text: string,
  secrets: readonly SecretFile[],
): Promise<void> {
  const folder = dirname(path);
  await refusedIfThere(path, () => writeFile(path, text, { mode: ownerOnly, flag: 'wx', flush: true }));
  for (const secret of secrets) await writeSecret(resolve(folder, secret.path), secret.text);
}

async function refusedIfThere(path: string, write: () => Promise<void>): Promise<void> {
  try {
    await write();
  } catch (cause) {
    const code: unknown = cause instanceof Error ? Reflect.get(cause, 'code') : undefined;
    const what = code === 'EEXIST' ? 'is there already' : `cannot be written (${String(code)})`;
    throw usageError(`${path} ${what}`, 'name another file with --out');
  }
}

/** Written aside and moved: nobody reads half of it, and what lay there with other rights does not keep them. */
async function writeSecret(path: string, text: string): Promise<void> {
  const folder = dirname(path);
  await mkdir(folder, { recursive: true, mode: ownerOnlyFolder });
  await chmod(folder, ownerOnlyFolder);
  const draft = `${path}.${createHash('sha256').update(path).digest('hex').slice(0, 12)}.tmp`;
  await writeFile(draft, text, { mode: ownerOnly, flush: true });
  await rename(draft, path);
}
