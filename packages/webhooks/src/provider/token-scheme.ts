// A secret that is sent along: it proves that the sender knows it, and nothing about the body or the age.
import { refuse } from '../verdict.ts';
import type { Location } from './location.ts';
import type { TokenScheme } from './provider.ts';
import type { ProviderRequest } from './request.ts';
import { sameText } from '../same-bytes.ts';
import { nameOf } from './signatures.ts';
import type { ProviderVerdict } from './provider-verdict.ts';

const placePattern = /^(header|query|payload):(.+)$/;

export async function verifyToken(
  scheme: TokenScheme,
  request: ProviderRequest,
  { secrets, settings }: { secrets: readonly string[]; settings: Readonly<Record<string, string>> },
): Promise<ProviderVerdict> {
  const place = tokenPlace(scheme, settings);
  const value = request.value(place, place.startsWith('item:') ? request.payload() : undefined);
  if (value === undefined || value === '') return refuse('missing-header', `${nameOf(place)} is missing`);
  const { prefix = scheme.form === 'basic' ? 'Basic ' : '' } = scheme;
  // RFC 9110 section 11.1: the name of an authentication scheme is written in any case.
  if (!value.toLowerCase().startsWith(prefix.toLowerCase()))
    return refuse('malformed-header', `${nameOf(place)} does not start with ${prefix.trim()}`);
  const given = value.slice(prefix.length).trim();
  for (const [secretIndex, secret] of secrets.entries()) {
    // Verifies what is signed, and is known to everyone (GitLab takes either).
    if (secret.startsWith('whpk_')) continue;
    const expected = scheme.form === 'basic' ? basicOf(secret) : secret;
    if (await sameText(given, expected)) return { ok: true, secretIndex };
  }
  return refuse('mismatch', 'the token that was sent is none of the secrets');
}

/** Where the token stands: where a setting says, if there is one. What a setting says wrongly is as if it were not there. */
export function tokenPlace(
  { at, headerSetting = '', placeSetting = '' }: TokenScheme,
  settings: Readonly<Record<string, string>>,
): Location {
  const header = settings[headerSetting];
  if (header) return `header:${header.toLowerCase()}`;
  const [, source, name = ''] = placePattern.exec(settings[placeSetting] ?? '') ?? [];
  if (source === undefined) return at;
  if (source === 'payload') return `item:${name}`;
  return source === 'header' ? `header:${name.toLowerCase()}` : `query:${name}`;
}

/** RFC 7617: base64 of `user:password` in UTF-8. */
export function basicOf(secret: string): string {
  return btoa(String.fromCharCode(...new TextEncoder().encode(secret)));
}
