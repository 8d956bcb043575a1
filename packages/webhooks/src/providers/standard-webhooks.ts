import type { Field, Provider, SignatureScheme } from '../provider/provider.ts';

type Names = { readonly header: 'webhook-' | 'svix-'; readonly key?: SignatureScheme['key'] };

/** Both schemes of Standard Webhooks: `v1`, and `v1a` when the secret is a public key. */
export function standardScheme({ header, key = { base64After: 'whsec_' } }: Names): SignatureScheme {
  return {
    kind: 'signature',
    algorithm: 'hmac-sha256',
    key,
    ed25519: { take: 'v1a' },
    signature: {
      at: `header:${header}signature`,
      separator: ' ',
      pairs: { separator: ',', take: 'v1' },
      encoding: 'base64',
    },
    content: '{id}.{timestamp}.{body}',
    id: `header:${header}id`,
    timestamp: { at: `header:${header}timestamp`, unit: 'seconds', toleranceSeconds: 300 },
  };
}

/** What Svix sends for its customers: headers of its own, or those of Standard Webhooks where they hide its name. */
export const svixSchemes: readonly SignatureScheme[] = (['svix-', 'webhook-'] as const).map((header) => ({
  ...standardScheme({ header }),
  when: [`header:${header}signature`],
}));

/** The id of a message, which Svix keeps the same on every retry. */
export const svixId: Field = { first: ['header:svix-id', 'header:webhook-id'] };

export const standardWebhooks: Provider<'standard-webhooks'> = {
  name: 'standard-webhooks',
  title: 'Standard Webhooks',
  docs: 'https://www.standardwebhooks.com',
  grade: 'A',
  secret: { name: 'signing secret (whsec_…), or public key (whpk_…)', madeBy: 'provider' },
  schemes: [standardScheme({ header: 'webhook-' })],
  event: { type: 'body:type', id: 'header:webhook-id', time: { at: 'body:timestamp', unit: 'rfc3339' } },
  retry: { retries: true },
};
