// Verifies a provider's request: settings -> body -> scheme -> signature -> age. The first step that fails is the verdict.
import { bodyBytes } from '../signed-content.ts';
import { refuse } from '../verdict.ts';
import { TooManyValues } from './bounded-json.ts';
import type { Refusal } from '../verdict.ts';
import type { ProviderVerdict } from './provider-verdict.ts';
import { fetchKeyText } from './fetch-key-text.ts';
import { refusalFor, verifySignature } from './signature-scheme.ts';
import type { KeyCache } from './signature-scheme.ts';
import type { CustomScheme, FetchText, Provider, Scheme, SchemeContext, SchemeMatch } from './provider.ts';
import { ProviderRequest } from './request.ts';
import type { ReceivedRequest } from './request.ts';
import { verifyToken } from './token-scheme.ts';

export type ProviderVerifierOptions = {
  /** Newest first; while the provider rotates, the old and the new one. An empty list is `misconfigured`. */
  readonly secrets: string | readonly string[];
  /** Largest difference to the clock, both ways, in seconds (default: the provider's). `'any-age'` turns the check off. */
  readonly toleranceSeconds?: number | 'any-age';
  /** The clock: milliseconds since 1970 (default `Date.now`). */
  readonly now?: () => number;
  /** Largest body in bytes (default 25 MiB, the largest that a known provider sends). */
  readonly bodyMaxBytes?: number;
  /** Lets pass what a provider without any signature sends: then only the secrecy of the URL protects it. */
  readonly allowUnsigned?: boolean;
  /** What the provider's scheme needs besides secrets; see `Provider.settings`. */
  readonly settings?: Readonly<Record<string, string>>;
  /** Reads JWKS and certificates (default: `fetch`, https only, at most 64 KiB, 5 s, kept for 5 minutes). */
  readonly fetchText?: FetchText;
};

export type ProviderVerifier = { verify(request: ReceivedRequest): Promise<ProviderVerdict> };

const bodyMaxDefaultBytes = 25 * 1024 * 1024;
const secretsMax = 8;
// Where the proof stands in the JSON, it is parsed before it is believed: a batch of the largest has a tenth of it.
const jsonValuesMax = 100_000;

/** Verifies one request. Never rejects for what a caller or a sender did: that is in the verdict. */
export async function verifyRequest(
  provider: Provider,
  request: ReceivedRequest,
  options: ProviderVerifierOptions,
): Promise<ProviderVerdict> {
  return createProviderVerifier(provider, options).verify(request);
}

/** Imports the keys once. Wrong secrets or options make every verdict `misconfigured`. */
export function createProviderVerifier(
  provider: Provider,
  options: ProviderVerifierOptions,
): ProviderVerifier {
  const secrets = typeof options.secrets === 'string' ? [options.secrets] : options.secrets;
  const keys: KeyCache = new Map();
  const wrong = wrongOptions(provider, secrets, options);
  // Where the provider's own keys verify, there is no secret, and the scheme is asked once.
  const tried = provider.secret.madeBy === 'nobody' ? [''] : secrets;
  return {
    async verify(request) {
      if (wrong !== undefined) return wrong;
      const body = readBody(request.body, options.bodyMaxBytes ?? bodyMaxDefaultBytes);
      if ('ok' in body) return body;
      const received = new ProviderRequest(request, body, { jsonField: provider.jsonField, jsonValuesMax });
      try {
        return await judge(provider, received, { secrets: tried, keys, options });
      } catch (error) {
        if (error instanceof TooManyValues) return refuse('too-large', error.message);
        throw error;
      }
    },
  };
}

type Given = {
  readonly secrets: readonly string[];
  readonly keys: KeyCache;
  readonly options: ProviderVerifierOptions;
};

async function judge(provider: Provider, request: ProviderRequest, given: Given): Promise<ProviderVerdict> {
  const scheme = schemeFor(provider, request);
  if (scheme === undefined) return refuse('missing-header', missingOf(provider));
  const context = contextOf(given.options);
  if (!Number.isFinite(context.nowMs)) return misconfigured('now() must return milliseconds since 1970');
  switch (scheme.kind) {
    case 'signature':
      return verifySignature(scheme, request, { secrets: given.secrets, keys: given.keys, context });
    case 'token':
      return verifyToken(scheme, request, { secrets: given.secrets, settings: context.settings });
    case 'unsigned':
      if (given.options.allowUnsigned === true) return { ok: true, secretIndex: 0 };
      return refuse('misconfigured', `this provider signs nothing: ${scheme.advice}; then set allowUnsigned`);
    case 'custom':
      return verifyCustom(scheme, request, { secrets: given.secrets, context });
    default:
      return scheme satisfies never;
  }
}

async function verifyCustom(
  scheme: CustomScheme,
  request: ProviderRequest,
  { secrets, context }: { secrets: readonly string[]; context: SchemeContext },
): Promise<ProviderVerdict> {
  let refusal: Refusal | undefined;
  for (const [secretIndex, secret] of secrets.entries()) {
    const result: SchemeMatch | Refusal = await scheme.verify(request, secret, context).catch(refusalFor);
    if (result.ok) return { ...result, secretIndex };
    // Of several secrets, one that got as far as the age says more than one that does not match.
    if (refusal === undefined || refusal.reason === 'mismatch') refusal = result;
  }
  return refusal ?? refuse('misconfigured', 'no secret is configured: pass at least one');
}

function schemeFor(provider: Provider, request: ProviderRequest): Scheme | undefined {
  return provider.schemes.find((scheme) =>
    (scheme.when ?? []).every((place) => request.value(place) !== undefined),
  );
}

function missingOf(provider: Provider): string {
  const places = provider.schemes.flatMap((scheme) => scheme.when ?? []);
  return `none of ${[...new Set(places)].map((place) => place.replace('header:', '')).join(', ')} is there`;
}

function contextOf(options: ProviderVerifierOptions): SchemeContext {
  return {
    nowMs: (options.now ?? Date.now)(),
    toleranceSeconds: options.toleranceSeconds,
    fetchText: options.fetchText ?? fetchKeyText,
    settings: options.settings ?? {},
  };
}

function wrongOptions(
  provider: Provider,
  secrets: readonly string[],
  { toleranceSeconds, bodyMaxBytes, settings = {} }: ProviderVerifierOptions,
): Refusal | undefined {
  const needsSecret = provider.secret.madeBy !== 'nobody';
  if (!Array.isArray(secrets) || (needsSecret && secrets.length === 0))
    return misconfigured('no secret is configured: pass at least one');
  if (secrets.length > secretsMax)
    return misconfigured(`at most ${secretsMax} secrets are used at once: drop old ones`);
  if (needsSecret && secrets.some((secret) => typeof secret !== 'string' || secret.trim() === ''))
    return misconfigured('a secret is empty: set it, or leave it out');
  const missing = provider.settings?.find(({ name, optional }) => optional !== true && !settings[name]);
  if (missing !== undefined) return misconfigured(`the setting ${missing.name} is missing: ${missing.help}`);
  if (toleranceSeconds !== undefined && toleranceSeconds !== 'any-age' && !(toleranceSeconds >= 0))
    return misconfigured("toleranceSeconds must be a number of seconds from 0, or 'any-age'");
  if (bodyMaxBytes !== undefined && !(Number.isSafeInteger(bodyMaxBytes) && bodyMaxBytes >= 0))
    return misconfigured('bodyMaxBytes must be a whole number of bytes');
  return undefined;
}

function readBody(body: unknown, bodyMaxBytes: number): Uint8Array<ArrayBuffer> | Refusal {
  // A text has at least as many bytes as characters: a huge one need not be encoded to know.
  if (typeof body === 'string' && body.length > bodyMaxBytes) return tooLarge(bodyMaxBytes);
  const bytes = bodyBytes(body);
  if (bytes === undefined) {
    return refuse('body-parsed', 'the body is not what was received: pass the raw bytes, before any parser');
  }
  // Web Crypto takes no memory that is shared.
  return bytes.length > bodyMaxBytes ? tooLarge(bodyMaxBytes) : (bytes as Uint8Array<ArrayBuffer>);
}

function tooLarge(bodyMaxBytes: number): Refusal {
  return refuse('too-large', `the body is larger than ${bodyMaxBytes} bytes`);
}

function misconfigured(detail: string): Refusal {
  return refuse('misconfigured', detail);
}
