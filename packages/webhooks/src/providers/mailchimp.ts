import { answerMethod } from '../provider/handshakes.ts';
import type { Provider } from '../provider/provider.ts';

export const mailchimp: Provider<'mailchimp'> = {
  name: 'mailchimp',
  title: 'Mailchimp Marketing',
  docs: 'https://mailchimp.com/developer/marketing/guides/sync-audience-data-webhooks/',
  grade: 'B',
  secret: { name: 'none', madeBy: 'nobody' },
  schemes: [{ kind: 'unsigned', advice: 'read the member from the API before you act on it' }],
  // Mailchimp looks whether the URL answers before it saves it.
  handshakes: [answerMethod('GET'), answerMethod('HEAD')],
  event: {
    type: 'form:type',
    id: {
      all: [
        'form:type',
        'form:data[list_id]',
        { first: ['form:data[id]', 'form:data[email]', 'form:data[new_id]'] },
        'form:fired_at',
      ],
      join: ':',
      complete: true,
    },
    order: { first: ['form:data[id]', 'form:data[email]'] },
  },
  retry: { retries: true },
};
