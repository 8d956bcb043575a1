// `posthorn send`: one message into a running Posthorn, through its API; with --wait, what became of it.
import { isUtf8 } from 'node:buffer';
import { readFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import type { Config } from '../config.ts';
import { createApiClient } from './api-client.ts';
import type { ApiClient } from './api-client.ts';
import { CliError, usageError } from './cli-error.ts';
import { exitCodes } from './exit-codes.ts';
import type { ExitCode } from './exit-codes.ts';
import { findServer } from './find-server.ts';
import { readStdin, writeJson } from './io.ts';
import type { Io } from './io.ts';
import { waitForDeliveries } from './send-wait.ts';

export interface SendOptions {
  app: string;
  type: string;
  payload?: string;
  payloadFile?: string;
  eventId?: string;
  channel?: string[];
  createApp?: boolean;
  server?: string;
  token?: string;
  wait?: boolean;
  /** Seconds, as text. */
  timeout: string;
}

const requestTimeoutMs = 15_000;
const payloadMaxBytes = 25 * 1024 * 1024;
const millisecondsPerSecond = 1_000;
const waitMaxSeconds = 86_400;

/** `config` gives the data directory in which a running `posthorn dev` is found. */
export async function runSend(options: SendOptions, config: Config, io: Io): Promise<ExitCode> {
  const waitMs = readWait(options.timeout);
  const { serverUrl, token } = await findServer(options, config, io);
  const payload = await readPayload(options, io);
  const client = createApiClient({ serverUrl, token, requestTimeoutMs });
  if (options.createApp === true) await createApplication(client, options.app);
  const app = encodeURIComponent(options.app);
  const message = asMessage(await client.request('POST', `/app/${app}/msg`, envelope(options, payload)));
  if (options.wait !== true) {
    if (io.json) writeJson(io, { message });
    else io.stdout.write(`${message.id}\n`);
    return exitCodes.ok;
  }
  if (!io.json) io.stdout.write(`${message.id}\n`);
  return waitForDeliveries({ client, app: options.app, message, waitMs }, io);
}

function readWait(text: string): number {
  if (/^\d{1,6}$/.test(text) && Number(text) <= waitMaxSeconds) return Number(text) * millisecondsPerSecond;
  throw usageError(
    `--timeout ${text} is not a number of seconds`,
    `give whole seconds up to ${waitMaxSeconds}`,
  );
}

async function readPayload(options: SendOptions, io: Io): Promise<string> {
  if (options.payload !== undefined && options.payloadFile !== undefined) {
    throw usageError('--payload and --payload-file are both given', 'give one of them');
  }
  const text = options.payload ?? decodeUtf8(await payloadBytes(options.payloadFile, io));
  try {
    JSON.parse(text);
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw usageError(`the payload is not JSON (${reason})`, `pass JSON, such as '{"user":"u_1"}'`);
  }
  return text;
}

function decodeUtf8(bytes: Buffer): string {
  if (isUtf8(bytes)) return bytes.toString('utf8');
  throw usageError('the payload is not UTF-8', 'save it as UTF-8');
}

async function payloadBytes(file: string | undefined, io: Io): Promise<Buffer> {
  if (file === undefined) return readStdin(io, 'payload', payloadMaxBytes);
  try {
    return await readFile(resolve(io.cwd, file));
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw usageError(`the payload file cannot be read (${reason})`, 'name a readable file');
  }
}

async function createApplication(client: ApiClient, app: string): Promise<void> {
  await client.request('POST', '/app?get_if_exists=true', JSON.stringify({ name: app, uid: app }));
}

/** The payload goes in as it was written: parsing and printing it again would change numbers and white space. */
function envelope(options: SendOptions, payload: string): string {
  const rest = JSON.stringify({
    eventType: options.type,
    ...(options.eventId === undefined ? {} : { eventId: options.eventId }),
    ...(options.channel === undefined ? {} : { channels: options.channel }),
  });
  return `${rest.slice(0, -1)},"payload":${payload}}`;
}

function asMessage(answer: unknown): { id: string } {
  if (typeof answer === 'object' && answer !== null && 'id' in answer && typeof answer.id === 'string') {
    return answer as { id: string };
  }
  throw new CliError(exitCodes.failure, 'not_posthorn', 'the server accepted, and named no message', {
    fix: 'check that --server or POSTHORN_SERVER_URL names a Posthorn server',
  });
}
