import type { Provider } from '../provider/provider.ts';
import { hmacOfBody } from '../provider/hmac-of-body.ts';
import { learnSecret } from '../provider/handshakes.ts';

export const notion: Provider<'notion'> = {
  name: 'notion',
  title: 'Notion',
  docs: 'https://developers.notion.com/reference/webhooks',
  grade: 'A',
  secret: { name: 'verification token', madeBy: 'handshake' },
  schemes: [hmacOfBody({ header: 'x-notion-signature', encoding: 'hex', prefix: 'sha256=' })],
  // The token must also be pasted into Notion's form.
  handshakes: [learnSecret({ at: 'body:verification_token' })],
  event: {
    type: 'body:type',
    id: 'body:id',
    time: { at: 'body:timestamp', unit: 'rfc3339' },
    order: 'body:entity.id',
  },
  retry: { retries: true, spanSeconds: 86_400 },
  answer: { status: 200 },
};
