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
    id: {
      first: [
        { all: ['body:id', 'header:x-netlify-event', 'body:updated_at'], join: ':', complete: true },
        { all: ['body:id', 'header:x-netlify-event'], join: ':', complete: true },
      ],
    },
    time: { at: 'body:updated_at', unit: 'rfc3339' },
    order: 'body:site_id',
  },
  retry: { retries: false, note: 'not documented' },
};
