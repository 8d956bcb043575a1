import type { Provider } from '../provider/provider.ts';
import { hubspotEvent } from './hubspot.ts';

export const hubspotV2: Provider<'hubspot-v2'> = {
  name: 'hubspot-v2',
  title: 'HubSpot, signature version 2',
  docs: 'https://developers.hubspot.com/docs/apps/legacy-apps/authentication/validating-requests',
  grade: 'A',
  secret: { name: 'client secret of the app', madeBy: 'provider' },
  schemes: [
    {
      kind: 'signature',
      algorithm: 'sha256',
      key: 'text',
      signature: { at: 'header:x-hubspot-signature', encoding: 'hex' },
      content: '{secret}{method}{url}{body}',
    },
  ],
  event: hubspotEvent,
  retry: { retries: true },
  caution: 'no time is signed: what was recorded can be sent again, unless duplicates are dropped',
};
