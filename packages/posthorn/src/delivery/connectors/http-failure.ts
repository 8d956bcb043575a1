// Names why an attempt got no answer, from what undici, Node or the guard threw.
import { errors } from 'undici';
import type { Outcome, UnreachableReason } from '../../core/outcome.ts';
import { ForbiddenAddressError } from './address-guard.ts';
import { DnsError } from './resolve-host.ts';

type Unreachable = Extract<Outcome, { kind: 'unreachable' }>;

const reasonByCode: Readonly<Record<string, UnreachableReason>> = {
  UND_ERR_CONNECT_TIMEOUT: 'timeout',
  ETIMEDOUT: 'timeout',
  UND_ERR_HEADERS_OVERFLOW: 'too_large',
  UND_ERR_RES_CONTENT_LENGTH_MISMATCH: 'protocol',
  UND_ERR_INVALID_ARG: 'protocol',
  EPROTO: 'tls',
  HOSTNAME_MISMATCH: 'tls',
};

// OpenSSL's verification codes, and Node's own.
const tlsCode =
  /^(ERR_TLS_|ERR_SSL_|ERR_OSSL_|CERT_|CRL_|UNABLE_TO_|DEPTH_ZERO_|SELF_SIGNED_|INVALID_(CA|PURPOSE)|PATH_LENGTH)/;

/** undici says so with a plain socket error when a 100 or 101 comes that was not asked for. */
const unaskedInterim = /^bad (response|upgrade)$/;

const closedCodes = new Set(['UND_ERR_DESTROYED', 'UND_ERR_CLOSED']);

/** True when the connector itself was closed: nothing was learnt about the receiver. */
export function isClosedByUs(error: unknown): boolean {
  return closedCodes.has(codeOf(error));
}

/** The outcome of an attempt that ended before a status line and headers had arrived. */
export function unreachableFrom(error: unknown): Unreachable {
  const message = error instanceof Error ? error.message : String(error);
  const code = codeOf(error);
  const reason = reasonOf(error, code, message);
  const detail =
    code === '' || message.includes(code) || reason === 'forbidden_address' ? message : `${code}: ${message}`;
  return { kind: 'unreachable', reason, detail };
}

function reasonOf(error: unknown, code: string, message: string): UnreachableReason {
  if (error instanceof ForbiddenAddressError) return 'forbidden_address';
  if (error instanceof DnsError) return 'dns';
  const known = reasonByCode[code];
  if (known) return known;
  if (error instanceof errors.HTTPParserError || unaskedInterim.test(message)) return 'protocol';
  return tlsCode.test(code) ? 'tls' : 'connection';
}

function codeOf(error: unknown): string {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : '';
}
