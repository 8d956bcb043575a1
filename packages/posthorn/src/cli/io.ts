// What a command may touch of its process. main.ts makes the real one; nothing else reads `process`.
import type { Readable } from 'node:stream';
import { usageError } from './cli-error.ts';

export type StopSignal = 'SIGINT' | 'SIGTERM';
export type Paint = (style: 'red' | 'green' | 'yellow' | 'bold' | 'dim', text: string) => string;

export interface TextOutput {
  write(text: string): unknown;
}

/** Text, or bytes that are nobody's text, such as a request's body. */
export interface DataOutput extends TextOutput {
  write(data: string | Uint8Array): unknown;
}

export interface Io {
  env: Readonly<Record<string, string | undefined>>;
  cwd: string;
  pid: number;
  /** Does a process with this id run on this machine? */
  isAlive(pid: number): boolean;
  stdin: Readable & { isTTY?: boolean };
  /** For data only. */
  stdout: DataOutput;
  /** For everything that is not data. */
  stderr: TextOutput;
  /** `--json`: stdout gets exactly one JSON object, errors included. */
  json: boolean;
  verbose: boolean;
  /** Colours for stderr, or the text as it is where they are not wanted. */
  paint: Paint;
  /** Calls back instead of dying from the signal; returns how to stop that. */
  onSignal(listener: (signal: StopSignal) => void): () => void;
}

export function writeJson(io: Io, value: object): void {
  io.stdout.write(`${JSON.stringify(value, undefined, 2)}\n`);
}

/** Text for people, or the object with `--json`. */
export function writeResult(io: Io, text: string, value: object): void {
  if (io.json) writeJson(io, value);
  else io.stdout.write(text.endsWith('\n') || text === '' ? text : `${text}\n`);
}

export function writeNote(io: Io, text: string): void {
  io.stderr.write(`${text}\n`);
}

/** All bytes of stdin. `what` names them in the error of a person who typed the command and would wait for ever. */
export async function readStdin(io: Io, what: string, bytesMax: number): Promise<Buffer> {
  if (io.stdin.isTTY === true) throw usageError(`there is no ${what}`, `pipe the ${what} into this command`);
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of io.stdin) {
    const bytes = Buffer.from(chunk as Uint8Array);
    size += bytes.length;
    if (size > bytesMax)
      throw usageError(`the ${what} is larger than ${bytesMax} bytes`, 'send a smaller one');
    chunks.push(bytes);
  }
  return Buffer.concat(chunks);
}

/** Rows as columns that line up. */
export function alignColumns(rows: readonly (readonly string[])[]): string {
  const widths: number[] = [];
  for (const row of rows) {
    for (const [column, cell] of row.entries()) widths[column] = Math.max(widths[column] ?? 0, cell.length);
  }
  const lines = rows.map((row) =>
    row
      .map((cell, column) => cell.padEnd(widths[column] ?? 0))
      .join('  ')
      .trimEnd(),
  );
  return lines.length === 0 ? '' : `${lines.join('\n')}\n`;
}
