// The questions that providers ask before they send, and when they are left without an answer.
import { createHmac } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import type { Provider } from '../../src/provider/provider.ts';
import { ProviderRequest } from '../../src/provider/request.ts';
import { daily } from '../../src/providers/daily.ts';
import { front } from '../../src/providers/front.ts';
import { twitch } from '../../src/providers/twitch.ts';
import { x } from '../../src/providers/x.ts';
import { zoom } from '../../src/providers/zoom.ts';

type Asked = {
  readonly body?: unknown;
  readonly method?: string;
  readonly url?: string;
  readonly headers?: Readonly<Record<string, string>>;
};

function ask(provider: Provider, { body, headers = {}, ...request }: Asked, secrets = ['secret']) {
  const bytes = Uint8Array.from(new TextEncoder().encode(body === undefined ? '' : JSON.stringify(body)));
  const [handshake] = provider.handshakes ?? [];
  return handshake?.answer(new ProviderRequest({ headers, ...request }, bytes), { secrets, settings: {} });
}

const macOf = (secret: string, text: string) => createHmac('sha256', secret).update(text);

describe('Zoom', () => {
  const question = (plainToken: unknown, event = 'endpoint.url_validation') => ({
    body: { event, payload: { plainToken }, event_ts: 1_654_503_849_680 },
  });

  it('gets its token back, and the MAC of it', async () => {
    const answer = await ask(zoom, question('qgg8vlvZRS6UYooatFL8Aw'), ['newest', 'older']);
    expect(answer).toMatchObject({ status: 200, headers: { 'content-type': 'application/json' } });
    expect(JSON.parse(answer?.body ?? '')).toEqual({
      plainToken: 'qgg8vlvZRS6UYooatFL8Aw',
      encryptedToken: macOf('newest', 'qgg8vlvZRS6UYooatFL8Aw').digest('hex'),
    });
  });

  it('is asked only of verified requests, and of no other event', async () => {
    expect(zoom.handshakes?.[0]?.on).toBe('verified');
    expect(await ask(zoom, question('qgg8vlvZRS6UYooatFL8Aw', 'meeting.started'))).toBeUndefined();
  });

  it('gets no signature of what could be a request', async () => {
    const forged = 'v0:1700000000:{"event":"meeting.ended"}';
    for (const token of [forged, '', 'a'.repeat(257), null, ['a']]) {
      expect(await ask(zoom, question(token))).toBeUndefined();
    }
  });

  it('gets no answer from a source without a secret', async () => {
    expect(await ask(zoom, question('qgg8vlvZRS6UYooatFL8Aw'), [])).toBeUndefined();
  });
});

describe('X', () => {
  const url = (token: string) => `https://example.com/in/x?crc_token=${encodeURIComponent(token)}`;

  it('gets the MAC of its token', async () => {
    const token = 'MzIyYjU2ZTktNzQ5Ni00ZWE0LWJhNTEtNmYxYzQ1YzlmODk0';
    const answer = await ask(x, { method: 'get', url: url(token) }, ['consumer secret']);
    expect(JSON.parse(answer?.body ?? '')).toEqual({
      response_token: `sha256=${macOf('consumer secret', token).digest('base64')}`,
    });
  });

  it('gets no signature of what could be a body, and none by POST', async () => {
    for (const token of ['{"for_user_id":"1"}', '[1]', '"a"', 'a b', '']) {
      expect(await ask(x, { method: 'GET', url: url(token) })).toBeUndefined();
    }
    expect(await ask(x, { method: 'POST', url: url('abc') })).toBeUndefined();
  });
});

describe('Twitch', () => {
  const question = (type: string) => ({
    body: { challenge: 'pogchamp-kappa-360noscope-vohiyo', subscription: { type: 'user.update' } },
    headers: { 'Twitch-Eventsub-Message-Type': type },
  });

  it('gets its challenge as plain text, once the request is verified', async () => {
    expect(twitch.handshakes?.[0]?.on).toBe('verified');
    expect(await ask(twitch, question('webhook_callback_verification'))).toMatchObject({
      status: 200,
      headers: { 'content-type': 'text/plain; charset=utf-8' },
      body: 'pogchamp-kappa-360noscope-vohiyo',
    });
  });

  it('gets nothing special for its notifications', async () => {
    expect(await ask(twitch, question('notification'))).toBeUndefined();
  });
});

describe('Front', () => {
  const headers = { 'X-Front-Challenge': 'c0ffee' };

  it('gets its challenge as JSON, once the request is verified', async () => {
    expect(front.handshakes?.[0]?.on).toBe('verified');
    const answer = await ask(front, { headers, body: { type: 'sync', authorization: { id: 'cmp_abc' } } });
    expect(answer).toMatchObject({ status: 200, body: '{"challenge":"c0ffee"}' });
  });

  it('gets nothing special for other requests', async () => {
    expect(await ask(front, { headers, body: { type: 'inbound_received' } })).toBeUndefined();
    expect(await ask(front, { body: { type: 'sync' } })).toBeUndefined();
  });
});

describe('Daily', () => {
  it('finds somebody there while its webhook is made, before there is a secret', async () => {
    expect(daily.handshakes?.[0]?.on).toBe('unverified');
    const asked = { method: 'POST', body: { test: 'test' } };
    expect(await ask(daily, asked, [])).toMatchObject({ status: 200, body: '' });
  });

  it('gets nothing special for its events', async () => {
    const event = { method: 'POST', body: { type: 'recording.started', test: 'test' } };
    expect(await ask(daily, event)).toBeUndefined();
  });
});
