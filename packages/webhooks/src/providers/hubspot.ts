import { MissingContent } from '../provider/content.ts';
import type { ContentFunction, Provider } from '../provider/provider.ts';

/** What all versions say: several events in one request, whose eventId alone is not unique. */
export const hubspotEvent: Provider['event'] = {
  batch: 'body:',
  type: { first: ['item:subscriptionType', 'item:eventType'] },
  id: {
    all: ['item:portalId', 'item:subscriptionId', 'item:eventId', 'item:occurredAt'],
    join: ':',
    complete: true,
  },
  time: { at: 'item:occurredAt', unit: 'milliseconds' },
  order: { all: ['item:portalId', 'item:objectId'], join: ':', complete: true },
};

// As the document's table has them; the escapes of all other characters are signed as they are written.
const decodedInUrl = ":/?@!$'()*,;";
const escapes = /%[0-9a-fA-F]{2}/g;

/** Method, URL, body and time. */
const content: ContentFunction = (request, { timestamp = '' }) => {
  const { method, url } = request;
  if (method === undefined) throw new MissingContent('method');
  if (url === undefined) throw new MissingContent('url');
  const body = request.text();
  if (body === undefined) throw new MissingContent('body');
  return [method + decodedUrl(url) + body + timestamp];
};

function decodedUrl(url: string): string {
  return url.replace(escapes, (escape) => {
    const character = String.fromCharCode(Number.parseInt(escape.slice(1), 16));
    return decodedInUrl.includes(character) ? character : escape;
  });
}

export const hubspot: Provider<'hubspot'> = {
  name: 'hubspot',
  title: 'HubSpot',
  docs: 'https://developers.hubspot.com/docs/apps/legacy-apps/authentication/validating-requests',
  grade: 'A',
  secret: { name: 'client secret of the app', madeBy: 'provider' },
  // X-HubSpot-Signature comes along; it has no time, and is not looked at, so that it cannot rescue a replay.
  schemes: [
    {
      kind: 'signature',
      algorithm: 'hmac-sha256',
      key: 'text',
      signature: { at: 'header:x-hubspot-signature-v3', encoding: 'base64' },
      content,
      timestamp: { at: 'header:x-hubspot-request-timestamp', unit: 'milliseconds', toleranceSeconds: 300 },
    },
  ],
  event: hubspotEvent,
  retry: { retries: true },
};
