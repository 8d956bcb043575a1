import type { Provider } from '../provider/provider.ts';
import { svixId, svixSchemes } from './standard-webhooks.ts';

export const recallAi: Provider<'recall-ai'> = {
  name: 'recall-ai',
  title: 'Recall.ai',
  docs: 'https://docs.recall.ai/docs/authenticating-requests-from-recallai',
  grade: 'B',
  secret: { name: 'workspace verification secret (whsec_…)', madeBy: 'provider' },
  schemes: svixSchemes,
  event: {
    type: 'body:event',
    id: svixId,
    order: 'body:data.bot.id',
  },
  retry: { retries: true },
};
