// `posthorn sign`: a body as a provider would send it, signed; the raw HTTP request goes to stdout.
import { signRequest } from '@posthorn/webhooks/provider';
import type { Provider, RequestDraft, SignRequestInput } from '@posthorn/webhooks/provider';
import { usageError } from './cli-error.ts';
import { exitCodes } from './exit-codes.ts';
import type { ExitCode } from './exit-codes.ts';
import { findProvider } from './find-provider.ts';
import { readStdin, writeJson } from './io.ts';
import type { Io } from './io.ts';
import { readClock } from './verify.ts';
import { readHeaders, readSecrets, readSettings, readUrl, requestMaxBytes } from './webhook-input.ts';
import type { SecretOptions } from './webhook-input.ts';

export interface SignOptions extends SecretOptions {
  provider: string;
  url: string;
  /** Unix seconds, as text. */
  at?: string;
  /** `name: value` each. */
  header?: string[];
  /** `name=value` each. */
  setting?: string[];
}

export async function runSign(options: SignOptions, io: Io): Promise<ExitCode> {
  const provider = findProvider(options.provider);
  const headers = Object.entries(readHeaders(options.header ?? []));
  const wanted = {
    secret: oneSecret(provider, options, io),
    url: readUrl(options.url),
    headers: Object.fromEntries(headers.map(([name, values]) => [name, values.join(', ')])),
    nowMs: readClock(options.at)(),
    settings: readSettings(options.setting),
  };
  const body = await readStdin(io, 'body', requestMaxBytes);
  const draft = await signedDraft(provider, { ...wanted, body });
  if (io.json) writeJson(io, jsonOf(draft));
  else writeRequest(draft, io);
  return exitCodes.ok;
}

/** The newest is what a provider signs with. */
function oneSecret(provider: Provider, options: SignOptions, io: Io): string {
  if (provider.secret.madeBy === 'nobody') return '';
  const [secret = ''] = readSecrets(options, io);
  return secret;
}

/** What makes signing impossible is a wrong argument: the secret, a setting, or a provider that signs with its own key. */
async function signedDraft(provider: Provider, input: SignRequestInput): Promise<RequestDraft> {
  try {
    return await signRequest(provider, input);
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw usageError(reason, `posthorn providers ${provider.name} tells what ${provider.title} signs with`);
  }
}

function writeRequest({ method, url, headers, body }: RequestDraft, io: Io): void {
  const { host, pathname, search } = new URL(url);
  const framed = { host, ...headers, 'content-length': String(body.length) };
  const lines = Object.entries(framed).map(([name, value]) => `${name}: ${value}\r\n`);
  const head = `${method} ${pathname}${search} HTTP/1.1\r\n${lines.join('')}\r\n`;
  io.stdout.write(Buffer.concat([Buffer.from(head, 'latin1'), body]));
}

function jsonOf({ method, url, headers, body }: RequestDraft): object {
  return { method, url, headers, bodyBase64: Buffer.from(body).toString('base64') };
}
