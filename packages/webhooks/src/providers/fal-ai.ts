import { digestOf } from '../hashing.ts';
import { refuse } from '../verdict.ts';
import { encodeText } from '../provider/encoding.ts';
import { MissingContent } from '../provider/content.ts';
import type { ContentFunction, Provider } from '../provider/provider.ts';
import { keysOfSet } from '../provider/published-keys.ts';

const keySet = 'https://rest.fal.ai/.well-known/jwks.json';

/** Request, user, time and the body's SHA-256, on lines of their own. */
const content: ContentFunction = async (request, { id = '', timestamp = '' }) => {
  const user = request.header('x-fal-webhook-user-id');
  if (!user) throw new MissingContent('x-fal-webhook-user-id');
  const hash = await digestOf('SHA-256', request.body);
  return [[id, user, timestamp, encodeText(hash, 'hex')].join('\n')];
};

export const falAi: Provider<'fal-ai'> = {
  name: 'fal-ai',
  title: 'fal.ai',
  docs: 'https://docs.fal.ai/model-apis/model-endpoints/webhooks',
  grade: 'B',
  secret: { name: 'none', madeBy: 'nobody' },
  settings: [{ name: 'userId', help: 'your user id; what is signed for other users is refused' }],
  schemes: [
    {
      kind: 'signature',
      algorithm: 'ed25519',
      key: 'raw-base64',
      signature: { at: 'header:x-fal-webhook-signature', encoding: 'hex' },
      content,
      id: 'header:x-fal-webhook-request-id',
      timestamp: { at: 'header:x-fal-webhook-timestamp', unit: 'seconds', toleranceSeconds: 300 },
      async keys(request, context) {
        if (request.header('x-fal-webhook-user-id') !== context.settings['userId'])
          return refuse('mismatch', 'the request is for another user');
        const keys = await keysOfSet(context, keySet, ({ kty, crv, x }) => {
          return kty === 'OKP' && crv === 'Ed25519' && typeof x === 'string';
        });
        return keys.map(({ x }) => String(x).replaceAll('-', '+').replaceAll('_', '/'));
      },
    },
  ],
  event: {
    type: { all: ['const:request', 'body:status'], join: '.' },
    id: 'body:request_id',
  },
  retry: { retries: true },
};
