// Calls the API of a provider by the rules of deliveries: the address judged, no redirects, one deadline, a bounded answer.
import { Client } from 'undici';
import type { ApiAnswer, CallApi } from '../../core/api-call.ts';
import { createGuardedClients, type GuardedClientOptions } from './guarded-client.ts';

const timeoutMs = 20_000;

export function createApiCaller(options: GuardedClientOptions): CallApi {
  const clientOptions = createGuardedClients(options);
  return async ({ method, url, headers, answerMaxBytes }) => {
    const { origin, pathname, search } = new URL(url);
    const client = new Client(origin, clientOptions());
    try {
      const answer = await client.request({
        method,
        path: pathname + search,
        headers,
        signal: AbortSignal.timeout(timeoutMs),
      });
      const first = Object.entries(answer.headers).map(([name, value]) => [name, [value].flat()[0]]);
      return {
        status: answer.statusCode,
        headers: Object.fromEntries(first) as ApiAnswer['headers'],
        body: await boundedBody(answer.body, answerMaxBytes),
      };
    } finally {
      await client.destroy();
    }
  };
}

async function boundedBody(body: AsyncIterable<Buffer>, bytesMax: number): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of body) {
    bytes += chunk.length;
    if (bytes > bytesMax) throw new Error(`the answer is larger than ${bytesMax} bytes`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}
