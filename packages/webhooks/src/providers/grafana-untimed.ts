import type { Provider } from '../provider/provider.ts';
import { grafanaEvent } from './grafana.ts';

// A row of its own: were it one scheme of a row, the signature of a time and a body would also sign the two as one body.
export const grafanaUntimed: Provider<'grafana-untimed'> = {
  name: 'grafana-untimed',
  title: 'Grafana Alerting, without a timestamp header',
  docs: 'https://grafana.com/docs/grafana/latest/alerting/configure-notifications/manage-contact-points/integrations/webhook-notifier/',
  grade: 'B',
  secret: { name: 'HMAC secret of the contact point', madeBy: 'you' },
  schemes: [
    {
      kind: 'signature',
      algorithm: 'hmac-sha256',
      key: 'text',
      signature: { at: 'header:x-grafana-alerting-signature', encoding: 'hex' },
      content: '{body}',
    },
  ],
  event: grafanaEvent,
  retry: { retries: true },
};
