// Rows whose proof is a JWT in a header: with a shared secret, or with keys that the provider publishes.
import { digestOf } from '../hashing.ts';
import { refuse } from '../verdict.ts';
import type { Refusal } from '../verdict.ts';
import { encodeText } from './encoding.ts';
import { jwkKey, privateJwtKey, sharedJwtKey, signJwt, verifyJwt } from './jwt.ts';
import type { Claims, ExpectedJwt, PublicAlgorithm, SharedAlgorithm } from './jwt.ts';
import { judgeBodyHash, judgeClaims } from './jwt-claims.ts';
import type { ExpectedClaims } from './jwt-claims.ts';
import type {
  CustomScheme,
  KeyForm,
  RequestDraft,
  SchemeContext,
  SchemeMatch,
  TextEncodingName,
} from './provider.ts';
import { keysOfSet } from './published-keys.ts';
import type { ProviderRequest } from './request.ts';

type BodyHash = { readonly claim: string; readonly encoding: TextEncodingName };

export type JwtRow = {
  /** Lower-case. */
  readonly header: string;
  /** What stands before the token, such as `Bearer `; in any case. */
  readonly prefix?: string;
  readonly bodyHash?: BodyHash;
  /** Default: the body when there is a hash of it, else nothing. */
  readonly covers?: 'body' | 'nothing';
  readonly claims: (settings: Readonly<Record<string, string>>) => ExpectedClaims;
  /** What else the claims must say. */
  readonly judge?: (
    request: ProviderRequest,
    claims: Claims,
    context: SchemeContext,
  ) => Promise<Refusal | undefined>;
  /** Claims besides, for tests and local replay. */
  readonly sample: (draft: RequestDraft, context: SchemeContext) => Promise<Claims> | Claims;
};

export type SharedKeys = {
  readonly algorithms: readonly [SharedAlgorithm, ...SharedAlgorithm[]];
  readonly key: KeyForm;
};

/** A token that is signed with the source's secret. */
export function sharedJwtScheme(row: JwtRow, { algorithms, key }: SharedKeys): CustomScheme {
  return {
    kind: 'custom',
    covers: coverOf(row),
    verify: (request, secret, context) =>
      verifyRow(row, request, {
        context,
        expected: { algorithms, keyFor: ({ algorithm }) => sharedJwtKey(algorithm, key, secret) },
      }),
    async sign(draft, secret, context) {
      const claims = await claimsFor(row, draft, context);
      const [algorithm] = algorithms;
      const header = { algorithm, keyId: undefined };
      return withToken(row, draft, await signJwt(header, claims, await sharedJwtKey(algorithm, key, secret)));
    },
  };
}

export type PublishedKeys = {
  readonly algorithm: PublicAlgorithm;
  /** Where the key set is; part of the row, or of settings that the operator gave. */
  readonly keySet: string;
};

/** A token that is signed with a key of a set that the provider publishes. */
export function publishedJwtScheme(row: JwtRow, { algorithm, keySet }: PublishedKeys): CustomScheme {
  return {
    kind: 'custom',
    covers: coverOf(row),
    verify: (request, _secret, context) =>
      verifyRow(row, request, { context, expected: publishedJwt(algorithm, keySet, context) }),
    async sign(draft, secret, context) {
      const claims = await claimsFor(row, draft, context);
      const header = { algorithm, keyId: 'test' };
      return withToken(row, draft, await signJwt(header, claims, await privateJwtKey(algorithm, secret)));
    },
  };
}

/** Tokens that a set's key with the token's own key id signs. */
export function publishedJwt(
  algorithm: PublicAlgorithm,
  keySet: string,
  context: SchemeContext,
): ExpectedJwt {
  return {
    algorithms: [algorithm],
    async keyFor({ keyId }) {
      if (keyId === undefined) return undefined;
      const [jwk] = await keysOfSet(context, keySet, ({ kid }) => kid === keyId);
      return jwk && jwkKey(algorithm, jwk);
    },
  };
}

/** The token of a header, judged as the row says. */
export async function verifyRow(
  row: JwtRow,
  request: ProviderRequest,
  { expected, context }: { readonly expected: ExpectedJwt; readonly context: SchemeContext },
): Promise<SchemeMatch | Refusal> {
  const { header, prefix = '', bodyHash, judge } = row;
  const value = request.header(header);
  if (value === undefined || value === '') return refuse('missing-header', `${header} is missing`);
  if (!value.toLowerCase().startsWith(prefix.toLowerCase()))
    return refuse('malformed-header', `${header} does not start with ${prefix.trim()}`);
  const jwt = await verifyJwt(value.slice(prefix.length).trim(), expected);
  if (!jwt.ok) return jwt;
  const wrong =
    (bodyHash && (await judgeBodyHash(request, jwt.claims, bodyHash))) ??
    (await judge?.(request, jwt.claims, context)) ??
    judgeClaims(jwt.claims, row.claims(context.settings), context);
  return wrong ?? matchOf(jwt.claims);
}

function coverOf({ covers, bodyHash }: JwtRow): 'body' | 'nothing' {
  return covers ?? (bodyHash === undefined ? 'nothing' : 'body');
}

function matchOf({ iat, jti }: Claims): SchemeMatch {
  return {
    ok: true,
    ...(typeof iat === 'number' ? { timestamp: Math.floor(iat) } : {}),
    ...(typeof jti === 'string' ? { id: jti } : {}),
  };
}

async function claimsFor(row: JwtRow, draft: RequestDraft, context: SchemeContext): Promise<Claims> {
  const iat = Math.floor(context.nowMs / 1_000);
  const more = await row.sample(draft, context);
  if (row.bodyHash === undefined) return { iat, ...more };
  const hash = await digestOf('SHA-256', draft.body);
  return { iat, [row.bodyHash.claim]: encodeText(hash, row.bodyHash.encoding), ...more };
}

function withToken({ header, prefix = '' }: JwtRow, draft: RequestDraft, token: string): RequestDraft {
  return { ...draft, headers: { ...draft.headers, [header]: prefix + token } };
}
