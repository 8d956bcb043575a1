// Readers besides verification that strangers reach: handshakes, whole receivers, tokens, structured fields.
import { answerHandshake } from '@posthorn/webhooks/provider';
import type { ReceivedRequest } from '@posthorn/webhooks/provider';
import { createReceiver } from '@posthorn/webhooks/receiver';
import {
  parseDictionary,
  serializeDictionary,
} from '../../../packages/webhooks/dist/http-signatures/structured-fields.js';
import { sharedJwtKey, verifyJwt } from '../../../packages/webhooks/dist/provider/jwt.js';
import { fuzzNowMs } from './rows.ts';
import type { FuzzedRow } from './rows.ts';

const bodiless = new Set([101, 204, 205, 304]);
const noFetch = new Error('nothing is fetched here');
// A handshake answers with what it was asked: never with much more.
const answerMaxChars = 16_384;

/** Whatever is answered can be sent: no header is cut in two by it. */
export async function judgeHandshakes(row: FuzzedRow, request: ReceivedRequest): Promise<void> {
  for (const on of ['unverified', 'verified'] as const) {
    const answer = await answerHandshake(row.provider, request, {
      on,
      secrets: [row.secret],
      settings: row.settings,
    });
    if (answer === undefined) continue;
    const { status, headers, body, confirmUrl } = answer;
    if (body.length > answerMaxChars) throw new Error('a handshake is answered with too much');
    if (confirmUrl !== undefined && !confirmUrl.startsWith('https://'))
      throw new Error('a handshake confirms without https');
    // Throws for a status or a header that cannot be sent.
    void new Response(bodiless.has(status) ? null : body, { status, headers });
  }
}

/** A receiver answers whatever comes, and calls no handler for what was not signed with its secret. */
export async function judgeReceiver(row: FuzzedRow, request: ReceivedRequest): Promise<void> {
  let failure: unknown;
  let handled = 0;
  const receiver = createReceiver({
    now: () => fuzzNowMs,
    onRejected: () => {},
    onError: (error) => {
      failure = error;
    },
    fetch: () => Promise.reject(noFetch),
  });
  receiver
    .source('source', row.provider, {
      secrets: row.unknownSecret,
      settings: row.settings,
      fetchText: row.fetchText,
    })
    .on('*', () => {
      handled += 1;
    });
  const { method = 'POST', body, headers } = request;
  const answer = await receiver.fetch({
    method,
    url: `https://example.com/source${new URL(request.url ?? '/', 'https://example.com').search}`,
    headers: { get: (name) => (headers as Record<string, string>)[name] ?? null },
    body: body as Uint8Array,
  });
  if (handled > 0) throw new Error(`a handler of ${row.provider.name} was called for what is forged`);
  if (failure !== undefined && failure !== noFetch) throw failure;
  await answer.arrayBuffer();
}

/** No token is believed whose key nobody has. */
export async function judgeToken(token: string): Promise<void> {
  const algorithms = ['HS256', 'HS384', 'HS512'] as const;
  const verified = await verifyJwt(token, {
    algorithms,
    keyFor: ({ algorithm }) => sharedJwtKey(algorithm, 'text', 'a key that nobody has'),
  });
  if (verified.ok) throw new Error('a token was forged');
}

/** What was read is written again so that the same is read. */
export function judgeStructuredField(text: string): void {
  const read = parseDictionary(text);
  if (read === undefined) return;
  const written = serializeDictionary(read);
  const again = parseDictionary(written);
  if (again === undefined || serializeDictionary(again) !== written)
    throw new Error(`a structured field changes when it is written: ${JSON.stringify(written)}`);
}
