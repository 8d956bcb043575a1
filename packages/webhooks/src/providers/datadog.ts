import type { Provider } from '../provider/provider.ts';

export const datadog: Provider<'datadog'> = {
  name: 'datadog',
  title: 'Datadog',
  docs: 'https://docs.datadoghq.com/integrations/webhooks/',
  grade: 'B',
  secret: { name: 'value of a header that you add: the whole of it', madeBy: 'you' },
  settings: [{ name: 'header', help: 'the header (default: Authorization)', optional: true }],
  schemes: [{ kind: 'token', at: 'header:authorization', headerSetting: 'header' }],
  event: {
    // The body is a template of yours: these are the names of Datadog's own variables.
    type: { first: ['body:alert_transition', 'body:event_type'] },
    id: { first: ['body:id', 'body:event_id'] },
    time: { at: { first: ['body:last_updated', 'body:date'] }, unit: 'milliseconds' },
    order: 'body:alert_id',
  },
  retry: { retries: true },
};
