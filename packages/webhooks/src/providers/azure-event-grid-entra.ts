import { entraKeys, judgeEntraToken } from '../provider/entra-token.ts';
import { publishedJwtScheme } from '../provider/jwt-scheme.ts';
import type { Provider } from '../provider/provider.ts';
import { azureEventGrid } from './azure-event-grid.ts';

// Event Grid of the public cloud; the others have applications of their own.
const eventGrid = '4962773b-9cdb-44cf-a8bf-237846a00ab7';

/** What Event Grid sends is the same; here a token of Microsoft Entra says that it does. */
export const azureEventGridEntra: Provider<'azure-event-grid-entra'> = {
  ...azureEventGrid,
  name: 'azure-event-grid-entra',
  title: 'Azure Event Grid with Microsoft Entra ID',
  docs: 'https://learn.microsoft.com/en-us/azure/event-grid/secure-webhook-delivery',
  grade: 'B',
  secret: { name: 'none', madeBy: 'nobody' },
  settings: [
    { name: 'audience', help: 'id or id URI of the application that protects the webhook' },
    { name: 'tenantId', help: 'id of the Microsoft Entra tenant of that application' },
  ],
  schemes: [
    publishedJwtScheme(
      {
        header: 'authorization',
        prefix: 'Bearer ',
        claims: ({ audience = '' }) => ({ audience, needs: ['exp'] }),
        judge: async (_request, claims, { settings }) =>
          judgeEntraToken(claims, { service: eventGrid, tenant: settings['tenantId'] ?? '' }),
        sample: (_draft, { settings, nowMs }) => ({
          iss: `https://login.microsoftonline.com/${settings['tenantId']}/v2.0`,
          tid: settings['tenantId'],
          aud: settings['audience'],
          azp: eventGrid,
          exp: Math.floor(nowMs / 1_000) + 3_600,
        }),
      },
      { algorithm: 'RS256', keySet: entraKeys },
    ),
  ],
  caution: 'the token proves the sender, not the event: TLS alone keeps it as it was sent',
};
