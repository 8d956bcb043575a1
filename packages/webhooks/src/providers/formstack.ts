import type { Provider } from '../provider/provider.ts';
import { hmacOfBody } from '../provider/hmac-of-body.ts';

export const formstack: Provider<'formstack'> = {
  name: 'formstack',
  title: 'Formstack',
  docs: 'https://developers.formstack.com/docs/webhook-setup',
  grade: 'B',
  secret: { name: 'HMAC key', madeBy: 'you' },
  schemes: [hmacOfBody({ header: 'x-fs-signature', encoding: 'hex', prefix: 'sha256=' })],
  event: {
    type: 'const:submission',
    id: { first: ['body:UniqueID', 'form:UniqueID'] },
    order: { first: ['body:FormID', 'form:FormID'] },
  },
  retry: { retries: false, note: 'retries are not documented' },
};
