import type { Provider } from '../provider/provider.ts';

// Retries carry the first try's time for all that is documented, and go on for eight hours.
const toleranceSeconds = 9 * 3_600;

export const mailgun: Provider<'mailgun'> = {
  name: 'mailgun',
  title: 'Mailgun',
  docs: 'https://documentation.mailgun.com/docs/mailgun/user-manual/webhooks/securing-webhooks',
  grade: 'A',
  secret: { name: 'HTTP webhook signing key', madeBy: 'provider' },
  schemes: [
    {
      kind: 'signature',
      when: ['body:signature.signature'],
      covers: 'nothing',
      algorithm: 'hmac-sha256',
      key: 'text',
      signature: { at: 'body:signature.signature', encoding: 'hex' },
      content: '{timestamp}{body:signature.token}',
      timestamp: { at: 'body:signature.timestamp', unit: 'seconds', toleranceSeconds },
    },
    {
      // Messages that a route forwards come as a form.
      kind: 'signature',
      when: ['form:signature'],
      covers: 'nothing',
      algorithm: 'hmac-sha256',
      key: 'text',
      signature: { at: 'form:signature', encoding: 'hex' },
      content: '{timestamp}{form:token}',
      timestamp: { at: 'form:timestamp', unit: 'seconds', toleranceSeconds },
    },
  ],
  event: {
    type: (request) =>
      request.value('body:event-data.event') ??
      request.value('form:event') ??
      (request.value('form:recipient') === undefined ? undefined : 'inbound'),
    // A message that came in is told once for each recipient; the older form has several events of a message.
    id: {
      first: [
        'body:event-data.id',
        {
          all: ['form:event', 'form:Message-Id', 'form:recipient', 'form:timestamp'],
          join: ':',
          complete: true,
        },
        { all: ['form:Message-Id', 'form:recipient'], join: ':', complete: true },
      ],
    },
    time: { at: { first: ['body:event-data.timestamp', 'form:timestamp'] }, unit: 'seconds' },
    order: 'body:event-data.message.headers.message-id',
  },
  retry: { retries: true, spanSeconds: 28_800, note: 'a 406 ends them' },
  caution: 'only the time and a random token are signed, not the event: TLS alone keeps it as it was sent',
};
