import type { Provider } from '../provider/provider.ts';
import { echoField } from '../provider/handshakes.ts';
import { hmacOfBody } from '../provider/hmac-of-body.ts';

export const onfleet: Provider<'onfleet'> = {
  name: 'onfleet',
  title: 'Onfleet',
  docs: 'https://docs.onfleet.com/reference/secrets',
  grade: 'B',
  secret: { name: 'webhook secret', madeBy: 'provider' },
  schemes: [
    hmacOfBody({ header: 'x-onfleet-signature', encoding: 'hex', algorithm: 'hmac-sha512', key: 'hex' }),
  ],
  handshakes: [echoField({ method: 'GET', field: 'query:check', on: 'unverified' })],
  event: {
    // The number of the trigger where its name is missing.
    type: { first: ['body:triggerName', 'body:triggerId'] },
    id: {
      all: ['body:triggerId', { first: ['body:taskId', 'body:workerId', 'body:adminId'] }, 'body:time'],
      join: '.',
      complete: true,
    },
    time: { at: 'body:time', unit: 'milliseconds' },
    order: { first: ['body:taskId', 'body:workerId', 'body:adminId'] },
  },
  retry: { retries: true },
  answer: { status: 200 },
};
