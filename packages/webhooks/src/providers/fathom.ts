import type { Provider } from '../provider/provider.ts';
import { standardScheme } from './standard-webhooks.ts';

export const fathom: Provider<'fathom'> = {
  name: 'fathom',
  title: 'Fathom',
  docs: 'https://developers.fathom.ai/webhooks',
  grade: 'A',
  secret: { name: 'webhook secret (whsec_…)', madeBy: 'provider' },
  schemes: [standardScheme({ header: 'webhook-' })],
  event: {
    // One kind of event: a meeting's recording is ready.
    type: 'const:new_meeting_content_ready',
    id: 'header:webhook-id',
    time: { at: 'body:created_at', unit: 'rfc3339' },
    order: 'body:recording_id',
  },
  retry: { retries: true },
};
