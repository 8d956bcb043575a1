// The API as the command line speaks it: JSON over fetch, and every failure with its own exit code.
import { CliError } from './cli-error.ts';
import { exitCodes } from './exit-codes.ts';
import type { ExitCode } from './exit-codes.ts';

export interface ApiClientOptions {
  /** Without `/api/v1`. */
  serverUrl: string;
  token: string;
  requestTimeoutMs: number;
  /** `/api/v1` unless given. */
  basePath?: string;
}

export interface ApiClient {
  /** `body` is JSON text, sent as it is. Resolves with the parsed answer; rejects with `CliError`. */
  request(method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE', path: string, body?: string): Promise<unknown>;
}

export function createApiClient(options: ApiClientOptions): ApiClient {
  const base = options.serverUrl.replace(/\/+$/, '') + (options.basePath ?? '/api/v1');
  return {
    async request(method, path, body) {
      const response = await reach(
        () =>
          fetch(base + path, {
            method,
            headers: {
              authorization: `Bearer ${options.token}`,
              accept: 'application/json',
              ...(body === undefined ? {} : { 'content-type': 'application/json' }),
            },
            ...(body === undefined ? {} : { body }),
            redirect: 'manual',
            signal: AbortSignal.timeout(options.requestTimeoutMs),
          }),
        options,
      );
      const text = await reach(() => response.text(), options);
      return readAnswer(response.status, text, options.serverUrl);
    },
  };
}

async function reach<T>(
  work: () => Promise<T>,
  { serverUrl, requestTimeoutMs }: ApiClientOptions,
): Promise<T> {
  try {
    return await work();
  } catch (cause) {
    if (cause instanceof Error && cause.name === 'TimeoutError') {
      throw new CliError(
        exitCodes.timeout,
        'timeout',
        `${serverUrl} did not answer within ${requestTimeoutMs} ms`,
        {
          fix: 'look at the log of the server, then try again',
          cause,
        },
      );
    }
    throw new CliError(
      exitCodes.unreachable,
      'unreachable',
      `${serverUrl} cannot be reached: ${rootReason(cause)}`,
      {
        fix: 'start Posthorn (npm start), or name the server with --server or POSTHORN_SERVER_URL',
        cause,
      },
    );
  }
}

/** fetch says only "fetch failed"; what happened is in its cause. */
function rootReason(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  if (error.cause instanceof Error) return rootReason(error.cause);
  const code: unknown = Reflect.get(error, 'code');
  return error.message === '' && typeof code === 'string' ? code : error.message;
}

function readAnswer(status: number, text: string, serverUrl: string): unknown {
  const body = parseJson(text);
  if (status >= 200 && status < 300 && (body !== undefined || text === '')) return body;
  if (body === undefined) {
    throw new CliError(exitCodes.failure, 'not_posthorn', `${serverUrl} answered ${status} without JSON`, {
      fix: 'check that --server or POSTHORN_SERVER_URL names a Posthorn server, without a path',
    });
  }
  throw refusal(status, body);
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

const fixes: Partial<Record<ExitCode, string>> = {
  [exitCodes.auth]: 'pass a valid token with --token or POSTHORN_TOKEN; posthorn token create makes one',
  [exitCodes.notFound]:
    'check the name; posthorn send --create-app makes a missing application, posthorn source create a source',
  [exitCodes.unreachable]: 'try again in a few seconds',
};

function refusal(status: number, body: unknown): CliError {
  const { code, detail } = (typeof body === 'object' && body !== null ? body : {}) as Record<string, unknown>;
  const exitCode = exitCodeOf(status);
  const name = typeof code === 'string' ? code : `http_${status}`;
  const fix = fixes[exitCode];
  return new CliError(exitCode, name, detailText(detail, status), fix === undefined ? {} : { fix });
}

function exitCodeOf(status: number): ExitCode {
  if (status === 401 || status === 403) return exitCodes.auth;
  if (status === 404) return exitCodes.notFound;
  if (status === 408 || status === 504) return exitCodes.timeout;
  if (status === 429 || status === 502 || status === 503) return exitCodes.unreachable;
  return status >= 400 && status < 500 ? exitCodes.refused : exitCodes.failure;
}

/** `detail` is a sentence, or a list of wrong fields `{loc, msg}`. */
function detailText(detail: unknown, status: number): string {
  if (typeof detail === 'string') return detail;
  if (!Array.isArray(detail)) return `the server answered ${status}`;
  return (detail as unknown[])
    .map((item) => {
      const { loc, msg } = (typeof item === 'object' && item !== null ? item : {}) as Record<string, unknown>;
      return `${Array.isArray(loc) ? loc.join('.') : 'body'}: ${typeof msg === 'string' ? msg : 'is wrong'}`;
    })
    .join('; ');
}
