import { refuse } from '../verdict.ts';
import { decodeText } from '../provider/encoding.ts';
import { judgeClaims } from '../provider/jwt-claims.ts';
import { privateJwtKey, publicJwtKey, signJwt, verifyJwt } from '../provider/jwt.ts';
import type { Claims } from '../provider/jwt.ts';
import type { CustomScheme, Provider } from '../provider/provider.ts';
import { at } from '../provider/request.ts';
import type { ProviderRequest } from '../provider/request.ts';

const tokenMaxChars = 1024 * 1024;

function parsed(text: unknown): unknown {
  try {
    return typeof text === 'string' ? (JSON.parse(text) as unknown) : text;
  } catch {
    return text;
  }
}

/** The claims of a token, believed only after verification. */
function claimsOf(token: string): Claims {
  const bytes = decodeText(token.split('.', 2)[1] ?? '', 'base64url');
  const claims = parsed(bytes && new TextDecoder().decode(bytes));
  return typeof claims === 'object' && claims !== null ? (claims as Claims) : {};
}

/** The claim `data` is JSON in a text, and so is the `data` in it. */
function eventsOf(request: ProviderRequest): readonly unknown[] | undefined {
  const event = parsed(claimsOf((request.text() ?? '').trim())['data']);
  if (typeof event !== 'object' || event === null) return undefined;
  return [{ ...event, data: parsed(at(event, 'data')) }];
}

const scheme: CustomScheme = {
  kind: 'custom',
  async verify(request, secret, context) {
    const token = (request.text() ?? '').trim();
    const jwt = await verifyJwt(token, {
      algorithms: ['RS256'],
      keyFor: ({ algorithm }) => publicJwtKey(algorithm, secret),
      maxChars: tokenMaxChars,
    });
    if (!jwt.ok) return jwt;
    if (jwt.claims['data'] === undefined) return refuse('mismatch', 'the token has no claim data');
    const { iat } = jwt.claims;
    const wrong = judgeClaims(jwt.claims, {}, context);
    return wrong ?? { ok: true, ...(typeof iat === 'number' ? { timestamp: Math.floor(iat) } : {}) };
  },
  /** The body is a token already, whose `data` is signed anew. */
  async sign(draft, secret, { nowMs }) {
    const { data } = claimsOf(new TextDecoder().decode(draft.body).trim());
    const iat = Math.floor(nowMs / 1_000);
    const key = await privateJwtKey('RS256', secret);
    const token = await signJwt(
      { algorithm: 'RS256', keyId: undefined },
      { data, iat, exp: iat + 3_600 },
      key,
    );
    const headers = { ...draft.headers, 'content-type': 'text/plain' };
    return { ...draft, headers, body: Uint8Array.from(new TextEncoder().encode(token)) };
  },
};

export const wix: Provider<'wix'> = {
  name: 'wix',
  title: 'Wix',
  docs: 'https://dev.wix.com/docs/build-apps/develop-your-app/api-integrations/events-and-webhooks/about-webhooks',
  grade: 'B',
  secret: { name: "the app's webhook public key (PEM)", madeBy: 'provider' },
  schemes: [scheme],
  event: {
    batch: eventsOf,
    type: 'item:eventType',
    id: 'item:data.id',
    time: { at: 'item:data.eventTime', unit: 'rfc3339' },
    order: { first: ['item:data.entityId', 'item:instanceId'] },
  },
  retry: { retries: true },
  answer: { status: 200 },
};
