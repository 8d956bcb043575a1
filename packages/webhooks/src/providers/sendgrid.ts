import type { Provider } from '../provider/provider.ts';

export const sendgrid: Provider<'sendgrid'> = {
  name: 'sendgrid',
  title: 'SendGrid Event Webhook',
  docs: 'https://www.twilio.com/docs/sendgrid/for-developers/tracking-events/getting-started-event-webhook-security-features',
  grade: 'A',
  secret: { name: 'verification key (public)', madeBy: 'provider' },
  schemes: [
    {
      kind: 'signature',
      algorithm: 'ecdsa-p256-sha256',
      key: 'spki',
      signature: { at: 'header:x-twilio-email-event-webhook-signature', encoding: 'base64' },
      // The body as it came, with the line break at its end.
      content: '{timestamp}{body}',
      // Tried again for a day, for all that is documented with the first try's time.
      timestamp: {
        at: 'header:x-twilio-email-event-webhook-timestamp',
        unit: 'seconds',
        toleranceSeconds: 90_000,
      },
    },
  ],
  event: {
    batch: 'body:',
    type: 'item:event',
    id: 'item:sg_event_id',
    time: { at: 'item:timestamp', unit: 'seconds' },
    order: 'item:sg_message_id',
  },
  retry: { retries: true, spanSeconds: 86_400 },
};
