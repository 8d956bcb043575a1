import type { Provider } from '../provider/provider.ts';
import { hubspotEvent } from './hubspot.ts';

export const hubspotV1: Provider<'hubspot-v1'> = {
  name: 'hubspot-v1',
  title: 'HubSpot, signature version 1',
  docs: 'https://developers.hubspot.com/docs/apps/legacy-apps/authentication/validating-requests',
  grade: 'A',
  secret: { name: 'client secret of the app', madeBy: 'provider' },
  schemes: [
    {
      kind: 'signature',
      algorithm: 'sha256',
      key: 'text',
      signature: { at: 'header:x-hubspot-signature', encoding: 'hex' },
      content: '{secret}{body}',
    },
  ],
  event: hubspotEvent,
  retry: { retries: true },
  caution: 'no time is signed: what was recorded can be sent again, unless duplicates are dropped',
};
