import type { Provider } from '../provider/provider.ts';
import { standardScheme } from './standard-webhooks.ts';

export const openai: Provider<'openai'> = {
  name: 'openai',
  title: 'OpenAI',
  docs: 'https://platform.openai.com/docs/guides/webhooks',
  grade: 'A',
  secret: { name: 'signing secret (whsec_…)', madeBy: 'provider' },
  schemes: [standardScheme({ header: 'webhook-' })],
  event: {
    type: 'body:type',
    id: 'header:webhook-id',
    time: { at: 'body:created_at', unit: 'seconds' },
    order: 'body:data.id',
  },
  retry: { retries: true },
};
