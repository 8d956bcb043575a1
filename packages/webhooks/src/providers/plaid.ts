import { digestOf } from '../hashing.ts';
import { encodeText } from '../provider/encoding.ts';
import { jwkKey, privateJwtKey, signJwt } from '../provider/jwt.ts';
import type { JwtHeader } from '../provider/jwt.ts';
import { verifyRow } from '../provider/jwt-scheme.ts';
import type { JwtRow } from '../provider/jwt-scheme.ts';
import type { CustomScheme, Provider, SchemeContext } from '../provider/provider.ts';
import { keyById, readKeyJson } from '../provider/published-keys.ts';
import { at } from '../provider/request.ts';

const hosts = { production: 'https://production.plaid.com', sandbox: 'https://sandbox.plaid.com' };
const keyIdForm = /^[A-Za-z0-9-]{1,64}$/;

/** Plaid gives a key only to its customers, by the key's id. One that it has retired verifies nothing new. */
async function keyFor(
  { keyId }: JwtHeader,
  secret: string,
  context: SchemeContext,
): ReturnType<typeof jwkKey> {
  const { settings } = context;
  if (keyId === undefined || !keyIdForm.test(keyId)) return undefined;
  const host = settings['environment'] === 'sandbox' ? hosts.sandbox : hosts.production;
  const url = `${host}/webhook_verification_key/get`;
  const json = JSON.stringify({ client_id: settings['clientId'], secret, key_id: keyId });
  const text = await keyById(context, {
    address: `${url} ${settings['clientId'] ?? ''}`,
    id: keyId,
    async read() {
      const jwk = at(await readKeyJson(context, url, { json }), 'key');
      const isGood = at(jwk, 'kid') === keyId && (at(jwk, 'expired_at') ?? null) === null;
      return isGood ? JSON.stringify(jwk) : undefined;
    },
  });
  return text === undefined ? undefined : jwkKey('ES256', JSON.parse(text) as object);
}

const row: JwtRow = {
  header: 'plaid-verification',
  bodyHash: { claim: 'request_body_sha256', encoding: 'hex' },
  claims: () => ({ ageMaxSeconds: 300, needs: ['iat'] }),
  sample: () => ({}),
};

const scheme: CustomScheme = {
  kind: 'custom',
  verify: (request, secret, context) =>
    verifyRow(row, request, {
      context,
      expected: { algorithms: ['ES256'], keyFor: (header) => keyFor(header, secret, context) },
    }),
  async sign(draft, secret, { nowMs }) {
    const hash = await digestOf('SHA-256', draft.body);
    const claims = { iat: Math.floor(nowMs / 1_000), request_body_sha256: encodeText(hash, 'hex') };
    const key = await privateJwtKey('ES256', secret);
    const token = await signJwt({ algorithm: 'ES256', keyId: 'test' }, claims, key);
    return { ...draft, headers: { ...draft.headers, 'plaid-verification': token } };
  },
};

export const plaid: Provider<'plaid'> = {
  name: 'plaid',
  title: 'Plaid',
  docs: 'https://plaid.com/docs/api/webhooks/webhook-verification/',
  grade: 'A',
  secret: { name: 'API secret, with which the verification key is read', madeBy: 'provider' },
  settings: [
    { name: 'clientId', help: 'the client id of the Plaid account' },
    { name: 'environment', help: '`production` (default) or `sandbox`', optional: true },
  ],
  schemes: [scheme],
  event: {
    type: { all: ['body:webhook_type', 'body:webhook_code'], join: '.' },
    order: 'body:item_id',
  },
  retry: { retries: true, timeoutSeconds: 10, spanSeconds: 86_400 },
};
