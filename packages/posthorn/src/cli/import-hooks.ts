// `posthorn import-hooks`: the hooks of adnanh/webhook as a posthorn.yaml, which `posthorn apply` then makes. A hook whose
// rule cannot be said here is left out: it never becomes a door that is open wider than it was.
import { basename, extname, resolve } from 'node:path';
import { exitCodes } from './exit-codes.ts';
import type { ExitCode } from './exit-codes.ts';
import { documentText, readHooks, writeDocument } from './hook-files.ts';
import type { Fields } from './hook-parts.ts';
import { convertHook, timeoutMaxSeconds, uidOf } from './hook-source.ts';
import type { Converted, LeftOut } from './hook-source.ts';
import { writeJson, writeNote } from './io.ts';
import type { Io } from './io.ts';

export interface ImportHooksOptions {
  out?: string;
}

const fileDefault = 'posthorn.yaml';

/** Exits with `refused` when something is left to do by hand; what could be converted is. */
export async function runImportHooks(file: string, { out }: ImportHooksOptions, io: Io): Promise<ExitCode> {
  const hooks = await readHooks(resolve(io.cwd, file), file);
  const secretsFolder = secretsFolderOf(out ?? fileDefault);
  const results = hooks.map((hook, index) => resultOf(hook, hooks.slice(0, index), secretsFolder));
  const converted = results.filter((result) => 'source' in result);
  const leftOut = results.filter((result) => 'reasons' in result);
  const secrets = converted.flatMap((each) => each.secrets);
  const commands = [...new Set(converted.map(({ command }) => command))].sort();
  const setting = `POSTHORN_ALLOW_COMMANDS=${commands.join(',')}`;
  const warnings = [
    ...warningsOf(converted, leftOut),
    ...(out === undefined && secrets.length > 0 ? [secretsWarning(secrets)] : []),
  ];
  const sources = Object.fromEntries(converted.map(({ uid, source }) => [uid, source]));
  const limits = `Commands run once, and are ended after ${timeoutMaxSeconds} seconds.`;
  const text = documentText(sources, [`The server needs ${setting}`, limits]);
  if (out !== undefined) await writeDocument(resolve(io.cwd, out), text, secrets);
  if (io.json) {
    const made = { file: out ?? null, allowCommands: commands, document: { sources } };
    writeJson(io, { ...made, leftOut, warnings });
  } else {
    for (const warning of warnings) writeNote(io, `${io.paint('yellow', 'by hand:')} ${warning}`);
    writeNote(io, `the server needs ${setting}`);
    const count = `${converted.length} of ${hooks.length} hooks`;
    io.stdout.write(out === undefined ? text : `${count} are sources in ${out}; posthorn apply makes them\n`);
  }
  return warnings.length === 0 ? exitCodes.ok : exitCodes.refused;
}

/** Beside the file, by its name. */
function secretsFolderOf(file: string): string {
  return `${basename(file, extname(file)).replaceAll(/[^\w.-]/g, '-')}.secrets`;
}

function resultOf(hook: Fields, before: readonly Fields[], secretsFolder: string): Converted | LeftOut {
  const uid = uidOf(hook);
  if (uid === '') return { uid, reasons: ['it has no id'] };
  // Files of secrets are called by it, and not every file system tells capital letters from small ones.
  const isTaken = before.some((other) => uidOf(other).toLowerCase() === uid.toLowerCase());
  if (isTaken) return { uid, reasons: ['it has the id of another one, or one that differs too little'] };
  return convertHook(hook, secretsFolder);
}

function warningsOf(converted: readonly Converted[], leftOut: readonly LeftOut[]): string[] {
  return [
    ...leftOut.map(({ uid, reasons }) => `hook ${uid} is left out: ${reasons.join('; ')}`),
    ...converted.flatMap(({ uid, notes }) => notes.map((note) => `source ${uid} ${note}`)),
  ];
}

function secretsWarning(secrets: readonly { path: string }[]): string {
  const paths = secrets.map(({ path }) => path).join(', ');
  return `the secrets are not shown: put each into its file (${paths}), or use --out, which writes them`;
}
