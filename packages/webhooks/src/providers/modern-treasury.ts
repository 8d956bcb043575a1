import type { Provider } from '../provider/provider.ts';
import { hmacOfBody } from '../provider/hmac-of-body.ts';

export const modernTreasury: Provider<'modern-treasury'> = {
  name: 'modern-treasury',
  title: 'Modern Treasury',
  docs: 'https://docs.moderntreasury.com/platform/docs/verifying-webhooks',
  grade: 'A',
  secret: { name: 'webhook key', madeBy: 'provider' },
  schemes: [hmacOfBody({ header: 'x-signature', encoding: 'hex' })],
  event: {
    type: { all: ['body:data.object', 'body:event'], join: '.' },
    id: 'header:x-idempotency-key',
    time: { at: 'body:data.updated_at', unit: 'rfc3339' },
    order: 'body:data.id',
  },
  retry: { retries: true },
};
