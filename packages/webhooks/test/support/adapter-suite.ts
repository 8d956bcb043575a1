// What every adapter must do, asked over real HTTP: the same requests, whatever the framework.
import { createHmac } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Provider } from '../../src/provider/provider.ts';
import { github } from '../../src/providers/github.ts';
import { createReceiver } from '../../src/receiver/index.ts';
import type {
  FetchHandler,
  HandlerContext,
  ReceivedEvent,
  RejectedRequest,
} from '../../src/receiver/index.ts';
import { githubSecret, post } from './signed-requests.ts';
import type { TestServer } from './ports.ts';

/** Signs the URL and the body, so that both must arrive as they were sent. */
const urlSigner: Provider = {
  ...github,
  name: 'url-signer',
  schemes: [
    {
      kind: 'signature',
      algorithm: 'hmac-sha256',
      key: 'text',
      signature: { at: 'header:x-signature', encoding: 'hex' },
      content: '{url}{body}',
    },
  ],
  handshakes: [
    {
      on: 'unverified',
      async answer(request) {
        const challenge = request.value('query:challenge');
        if (challenge === undefined) return undefined;
        const headers = { 'content-type': 'text/plain', 'x-method': request.method ?? '' };
        return { status: 200, headers, body: request.method === 'HEAD' ? '' : challenge };
      },
    },
  ],
  event: { type: 'header:x-event' },
};

export type Recorded = {
  readonly receiver: FetchHandler;
  readonly seen: { event: ReceivedEvent; context: HandlerContext }[];
  readonly rejected: RejectedRequest[];
  /** All that handlers gave to `waitUntil` has ended. */
  isWorkDone(): boolean;
  idle(): Promise<void>;
};

/** Their values hold commas: joined, they could not be told apart. */
export const cookies = ['a=1; Expires=Wed, 21 Oct 2026 07:28:00 GMT', 'b=2; Path=/'];
const twoCookies: [string, string][] = [
  ['x-reply', 'yes'],
  ...cookies.map((cookie): [string, string] => ['set-cookie', cookie]),
];

/** A receiver with the source `signed`. */
export function recordingReceiver(): Recorded {
  const seen: Recorded['seen'] = [];
  const rejected: RejectedRequest[] = [];
  let isWorkDone = false;
  const receiver = createReceiver({ onRejected: (each) => rejected.push(each), onError: () => {} });
  receiver
    .source('signed', urlSigner, { secrets: githubSecret, bodyMaxBytes: 100_000 })
    .on('*', (event, context) => void seen.push({ event, context }))
    .on('fails', () => Promise.reject(new Error('no')))
    .on('replies', () => Response.json({ text: 'grüße' }, { status: 201, headers: { 'x-reply': 'yes' } }))
    .on('replies.binary', () => new Response(Uint8Array.of(0, 255, 128)))
    .on('replies.cookies', () => new Response(null, { status: 204, headers: twoCookies }))
    .on('works', (_event, { waitUntil }) => {
      waitUntil(
        new Promise((resolve) => setImmediate(resolve)).then(() => {
          isWorkDone = true;
        }),
      );
    });
  return { receiver, seen, rejected, isWorkDone: () => isWorkDone, idle: () => receiver.idle() };
}

export function signedFor(url: string, body: string | Uint8Array<ArrayBuffer>, event = 'sent') {
  const signature = createHmac('sha256', githubSecret).update(url).update(body).digest('hex');
  return {
    headers: { 'content-type': 'application/json', 'x-event': event, 'x-signature': signature },
    body,
  };
}

// Written otherwise than a parser would write it again, and with a character that is two bytes.
const oddBody = '{ "b" : 1.0,\n"a":"\\u00e9 é" }';

/** `mount` starts the framework with the receiver below `/webhooks/`. */
export function adapterSuite(name: string, mount: (recorded: Recorded) => Promise<TestServer>): void {
  describe(name, () => {
    let recorded: Recorded;
    let server: TestServer;
    let url: string;
    beforeAll(async () => {
      recorded = recordingReceiver();
      server = await mount(recorded);
      url = `${server.url}/webhooks/signed`;
    });
    afterAll(() => server.close());

    const send = (
      address: string,
      request: { headers: Record<string, string>; body: string | Uint8Array<ArrayBuffer> },
    ) => fetch(address, { method: 'POST', ...request });

    it('hands over the bytes and the URL as they were sent', async () => {
      const address = `${url}?a=1&b=%20x&a=2`;
      expect((await send(address, signedFor(address, oddBody))).status).toBe(204);
      const last = recorded.seen.at(-1);
      expect(Buffer.from(last?.context.request.body ?? []).toString()).toBe(oddBody);
      expect(last?.event).toMatchObject({ type: 'sent', payload: { a: 'é é', b: 1 } });
    });

    it('hands over bytes that are no text, whatever they are called', async () => {
      const body = Uint8Array.from({ length: 70_000 }, (_, index) => (index * 7) % 256);
      for (const type of [
        'application/json',
        'application/x-www-form-urlencoded',
        'text/plain',
        'image/png',
        'x/y',
      ]) {
        const { headers } = signedFor(url, body);
        const answer = await send(url, { headers: { ...headers, 'content-type': type }, body });
        expect([type, answer.status]).toEqual([type, 204]);
      }
      expect(Buffer.compare(recorded.seen.at(-1)?.context.request.body ?? new Uint8Array(), body)).toBe(0);
    });

    it('hands over an empty body', async () => {
      expect((await send(url, signedFor(url, ''))).status).toBe(204);
    });

    it('answers without a body', async () => {
      const answer = await send(url, { ...signedFor(url, oddBody), body: '{}' });
      expect([answer.status, await answer.text()]).toEqual([401, '']);
      const failed = await send(url, signedFor(url, oddBody, 'fails'));
      expect([failed.status, failed.headers.get('retry-after')]).toEqual([503, '30']);
    });

    it('answers with what a handler returns', async () => {
      const answer = await send(url, signedFor(url, oddBody, 'replies'));
      expect([answer.status, answer.headers.get('x-reply')]).toEqual([201, 'yes']);
      expect(answer.headers.get('content-type')).toMatch(/^application\/json/);
      expect(await answer.json()).toEqual({ text: 'grüße' });
      const binary = await send(url, signedFor(url, oddBody, 'replies.binary'));
      expect(new Uint8Array(await binary.arrayBuffer())).toEqual(Uint8Array.of(0, 255, 128));
    });

    it('answers with every cookie that a handler sets', async () => {
      const answer = await send(url, signedFor(url, oddBody, 'replies.cookies'));
      expect([answer.status, answer.headers.get('x-reply')]).toEqual([204, 'yes']);
      expect(answer.headers.getSetCookie()).toEqual(cookies);
    });

    it.each(['GET', 'HEAD', 'OPTIONS', 'POST'])('answers a handshake by %s', async (method) => {
      const answer = await fetch(`${url}?challenge=abc`, { method });
      expect([answer.status, answer.headers.get('x-method')]).toEqual([200, method]);
      expect(await answer.text()).toBe(method === 'HEAD' ? '' : 'abc');
    });

    it('answers other methods', async () => {
      for (const method of ['GET', 'PUT', 'DELETE']) expect((await fetch(url, { method })).status).toBe(405);
    });

    it('stops at too large a body', async () => {
      // Some servers end a connection whose request they have not read: it is not used again.
      const headers = { connection: 'close' };
      expect((await post(url, { headers, body: 'x'.repeat(300_000) })).status).toBe(413);
      const body = new Response('x'.repeat(300_000)).body;
      const chunked = await fetch(url, { method: 'POST', headers, body, duplex: 'half' } as RequestInit);
      expect(chunked.status).toBe(413);
      expect((await send(url, signedFor(url, oddBody))).status).toBe(204);
    });

    it('knows no other source', async () => {
      expect((await post(`${server.url}/webhooks/other`, signedFor(url, oddBody) as never)).status).toBe(404);
    });

    it('lets work go on', async () => {
      expect((await send(url, signedFor(url, oddBody, 'works'))).status).toBe(204);
      await recorded.idle();
      expect(recorded.isWorkDone()).toBe(true);
    });
  });
}
