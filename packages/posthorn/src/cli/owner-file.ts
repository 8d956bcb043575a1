// A secret in a file of the data directory: made once, readable by its owner only.
import { randomBytes } from 'node:crypto';
import { link, mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';

const ownerOnly = 0o600;
const draftNameBytes = 6;

/** The trimmed text of the file; `make()` gives it when the file is missing. */
export async function ensureOwnerFile(path: string, make: () => string): Promise<string> {
  return ((await readIfThere(path)) ?? (await create(path, make()))).trim();
}

async function readIfThere(path: string): Promise<string | undefined> {
  try {
    return await readFile(path, 'utf8');
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return undefined;
    throw error;
  }
}

/** Written aside and linked into place: whoever comes first decides, and nobody reads half a secret. */
async function create(path: string, text: string): Promise<string> {
  await mkdir(dirname(path), { recursive: true });
  const draft = `${path}.${randomBytes(draftNameBytes).toString('hex')}.tmp`;
  await writeFile(draft, `${text}\n`, { mode: ownerOnly, flush: true });
  try {
    await link(draft, path);
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === 'EEXIST')) throw error;
  } finally {
    await rm(draft, { force: true });
  }
  return readFile(path, 'utf8');
}
