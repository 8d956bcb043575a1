import type { Provider } from '../provider/provider.ts';
import { hmacOfBody } from '../provider/hmac-of-body.ts';

export const vercel: Provider<'vercel'> = {
  name: 'vercel',
  title: 'Vercel',
  docs: 'https://vercel.com/docs/webhooks/webhooks-api',
  grade: 'B',
  secret: { name: 'webhook secret, or client secret of an integration', madeBy: 'provider' },
  schemes: [hmacOfBody({ header: 'x-vercel-signature', encoding: 'hex', algorithm: 'hmac-sha1' })],
  event: {
    type: 'body:type',
    id: 'body:id',
    time: { at: 'body:createdAt', unit: 'milliseconds' },
    order: { first: ['body:payload.deployment.id', 'body:payload.project.id'] },
  },
  retry: { retries: true, timeoutSeconds: 30, spanSeconds: 86_400 },
};
