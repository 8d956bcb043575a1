import type { Provider } from '../provider/provider.ts';
import { standardScheme } from './standard-webhooks.ts';

export const anthropic: Provider<'anthropic'> = {
  name: 'anthropic',
  title: 'Anthropic',
  docs: 'https://platform.claude.com/docs/en/managed-agents/webhooks',
  grade: 'A',
  secret: { name: 'signing key (whsec_…)', madeBy: 'provider' },
  schemes: [standardScheme({ header: 'webhook-' })],
  event: {
    // The outer type is always `event`.
    type: { first: ['body:data.type', 'body:type'] },
    id: 'header:webhook-id',
    time: { at: 'body:created_at', unit: 'rfc3339' },
    order: 'body:data.id',
  },
  retry: { retries: true },
};
