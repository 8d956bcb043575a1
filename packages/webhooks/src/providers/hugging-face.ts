import type { Provider } from '../provider/provider.ts';

export const huggingFace: Provider<'hugging-face'> = {
  name: 'hugging-face',
  title: 'Hugging Face',
  docs: 'https://huggingface.co/docs/hub/webhooks',
  grade: 'A',
  secret: { name: 'webhook secret', madeBy: 'you' },
  schemes: [{ kind: 'token', at: 'header:x-webhook-secret' }],
  event: {
    type: { all: ['body:event.scope', 'body:event.action'], join: '.' },
    order: 'body:repo.id',
  },
  retry: { retries: false, note: 'not documented' },
};
