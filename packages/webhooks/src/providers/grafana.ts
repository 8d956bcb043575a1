import type { Provider } from '../provider/provider.ts';

/** What both rows say: a group of alerts. */
export const grafanaEvent: Provider['event'] = {
  type: { all: ['const:alerts', 'body:status'], join: '.' },
  order: 'body:groupKey',
};

// The name of the header is set in Grafana, and empty by default: those that its documents show.
const timestampHeaders = [
  'header:x-grafana-alerting-signature-timestamp',
  'header:x-grafana-alerting-timestamp',
] as const;

export const grafana: Provider<'grafana'> = {
  name: 'grafana',
  title: 'Grafana Alerting, with a timestamp header',
  docs: 'https://grafana.com/docs/grafana/latest/alerting/configure-notifications/manage-contact-points/integrations/webhook-notifier/',
  grade: 'B',
  secret: { name: 'HMAC secret of the contact point', madeBy: 'you' },
  schemes: [
    {
      kind: 'signature',
      algorithm: 'hmac-sha256',
      key: 'text',
      signature: { at: 'header:x-grafana-alerting-signature', encoding: 'hex' },
      content: '{timestamp}:{body}',
      timestamp: {
        at: { first: timestampHeaders },
        unit: 'seconds',
        toleranceSeconds: 300,
      },
    },
  ],
  event: grafanaEvent,
  retry: { retries: true },
};
