import type { Provider } from '../provider/provider.ts';
import { standardScheme } from './standard-webhooks.ts';

// Webhooks that are set in the console. Those that come with one request are signed with Google's JWKS instead.
export const gemini: Provider<'gemini'> = {
  name: 'gemini',
  title: 'Google Gemini API',
  docs: 'https://ai.google.dev/gemini-api/docs/webhooks',
  grade: 'B',
  secret: { name: 'signing secret (whsec_…)', madeBy: 'provider' },
  schemes: [standardScheme({ header: 'webhook-' })],
  event: {
    type: 'body:type',
    id: 'header:webhook-id',
    time: { at: 'body:timestamp', unit: 'rfc3339' },
  },
  retry: { retries: true },
};
