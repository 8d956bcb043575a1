import type { Provider } from '../provider/provider.ts';
import { echoToWhoKnows, verifyToken } from '../provider/handshakes.ts';
import { hmacOfBody } from '../provider/hmac-of-body.ts';

export const meta: Provider<'meta'> = {
  name: 'meta',
  title: 'Meta: WhatsApp, Messenger, Instagram, Pages',
  docs: 'https://developers.facebook.com/docs/graph-api/webhooks/getting-started',
  grade: 'B',
  secret: { name: 'app secret', madeBy: 'provider' },
  schemes: [hmacOfBody({ header: 'x-hub-signature-256', encoding: 'hex', prefix: 'sha256=' })],
  handshakes: [echoToWhoKnows({ token: 'query:hub.verify_token', field: 'query:hub.challenge' })],
  event: {
    type: { all: ['body:object', 'item:changes.0.field'], join: '.' },
    id: {
      first: [
        'item:changes.0.value.messages.0.id',
        {
          all: ['item:changes.0.value.statuses.0.id', 'item:changes.0.value.statuses.0.status'],
          join: '.',
          complete: true,
        },
        // Taken back, a message keeps its id.
        {
          all: ['item:messaging.0.message.mid', 'item:messaging.0.message.is_deleted'],
          join: '.',
          complete: true,
        },
        'item:messaging.0.message.mid',
        // A comment is added once and removed once; it can change again and again, at different times.
        {
          when: { 'item:changes.0.value.item': ['comment'], 'item:changes.0.value.verb': ['add', 'remove'] },
          take: {
            all: ['item:changes.0.value.comment_id', 'item:changes.0.value.verb'],
            join: '.',
            complete: true,
          },
        },
        {
          when: { 'item:changes.0.value.item': ['comment'] },
          take: {
            all: ['item:changes.0.value.comment_id', 'item:changes.0.value.verb', 'item:time'],
            join: '.',
            complete: true,
          },
        },
        // Of Instagram, which tells of new ones only.
        {
          when: { 'item:changes.0.field': ['comments', 'live_comments'] },
          take: 'item:changes.0.value.id',
        },
      ],
    },
    time: {
      at: {
        first: ['item:changes.0.value.messages.0.timestamp', 'item:changes.0.value.statuses.0.timestamp'],
      },
      unit: 'seconds',
    },
    // A conversation: both directions name the other person.
    order: {
      first: [
        'item:changes.0.value.messages.0.from',
        'item:changes.0.value.statuses.0.recipient_id',
        'item:messaging.0.sender.id',
        'item:id',
      ],
    },
    batch: 'body:entry',
    nested: ['item:changes', 'item:messaging'],
  },
  retry: { retries: true, spanSeconds: 129_600, note: 'WhatsApp tries for up to seven days' },
  answer: { status: 200 },
  settings: [verifyToken],
};
