// `posthorn dev`, which `npm start` runs: its own PostgreSQL, a demo application, and all that a first message needs.
import type { Logger } from 'pino';
import { systemClock } from '../lib/clock.ts';
import { version } from '../lib/version.ts';
import { type Config, devSubnets } from '../config.ts';
import { redactDatabaseUrl } from '../config-parsers.ts';
import { createDevLog, deliveryLines } from './dev-log.ts';
import { CliError } from './cli-error.ts';
import { readDevState, removeDevState, writeDevState } from './dev-state.ts';
import { exitCodes } from './exit-codes.ts';
import { type Io, writeJson } from './io.ts';
import { runServer, type ServerParts, type Started } from './run-server.ts';
import { ensureDevToken } from './token-file.ts';

const pingTimeoutMs = 1_000;

export async function runDev(given: Config, io: Io): Promise<number> {
  await refuseSecond(given.dataDir, io);
  const token = given.token ?? (await ensureDevToken(given.dataDir));
  const config = { ...given, token };
  let isAnnounced = false;
  return runServer(config, io, {
    ...devParts(config, io, () => isAnnounced && !io.json),
    async onReady(started) {
      const { server, databaseUrl } = started;
      await writeDevState(config.dataDir, { url: server.url, token, pid: io.pid, databaseUrl });
      const readyMs = Math.round(systemClock.monotonicMs());
      if (io.json) writeJson(io, readyObject(started, token, readyMs));
      else io.stdout.write(banner({ started, token, readyMs, config, io }));
      isAnnounced = true;
    },
    onStop: () => removeDevState(config.dataDir, io.pid),
  });
}

/** Two in one folder would share the demo endpoint and the note that other commands find them by. */
async function refuseSecond(dataDir: string, io: Io): Promise<void> {
  const other = await readDevState(dataDir);
  if (!other || other.pid === io.pid || !io.isAlive(other.pid) || !(await answers(other.url))) return;
  const what = `Posthorn already runs in this folder, at ${other.url} (process ${other.pid})`;
  throw new CliError(exitCodes.refused, 'already_running', what, {
    fix: 'use that one, stop it, or choose another folder with --data-dir',
  });
}

/** A process id can have passed on to another program: only an answer shows that it is ours. */
async function answers(url: string): Promise<boolean> {
  try {
    const signal = AbortSignal.timeout(pingTimeoutMs);
    return (await fetch(`${url}/api/v1/health/ping`, { signal })).ok;
  } catch {
    return false;
  }
}

/** What a development server needs of its process. `isShown`: whether a delivery is printed now. */
export function devParts(config: Config, io: Io, isShown: () => boolean): ServerParts & { log: Logger } {
  return {
    log: createDevLog(io, config.logLevel),
    demo: true,
    onSettled(settled) {
      if (isShown()) io.stderr.write(deliveryLines(settled, io));
    },
  };
}

function readyObject({ server, databaseUrl, embeddedIn }: Started, token: string, readyMs: number): object {
  return {
    version,
    readyMs,
    url: server.url,
    portTaken: server.portTaken,
    token,
    application: server.demo?.application,
    secret: server.demo?.secret,
    database: { url: databaseUrl, version: server.databaseVersion, embeddedIn: embeddedIn ?? null },
  };
}

interface BannerParts {
  started: Started;
  token: string;
  readyMs: number;
  config: Config;
  io: Io;
}

function banner({ started, token, readyMs, config, io }: BannerParts): string {
  const { server, databaseUrl, embeddedIn } = started;
  const bold = (text: string) => io.paint('bold', text);
  const database =
    embeddedIn === undefined
      ? `PostgreSQL ${server.databaseVersion}, ${redactDatabaseUrl(databaseUrl)}`
      : `PostgreSQL ${server.databaseVersion}, embedded, in ${embeddedIn}`;
  const lines = [
    '',
    `  ${bold(`Posthorn ${version}`)}  ready in ${readyMs} ms`,
    '',
    ...(server.portTaken
      ? [`  Port ${config.port} is used by another program: listening on ${server.port}.`, '']
      : []),
    `  API       ${bold(server.url)}`,
    `  Token     ${token}`,
    `  Secret    ${server.demo?.secret ?? ''}  (signs for the demo endpoint, ${server.url}/dev/inbox)`,
    `  Database  ${database}`,
    '',
    `  Development only: deliveries may reach this machine (${devSubnets}).`,
    '',
    '  Send a message and watch it arrive here:',
    '',
    `  ${curlLine(started, token)}`,
    '',
    '  ^C stops.',
    '',
  ];
  return `${lines.join('\n')}\n`;
}

function curlLine({ server }: Started, token: string): string {
  const { application, eventType } = server.demo ?? { application: 'demo', eventType: 'user.created' };
  const body = JSON.stringify({
    eventType,
    payload: { type: eventType, data: { id: 1, email: 'ada@example.com' } },
  });
  return [
    `curl ${server.url}/api/v1/app/${application}/msg`,
    `-H 'authorization: Bearer ${token}'`,
    `-H 'content-type: application/json'`,
    `-d '${body}'`,
  ].join(' ');
}
