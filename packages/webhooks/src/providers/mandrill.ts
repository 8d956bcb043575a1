import type { Provider } from '../provider/provider.ts';
import { joinedFields, sortedForm, urlOf } from '../provider/form-fields.ts';
import { answerMethod } from '../provider/handshakes.ts';
import type { ProviderRequest } from '../provider/request.ts';

function eventsOf(request: ProviderRequest): readonly unknown[] | undefined {
  try {
    const events: unknown = JSON.parse(request.form().get('mandrill_events') ?? '');
    return Array.isArray(events) ? events : undefined;
  } catch {
    return undefined;
  }
}

const occurrence = ['item:_id', 'item:event', 'item:ts'] as const;

export const mandrill: Provider<'mandrill'> = {
  name: 'mandrill',
  title: 'Mandrill (Mailchimp Transactional)',
  docs: 'https://mailchimp.com/developer/transactional/guides/track-respond-activity-webhooks/#authenticating-webhook-requests',
  grade: 'B',
  secret: { name: 'webhook key', madeBy: 'provider' },
  schemes: [
    {
      kind: 'signature',
      algorithm: 'hmac-sha1',
      key: 'text',
      signature: { at: 'header:x-mandrill-signature', encoding: 'base64' },
      content: (request) => [urlOf(request) + joinedFields(sortedForm(request))],
    },
  ],
  handshakes: [
    answerMethod('HEAD'),
    {
      // Before there is a key, the URL is tried with no events; nothing is believed of it.
      on: 'unverified',
      async answer(request) {
        const isEmpty = request.method === 'POST' && eventsOf(request)?.length === 0;
        return isEmpty ? { status: 200, headers: {}, body: '' } : undefined;
      },
    },
  ],
  event: {
    batch: eventsOf,
    type: { first: ['item:event', { all: ['item:type', 'item:action'], join: '.' }] },
    // The message's id is the same for all that happens to it.
    id: {
      first: [
        { all: [...occurrence, 'item:url'], join: ':', complete: true },
        { all: occurrence, join: ':', complete: true },
        // Of mail that came in, each recipient's.
        {
          all: ['item:event', 'item:msg.headers.Message-Id', 'item:msg.email', 'item:ts'],
          join: ':',
          complete: true,
        },
      ],
    },
    time: { at: 'item:ts', unit: 'seconds' },
    order: 'item:_id',
  },
  retry: { retries: true },
};
