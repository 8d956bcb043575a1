// Reads small texts from URLs that somebody else has named, by the rules of deliveries: public keys of providers, and what
// they want to see fetched before they send anything.
import { Client } from 'undici';
import { createGuardedClients, type GuardedClientOptions } from './guarded-client.ts';

const timeoutMs = 5_000;
const textMaxBytes = 64 * 1024;

/**
 * With `json`, a POST of that text. Rejects with an `Error` that says why: not https, a forbidden address, no 2xx, too
 * large, too slow. No redirects.
 */
export type FetchText = (url: string, options?: { readonly json?: string }) => Promise<string>;

export function createTextFetcher(options: GuardedClientOptions): FetchText {
  const clientOptions = createGuardedClients(options);
  return async (url, { json } = {}) => {
    const { protocol, origin, pathname, search } = new URL(url);
    if (protocol !== 'https:') throw new Error('only https URLs are fetched');
    const client = new Client(origin, clientOptions());
    try {
      const { statusCode, body } = await client.request({
        path: pathname + search,
        signal: AbortSignal.timeout(timeoutMs),
        ...(json === undefined
          ? { method: 'GET', headers: { accept: '*/*' } }
          : { method: 'POST', headers: { accept: '*/*', 'content-type': 'application/json' }, body: json }),
      });
      if (statusCode < 200 || statusCode > 299) throw new Error(`${origin} answered ${statusCode}`);
      return await boundedText(body, origin);
    } finally {
      await client.destroy();
    }
  };
}

async function boundedText(body: AsyncIterable<Buffer>, origin: string): Promise<string> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of body) {
    bytes += chunk.length;
    if (bytes > textMaxBytes) throw new Error(`${origin} answered more than ${textMaxBytes} bytes`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString('utf8');
}
