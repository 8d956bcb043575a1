import { isNestedSequence } from '../provider/certificate.ts';
import { decodeHex, decodeText } from '../provider/encoding.ts';
import { publicJwtKey, sharedJwtKey } from '../provider/jwt.ts';
import type { ExpectedJwt } from '../provider/jwt.ts';
import { sharedJwtScheme, verifyRow } from '../provider/jwt-scheme.ts';
import type { JwtRow } from '../provider/jwt-scheme.ts';
import type { CustomScheme, Provider } from '../provider/provider.ts';

const row: JwtRow = {
  header: 'x-fusionauth-signature-jwt',
  bodyHash: { claim: 'request_body_sha256', encoding: 'base64' },
  claims: () => ({}),
  sample: () => ({}),
};

const shared = sharedJwtScheme(row, { algorithms: ['HS256', 'HS384', 'HS512'], key: 'text' });

/**
 * What the secret is decides which algorithms are taken: a public key never verifies an HMAC, whose key everyone would
 * know.
 */
function expectedFor(secret: string): ExpectedJwt {
  return isPublicKey(secret)
    ? {
        algorithms: ['RS256', 'RS384', 'RS512', 'ES256', 'ES384', 'ES512'],
        keyFor: ({ algorithm }) => publicJwtKey(algorithm, secret),
      }
    : {
        algorithms: ['HS256', 'HS384', 'HS512'],
        keyFor: ({ algorithm }) => sharedJwtKey(algorithm, 'text', secret),
      };
}

/** However it is written: PEM, a JSON Web Key, or its DER form, in base64, base64url or hex. */
function isPublicKey(secret: string): boolean {
  if (isWrittenKey(secret)) return true;
  const bare = secret.replace(/\s+/g, '');
  return [decodeText(bare.replaceAll('+', '-').replaceAll('/', '_'), 'base64url'), decodeHex(bare)].some(
    (bytes) =>
      bytes !== undefined && (isNestedSequence(bytes) || isWrittenKey(new TextDecoder().decode(bytes))),
  );
}

function isWrittenKey(text: string): boolean {
  return text.includes('-----BEGIN') || /"kty"\s*:/.test(text);
}

const scheme: CustomScheme = {
  ...shared,
  verify: (request, secret, context) => verifyRow(row, request, { context, expected: expectedFor(secret) }),
};

export const fusionauth: Provider<'fusionauth'> = {
  name: 'fusionauth',
  title: 'FusionAuth',
  docs: 'https://fusionauth.io/docs/extend/events-and-webhooks/signing',
  grade: 'A',
  secret: { name: 'HMAC key, or public key (PEM)', madeBy: 'provider' },
  schemes: [scheme],
  event: {
    type: 'body:event.type',
    id: 'body:event.id',
    time: { at: 'body:event.createInstant', unit: 'milliseconds' },
    order: { first: ['body:event.user.id', 'body:event.tenantId'] },
  },
  retry: { retries: false, note: 'a transaction may be rolled back by an answer that is no success' },
};
