// The built command line as a process: what goes in, what comes out, and how it ends.
import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const program = fileURLToPath(new URL('../../dist/main.js', import.meta.url));
const processTimeoutMs = 120_000;

export interface Ended {
  code: number | null;
  stdout: string;
  /** The same as bytes. */
  output: Buffer;
  stderr: string;
}

export interface RunOptions {
  stdin?: string | Uint8Array;
  env?: Record<string, string>;
  /** When it resolves, the process gets a SIGINT; its stdin stays open. */
  interruptOn?: Promise<unknown>;
}

/** Runs the built program in `folder`, with nothing of our environment but PATH. */
export function runCli(
  folder: string,
  args: readonly string[],
  { stdin = '', env = {}, interruptOn }: RunOptions = {},
): Promise<Ended> {
  if (!existsSync(program)) throw new Error(`${program} is missing: build it first with npm run build`);
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [program, ...args], {
      cwd: folder,
      env: { PATH: process.env.PATH, ...env },
      timeout: processTimeoutMs,
    });
    const chunks: Buffer[] = [];
    let stderr = '';
    child.stdout.on('data', (chunk: Buffer) => chunks.push(chunk));
    child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr += text));
    child.on('error', reject).on('close', (code) => {
      const output = Buffer.concat(chunks);
      resolve({ code, output, stdout: output.toString('utf8'), stderr });
    });
    child.stdin.on('error', () => {});
    if (interruptOn === undefined) child.stdin.end(stdin);
    else void interruptOn.then(() => child.kill('SIGINT'));
  });
}
