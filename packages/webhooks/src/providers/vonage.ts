import { digestOf } from '../hashing.ts';
import { refuse } from '../verdict.ts';
import { encodeText } from '../provider/encoding.ts';
import { isHashOf } from '../provider/jwt-claims.ts';
import { sharedJwtScheme } from '../provider/jwt-scheme.ts';
import type { Provider } from '../provider/provider.ts';
import type { ProviderRequest } from '../provider/request.ts';

/** The body, or the query as a JSON object where the webhook is a GET. */
function payloadOf(request: ProviderRequest): Uint8Array<ArrayBuffer> {
  if (request.body.length > 0) return request.body;
  const query = JSON.stringify(Object.fromEntries(request.query()));
  return Uint8Array.from(new TextEncoder().encode(query));
}

export const vonage: Provider<'vonage'> = {
  name: 'vonage',
  title: 'Vonage',
  docs: 'https://developer.vonage.com/en/getting-started/concepts/webhooks#decoding-signed-webhooks',
  grade: 'A',
  secret: { name: 'signature secret', madeBy: 'provider' },
  schemes: [
    sharedJwtScheme(
      {
        header: 'authorization',
        prefix: 'Bearer ',
        covers: 'body',
        claims: () => ({ issuers: ['Vonage'], needs: ['iat', 'jti'], ageMaxSeconds: 300 }),
        async judge(request, claims) {
          if (await isHashOf(claims['payload_hash'], 'hex', payloadOf(request))) return undefined;
          return refuse('mismatch', "the body is not the one of the token's claim payload_hash");
        },
        async sample(draft) {
          const hash = await digestOf('SHA-256', draft.body);
          return {
            iss: 'Vonage',
            jti: crypto.randomUUID(),
            api_key: 'abcd1234',
            payload_hash: encodeText(hash, 'hex'),
          };
        },
      },
      { algorithms: ['HS256'], key: 'text' },
    ),
  ],
  event: {
    type: { first: ['body:status', { all: ['const:message', 'body:message_type'], join: '.' }] },
    id: {
      first: [
        { all: ['body:message_uuid', 'body:status'], join: ':', complete: true },
        'body:message_uuid',
        // Of calls, what has a status; digits are pressed again and again.
        { all: ['body:uuid', 'body:status'], join: ':', complete: true },
      ],
    },
    time: { at: 'body:timestamp', unit: 'rfc3339' },
    order: { first: ['body:conversation_uuid', 'body:message_uuid'] },
  },
  retry: { retries: true },
  answer: { status: 200 },
};
