import type { Provider } from '../provider/provider.ts';

export const retell: Provider<'retell'> = {
  name: 'retell',
  title: 'Retell AI',
  docs: 'https://docs.retellai.com/features/secure-webhook',
  grade: 'A',
  secret: { name: 'API key with the webhook badge', madeBy: 'provider' },
  schemes: [
    {
      kind: 'signature',
      algorithm: 'hmac-sha256',
      key: 'text',
      signature: {
        at: 'header:x-retell-signature',
        separator: ',',
        pairs: { separator: '=', take: 'd' },
        encoding: 'hex',
      },
      content: '{body}{timestamp}',
      timestamp: { at: 'pair:v', unit: 'milliseconds', toleranceSeconds: 300 },
    },
  ],
  event: {
    type: 'body:event',
    time: { at: { first: ['body:call.end_timestamp', 'body:call.start_timestamp'] }, unit: 'milliseconds' },
    order: 'body:call.call_id',
  },
  retry: { retries: true },
};
