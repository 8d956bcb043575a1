// The questions that these providers ask before they send anything, and after.
import { expect, it } from 'vitest';
import type { HandshakeAnswer, HandshakeSource } from '../../src/provider/provider.ts';
import { ProviderRequest } from '../../src/provider/request.ts';
import { verifyRequest } from '../../src/provider/verify-request.ts';
import { providers } from '../../src/providers/all.ts';
import { meta } from '../../src/providers/meta.ts';

type Asked = {
  readonly method: string;
  readonly url?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
};

const noSecrets: HandshakeSource = { secrets: [], settings: {} };

/** The first answer of the provider's handshakes that come before verification. */
async function ask(
  name: string,
  { method, url = 'https://example.com/', headers = {}, body = '' }: Asked,
  source: HandshakeSource = noSecrets,
): Promise<HandshakeAnswer | undefined> {
  const provider = providers.get(name);
  const bytes = Uint8Array.from(new TextEncoder().encode(body));
  const request = new ProviderRequest({ method, url, headers }, bytes, provider);
  const handshakes = (provider?.handshakes ?? []).filter(({ on }) => on === 'unverified');
  const answers = await Promise.all(handshakes.map((handshake) => handshake.answer(request, source)));
  return answers.find((answer) => answer !== undefined);
}

it.each([
  ['dropbox', 'challenge'],
  ['nylas', 'challenge'],
  ['onfleet', 'check'],
])('%s: echoes the challenge of a GET as plain text', async (name, parameter) => {
  const url = `https://example.com/?${parameter}=${encodeURIComponent('a<b>&1')}`;
  expect(await ask(name, { method: 'GET', url })).toEqual({
    status: 200,
    headers: { 'content-type': 'text/plain; charset=utf-8', 'x-content-type-options': 'nosniff' },
    body: 'a<b>&1',
  });
  expect(await ask(name, { method: 'POST', url })).toBeUndefined();
  expect(await ask(name, { method: 'GET' })).toBeUndefined();
  const long = `https://example.com/?${parameter}=${'x'.repeat(5_000)}`;
  expect(await ask(name, { method: 'GET', url: long })).toBeUndefined();
});

it.each([
  ['meta', '1158201444', 'text/plain; charset=utf-8'],
  ['strava', '{"hub.challenge":"1158201444"}', 'application/json'],
])('%s: echoes the challenge to who knows the verify token', async (name, body, type) => {
  const source = { secrets: [], settings: { verifyToken: 'meaty hamster' } };
  const query = (token: string) =>
    `https://example.com/in?${new URLSearchParams({
      'hub.mode': 'subscribe',
      'hub.challenge': '1158201444',
      'hub.verify_token': token,
    }).toString()}`;
  const answer = await ask(name, { method: 'GET', url: query('meaty hamster') }, source);
  expect(answer).toMatchObject({ status: 200, body });
  expect(answer?.headers['content-type']).toBe(type);
  expect(await ask(name, { method: 'GET', url: query('meaty hamstex') }, source)).toBeUndefined();
  expect(await ask(name, { method: 'GET', url: query('') }, source)).toBeUndefined();
  expect(await ask(name, { method: 'POST', url: query('meaty hamster') }, source)).toBeUndefined();
  // Without the setting there is nothing to compare with.
  expect(await ask(name, { method: 'GET', url: query('') })).toBeUndefined();
  expect(await ask(name, { method: 'GET', url: query('undefined') })).toBeUndefined();
});

it('does not need the setting of a handshake to verify', async () => {
  const verdict = await verifyRequest(meta, { headers: {}, body: '{}' }, { secrets: 'app secret' });
  expect(verdict).toMatchObject({ ok: false, reason: 'missing-header' });
});

it('asana: takes the secret of a header, sends it back, and takes no second one', async () => {
  const asked = { method: 'POST', headers: { 'X-Hook-Secret': 'b537207f20cbfa02' }, body: '{}' };
  expect(await ask('asana', asked)).toMatchObject({
    status: 200,
    headers: { 'x-hook-secret': 'b537207f20cbfa02' },
    body: '',
    learned: 'b537207f20cbfa02',
  });
  expect(await ask('asana', asked, { secrets: ['another'], settings: {} })).toBeUndefined();
  expect(await ask('asana', { method: 'POST', body: '{"events":[]}' })).toBeUndefined();
  const long = { method: 'POST', headers: { 'X-Hook-Secret': 'x'.repeat(5_000) } };
  expect(await ask('asana', long)).toBeUndefined();
});

it('notion: takes the verification token, and takes no second one', async () => {
  const asked = { method: 'POST', body: '{"verification_token":"secret_tMrlL1qK5vuQAh1b6cZGhFChZTSYJlce"}' };
  const answer = await ask('notion', asked);
  expect(answer).toMatchObject({ status: 200, body: '', learned: 'secret_tMrlL1qK5vuQAh1b6cZGhFChZTSYJlce' });
  // A stranger learns nothing that it has not said.
  expect(answer?.headers).toEqual({
    'content-type': 'text/plain; charset=utf-8',
    'x-content-type-options': 'nosniff',
  });
  expect(await ask('notion', asked, { secrets: ['another'], settings: {} })).toBeUndefined();
  expect(await ask('notion', { method: 'POST', body: '{"type":"page.created"}' })).toBeUndefined();
  // Kept, it would verify nothing, and no other could take its place.
  expect(await ask('notion', { method: 'POST', body: '{"verification_token":" "}' })).toBeUndefined();
});

it.each(['trello', 'intercom'])('%s: answers 200 to a HEAD, and to nothing else', async (name) => {
  expect(await ask(name, { method: 'HEAD' })).toMatchObject({ status: 200, body: '' });
  expect(await ask(name, { method: 'GET' })).toBeUndefined();
  expect(await ask(name, { method: 'POST', body: '{}' })).toBeUndefined();
});

it('woocommerce: answers 200 to the unsigned ping of a new webhook', async () => {
  const headers = { 'content-type': 'application/x-www-form-urlencoded' };
  expect(await ask('woocommerce', { method: 'POST', headers, body: 'webhook_id=142' })).toMatchObject({
    status: 200,
  });
  expect(await ask('woocommerce', { method: 'POST', body: '{"id":142}' })).toBeUndefined();
  const signed = { ...headers, 'x-wc-webhook-signature': 'AAAA' };
  expect(
    await ask('woocommerce', { method: 'POST', headers: signed, body: 'webhook_id=142' }),
  ).toBeUndefined();
});

it('says the answers that these providers insist on', () => {
  expect(providers.get('gocardless')?.answer).toEqual({ refusedStatus: 498 });
  expect(providers.get('xero')?.answer).toEqual({ status: 200, body: '', refusedStatus: 401 });
  expect(providers.get('dropbox-sign')?.answer).toEqual({ status: 200, body: 'Hello API Event Received' });
});
