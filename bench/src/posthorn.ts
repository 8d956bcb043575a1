// Posthorn as a real process, and the few calls of its HTTP API that set a case up.
import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import type { Readable } from 'node:stream';
import { fileURLToPath } from 'node:url';
import { keep } from './child.ts';
import { findFreePort } from './port.ts';

const program = fileURLToPath(new URL('../../packages/posthorn/dist/main.js', import.meta.url));
// As `npm start` does it, and as docs/operations.md says.
const nodeArguments = ['--max-semi-space-size=16', '--heap-growing-percent=100'];
const startTimeoutMs = 60_000;
const stopTimeoutMs = 35_000;
const logKeptChars = 20_000;
const callsAtOnceMax = 8;

export const token = 'benchmark-token-0123456789';

export interface Posthorn {
  url: string;
  port: number;
  pid: number;
  version: string;
  /** What it seals with, for whoever puts sealed rows into its database. */
  secretKey: Uint8Array;
  /** The end of its log. */
  log(): string;
  /** False once it has ended. */
  isRunning(): boolean;
  post(path: string, body: object): Promise<{ status: number; body: Record<string, unknown> }>;
  /** Asks it to finish and waits; `SIGKILL` for a case that leaves work behind on purpose. */
  stop(signal?: 'SIGTERM' | 'SIGKILL'): Promise<void>;
}

export interface PosthornOptions {
  databaseUrl: string;
  /** Environment settings besides the benchmark's own. */
  env?: Record<string, string>;
  /** Writes a CPU profile into this folder when it stops. */
  profileDir?: string | undefined;
}

/** `posthorn serve`, ready to take messages and to deliver them to this machine. */
export async function startPosthorn({ databaseUrl, env, profileDir }: PosthornOptions): Promise<Posthorn> {
  const port = await findFreePort();
  const secretKey = randomBytes(32);
  const profile = profileDir === undefined ? [] : ['--cpu-prof', `--cpu-prof-dir=${profileDir}`];
  const child = spawn(
    process.execPath,
    [...nodeArguments, ...profile, program, 'serve', '--json', '--port', String(port)],
    {
      stdio: ['ignore', 'pipe', 'pipe'],
      detached: true,
      env: {
        PATH: process.env.PATH,
        DATABASE_URL: databaseUrl,
        POSTHORN_SECRET_KEY: secretKey.toString('base64'),
        POSTHORN_TOKEN: token,
        POSTHORN_ALLOW_SUBNETS: '127.0.0.0/8',
        POSTHORN_LOG_LEVEL: 'warn',
        ...env,
      },
    },
  );
  keep(child);
  let log = '';
  child.stderr.on('data', (chunk: Buffer) => {
    log = (log + chunk.toString()).slice(-logKeptChars);
  });
  let running = true;
  const ended = once(child, 'exit').then(() => {
    running = false;
  });
  const ready = await Promise.race([
    firstObject(child.stdout),
    ended.then(() => {
      throw new Error(`Posthorn did not start:\n${log}`);
    }),
  ]);
  const { url, version } = JSON.parse(ready) as { url: string; version: string };
  return {
    url,
    port,
    pid: child.pid ?? 0,
    version,
    secretKey,
    log: () => log,
    isRunning: () => running,
    post: (path, body) => post(`${url}${path}`, body),
    async stop(signal = 'SIGTERM') {
      if (running) child.kill(signal);
      const timer = setTimeout(() => child.kill('SIGKILL'), stopTimeoutMs);
      await ended;
      clearTimeout(timer);
    },
  };
}

/** The text of the JSON object that it prints when it is ready. */
async function firstObject(stream: Readable): Promise<string> {
  let text = '';
  const signal = AbortSignal.timeout(startTimeoutMs);
  while (!text.trimEnd().endsWith('}')) {
    const [chunk] = (await once(stream, 'data', { signal })) as [Buffer];
    text += chunk.toString();
  }
  return text;
}

async function post(url: string, body: object): Promise<{ status: number; body: Record<string, unknown> }> {
  const response = await fetch(url, {
    method: 'POST',
    headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
    body: JSON.stringify(body),
  });
  return { status: response.status, body: (await response.json()) as Record<string, unknown> };
}

async function createWhole(
  posthorn: Posthorn,
  path: string,
  body: object,
): Promise<Record<string, unknown> & { id: string }> {
  const answer = await posthorn.post(path, body);
  if (answer.status !== 201 || typeof answer.body.id !== 'string') {
    throw new Error(`POST ${path} was answered ${answer.status}: ${JSON.stringify(answer.body)}`);
  }
  return { ...answer.body, id: answer.body.id };
}

async function create(posthorn: Posthorn, path: string, body: object): Promise<string> {
  return (await createWhole(posthorn, path, body)).id;
}

/** A source of GitHub with one endpoint; returns the path to which its requests go. */
export async function createSource(
  posthorn: Posthorn,
  { secret, ...endpoint }: { secret: string; url: string; eventTypes: string[] },
): Promise<{ path: string }> {
  const sources = '/ingest/api/v1/source';
  const wanted = { type: 'github', name: 'bench', config: { secret } };
  const { id, ingestUrl } = await createWhole(posthorn, sources, wanted);
  await create(posthorn, `${sources}/${id}/endpoint`, endpoint);
  return { path: new URL(String(ingestUrl)).pathname };
}

/** An application with an endpoint for each URL; returns their ids. */
async function createApplication(
  posthorn: Posthorn,
  name: string,
  urls: readonly string[],
): Promise<{ id: string; endpoints: string[] }> {
  const id = await create(posthorn, '/api/v1/app', { name });
  const endpoints: string[] = [];
  for (const url of urls) endpoints.push(await create(posthorn, `/api/v1/app/${id}/endpoint`, { url }));
  return { id, endpoints };
}

/** One application for each list of URLs, in that order. */
export async function createApplications(
  posthorn: Posthorn,
  lists: readonly (readonly string[])[],
): Promise<{ id: string; endpoints: string[] }[]> {
  const made: { id: string; endpoints: string[] }[] = [];
  let next = 0;
  const work = async () => {
    while (next < lists.length) {
      const index = next;
      next += 1;
      made[index] = await createApplication(posthorn, `bench ${index}`, lists[index] ?? []);
    }
  };
  await Promise.all(Array.from({ length: callsAtOnceMax }, work));
  return made;
}
