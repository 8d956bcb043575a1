import { sharedJwtScheme } from '../provider/jwt-scheme.ts';
import type { Provider } from '../provider/provider.ts';

export const netlify: Provider<'netlify'> = {
  name: 'netlify',
  title: 'Netlify',
  docs: 'https://docs.netlify.com/deploy/deploy-notifications/#payload-signature',
  grade: 'A',
  secret: { name: 'JWS secret token', madeBy: 'you' },
  schemes: [
    sharedJwtScheme(
      {
        header: 'x-webhook-signature',
        bodyHash: { claim: 'sha256', encoding: 'hex' },
        claims: () => ({ issuers: ['netlify'] }),
        sample: () => ({ iss: 'netlify' }),
      },
      { algorithms: ['HS256'], key: 'text' },
    ),
  ],
  event: {
    type: 'header:x-netlify-event',
    id: { all: ['body:id', 'header:x-netlify-event', 'body:updated_at'], join: ':' },
    time: { at: 'body:updated_at', unit: 'rfc3339' },
    order: 'body:site_id',
  },
  retry: { retries: false, note: 'not documented' },
};
