import type { Provider } from '../provider/provider.ts';
import { echoField } from '../provider/handshakes.ts';

export const slack: Provider<'slack'> = {
  name: 'slack',
  title: 'Slack',
  docs: 'https://docs.slack.dev/authentication/verifying-requests-from-slack',
  grade: 'A',
  secret: { name: 'signing secret', madeBy: 'provider' },
  schemes: [
    {
      kind: 'signature',
      algorithm: 'hmac-sha256',
      key: 'text',
      signature: { at: 'header:x-slack-signature', prefix: 'v0=', encoding: 'hex' },
      content: 'v0:{timestamp}:{body}',
      timestamp: { at: 'header:x-slack-request-timestamp', unit: 'seconds', toleranceSeconds: 300 },
    },
  ],
  handshakes: [
    echoField({
      when: { at: 'body:type', is: 'url_verification' },
      field: 'body:challenge',
      as: 'challenge',
    }),
  ],
  // Interactions come as a form with one field of JSON; commands as plain fields.
  jsonField: 'payload',
  event: {
    type: { first: ['body:event.type', 'body:type', 'form:command'] },
    id: { first: ['body:event_id', 'body:trigger_id', 'form:trigger_id'] },
    time: { at: 'body:event_time', unit: 'seconds' },
  },
  retry: { retries: true, timeoutSeconds: 3, spanSeconds: 3_600 },
};
