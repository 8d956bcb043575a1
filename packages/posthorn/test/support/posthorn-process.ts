// A real Posthorn process on a test database, to be driven over HTTP and killed.
import { type ChildProcess, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { fileURLToPath } from 'node:url';
import { Svix } from 'svix';
import { waitFor } from './wait.ts';

const program = fileURLToPath(new URL('../../dist/main.js', import.meta.url));
const readyTimeoutMs = 180_000;

/** Shared by the processes of one test, so that they can open each other's secrets. */
const testSecretKey = randomBytes(32).toString('base64');
export const testToken = 'test-token-0123456789';

export interface PosthornProcess {
  url: string;
  pid: number;
  client: Svix;
  /** Everything written to stderr until now. */
  log(): string;
  /** Sends the signal and resolves with the exit code, null when the signal ended it. */
  end(signal: NodeJS.Signals): Promise<number | null>;
}

/** With what each of them has written to stderr. */
const running = new Map<ChildProcess, () => string>();
const shownLinesMax = 60;

export interface PosthornOptions {
  /** Further flags of `serve`; they win over the test's. */
  flags?: readonly string[];
  /** Makes it the leader of a process group of its own, as a shell does for what is typed into a terminal. */
  leadsGroup?: boolean;
}

/** `posthorn serve` on `databaseUrl`, ready; deliveries may reach loopback. `env` wins over the test's settings. */
export async function startPosthorn(
  databaseUrl: string,
  env: Record<string, string> = {},
  { flags = [], leadsGroup = false }: PosthornOptions = {},
): Promise<PosthornProcess> {
  const child = spawn(process.execPath, [program, 'serve', '--json', '--port', '0', ...flags], {
    stdio: ['ignore', 'pipe', 'pipe'],
    detached: leadsGroup,
    env: {
      PATH: process.env.PATH,
      DATABASE_URL: databaseUrl,
      POSTHORN_SECRET_KEY: testSecretKey,
      POSTHORN_TOKEN: testToken,
      POSTHORN_ALLOW_SUBNETS: '127.0.0.0/8',
      POSTHORN_RETRY_SCHEDULE: '0,1,1,1,1,1,1,1',
      ...env,
    },
  });
  let stdout = '';
  let stderr = '';
  running.set(child, () => stderr);
  child.stdout.on('data', (chunk) => {
    stdout += String(chunk);
  });
  child.stderr.on('data', (chunk) => {
    stderr += String(chunk);
  });
  const exited = new Promise<number | null>((resolve) => child.on('exit', (code) => resolve(code)));
  void exited.then(() => running.delete(child));
  const url = await Promise.race([
    waitFor(() => readyUrl(stdout), {
      timeoutMs: readyTimeoutMs,
      what: 'Posthorn being ready',
    }),
    exited.then((code) => {
      throw new Error(`Posthorn exited with ${code} before it was ready:\n${stderr}`);
    }),
  ]);
  return {
    url,
    pid: child.pid ?? 0,
    client: new Svix(testToken, { serverUrl: url, retryScheduleInMs: [] }),
    log: () => stderr,
    end(signal) {
      child.kill(signal);
      return exited;
    },
  };
}

/** Undefined while the ready object is not complete, and when it tells an error: then the process exits. */
function readyUrl(stdout: string): string | undefined {
  if (!stdout.trimEnd().endsWith('}')) return undefined;
  return (JSON.parse(stdout) as { url?: string }).url;
}

/** The last lines of each that still runs: what a failed test wants to have known. */
export function lastLinesOfAll(): string {
  const shown = [...running].map(([{ pid }, log]) => {
    const lines = log().trimEnd().split('\n').slice(-shownLinesMax);
    return `the log of Posthorn (${pid}):\n${lines.join('\n')}\n`;
  });
  return shown.join('');
}

/** Ends whatever a failed test left behind. */
export async function endAllPosthorn(): Promise<void> {
  await Promise.all(
    [...running.keys()].map((child) => {
      child.kill('SIGKILL');
      return new Promise((resolve) => child.on('exit', resolve));
    }),
  );
}
