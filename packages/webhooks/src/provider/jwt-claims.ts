// What a token claims about its age, its issuer and the body that it came with.
import { digestOf } from '../hashing.ts';
import { refuse } from '../verdict.ts';
import type { Refusal } from '../verdict.ts';
import { decodeText } from './encoding.ts';
import type { Claims } from './jwt.ts';
import type { SchemeContext, TextEncodingName } from './provider.ts';
import type { ProviderRequest } from './request.ts';
import { sameBytes } from '../same-bytes.ts';

// What clocks may differ by, where the token says itself how long it is good for.
const leewaySeconds = 5;

export type ExpectedClaims = {
  readonly issuers?: readonly string[];
  readonly audience?: string;
  /** From `iat`, where the token names no end. */
  readonly ageMaxSeconds?: number;
  /** Claims without which the token says too little. */
  readonly needs?: readonly string[];
};

/** Undefined when all is right. `any-age` leaves out only what is about time. */
export function judgeClaims(
  claims: Claims,
  expected: ExpectedClaims,
  context: SchemeContext,
): Refusal | undefined {
  const missing = expected.needs?.find((name) => claims[name] === undefined);
  if (missing !== undefined) return refuse('mismatch', `the token has no claim ${missing}`);
  if (expected.issuers && !expected.issuers.some((issuer) => issuer === claims['iss']))
    return refuse('mismatch', 'the token has another issuer');
  if (expected.audience !== undefined && !hasAudience(claims['aud'], expected.audience))
    return refuse('mismatch', 'the token is meant for another audience');
  return context.toleranceSeconds === 'any-age' ? undefined : judgeTimes(claims, expected, context);
}

function hasAudience(claim: unknown, audience: string): boolean {
  return Array.isArray(claim) ? claim.includes(audience) : claim === audience;
}

function judgeTimes(claims: Claims, expected: ExpectedClaims, context: SchemeContext): Refusal | undefined {
  const tolerance = context.toleranceSeconds === 'any-age' ? 0 : context.toleranceSeconds;
  const leeway = tolerance ?? leewaySeconds;
  const nowSeconds = Math.floor(context.nowMs / 1_000);
  for (const name of ['exp', 'nbf', 'iat']) {
    const value = claims[name];
    if (value !== undefined && typeof value !== 'number')
      return refuse('malformed-header', `the token's ${name} is no time`);
  }
  const { exp, nbf, iat } = claims as { exp?: number; nbf?: number; iat?: number };
  if (exp !== undefined && nowSeconds >= exp + leeway) return refuse('stale', 'the token has expired');
  if (nbf !== undefined && nowSeconds < nbf - leeway) return refuse('future', 'the token is not valid yet');
  const ageMax = expected.ageMaxSeconds === undefined ? undefined : (tolerance ?? expected.ageMaxSeconds);
  if (ageMax === undefined || iat === undefined) return undefined;
  const age = nowSeconds - Math.floor(iat);
  if (age > ageMax) return refuse('stale', `the token is ${age} seconds old`);
  return -age > ageMax ? refuse('future', `the token is ${-age} seconds ahead`) : undefined;
}

/** The claim is the SHA-256 of `content`. */
export async function isHashOf(
  claim: unknown,
  encoding: TextEncodingName,
  content: Uint8Array<ArrayBuffer>,
): Promise<boolean> {
  const bytes = typeof claim === 'string' ? decodeText(claim, encoding) : undefined;
  return bytes !== undefined && sameBytes(bytes, await digestOf('SHA-256', content));
}

/** Undefined when the token's claim is the hash of the body. */
export async function judgeBodyHash(
  request: ProviderRequest,
  claims: Claims,
  { claim, encoding }: { readonly claim: string; readonly encoding: TextEncodingName },
): Promise<Refusal | undefined> {
  if (claims[claim] === undefined) return refuse('mismatch', `the token has no claim ${claim}`);
  if (await isHashOf(claims[claim], encoding, request.body)) return undefined;
  return refuse('mismatch', `the body is not the one of the token's claim ${claim}`);
}
