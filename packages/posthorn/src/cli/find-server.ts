// Which Posthorn a command speaks to, and with which token.
import type { Config } from '../config.ts';
import { CliError, usageError } from './cli-error.ts';
import { readDevState } from './dev-state.ts';
import { exitCodes } from './exit-codes.ts';
import type { Io } from './io.ts';

interface ServerOptions {
  server?: string;
  token?: string;
}

/** Flag, then environment, then the running dev. Its token goes to its own address only. */
export async function findServer(
  options: ServerOptions,
  config: Config,
  io: Io,
): Promise<{ serverUrl: string; token: string }> {
  const named = options.server ?? nonEmpty(io.env.POSTHORN_SERVER_URL);
  const given = options.token ?? nonEmpty(io.env.POSTHORN_TOKEN);
  const running = named === undefined || given === undefined ? await readDevState(config.dataDir) : undefined;
  const serverUrl = named ?? running?.url;
  if (serverUrl === undefined) {
    throw new CliError(exitCodes.unreachable, 'no_server', `no Posthorn runs on ${config.dataDir}`, {
      fix: 'start one with npm start, or name a server with --server or POSTHORN_SERVER_URL',
    });
  }
  if (!/^https?:$/.test(originProtocol(serverUrl))) {
    throw usageError(
      `the server ${serverUrl} is not an http or https URL`,
      'write it like http://127.0.0.1:8071',
    );
  }
  const token = given ?? (sameOrigin(running?.url, serverUrl) ? running?.token : undefined);
  if (token === undefined) {
    throw new CliError(exitCodes.auth, 'no_token', `there is no token for ${serverUrl}`, {
      fix: 'pass one with --token or POSTHORN_TOKEN; posthorn token create makes one',
    });
  }
  return { serverUrl, token };
}

function nonEmpty(text: string | undefined): string | undefined {
  return text === undefined || text.trim() === '' ? undefined : text.trim();
}

function originProtocol(url: string): string {
  return URL.canParse(url) ? new URL(url).protocol : '';
}

function sameOrigin(a: string | undefined, b: string): boolean {
  return a !== undefined && URL.canParse(a) && new URL(a).origin === new URL(b).origin;
}
