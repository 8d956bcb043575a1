// The test kit: requests that verify, a clock that obeys, and recorded requests that come again.
import { describe, expect, it } from 'vitest';
import { verifyRequest } from '../../src/provider/verify-request.ts';
import { github } from '../../src/providers/github.ts';
import { stripe } from '../../src/providers/stripe.ts';
import { fakeClock, recordedRequest, signedRequest } from '../../src/testing/index.ts';
import type { RecordedSample } from '../../src/testing/index.ts';

const secret = 'It is a Secret to Everybody';

async function received(request: Request) {
  const { headers, method, url } = request;
  return { headers, method, url, body: await request.arrayBuffer() };
}

describe('signedRequest', () => {
  it.each([
    ['an object', { a: 'é' }, '{"a":"é"}'],
    ['a text', '{ "a": 1 }\n', '{ "a": 1 }\n'],
    ['bytes', Uint8Array.of(0xff, 0x00), '\uFFFD\u0000'],
  ])('of %s is a Fetch request that verifies', async (_, payload, text) => {
    const options = { secret, url: 'https://example.com/in?a=1', headers: { 'X-GitHub-Event': 'push' } };
    const request = await signedRequest(github, payload, options);
    expect(request).toMatchObject({ method: 'POST', url: options.url });
    expect(request.headers.get('x-github-event')).toBe('push');
    expect(await request.clone().text()).toBe(text);
    expect(await verifyRequest(github, await received(request), { secrets: secret })).toMatchObject({
      ok: true,
    });
  });

  it('may have no body', async () => {
    const request = await signedRequest(github, '', { secret, method: 'GET' });
    expect(await verifyRequest(github, await received(request), { secrets: secret })).toMatchObject({
      ok: true,
    });
  });
});

describe('fakeClock', () => {
  it('stands still, advances when it is told, and is the clock of a verifier', async () => {
    const { now, advance } = fakeClock(1_700_000_000_000);
    const request = await received(await signedRequest(stripe, { id: 'evt_1' }, { secret, nowMs: now() }));
    const reason = async () => {
      const verdict = await verifyRequest(stripe, request, { secrets: secret, now });
      return verdict.ok ? 'ok' : verdict.reason;
    };
    expect(await reason()).toBe('ok');
    advance(300_000);
    expect(await reason()).toBe('ok');
    advance(1_000);
    expect(await reason()).toBe('stale');
    advance(-602_000);
    expect(await reason()).toBe('future');
    expect(() => advance(Number.NaN)).toThrow(TypeError);
  });
});

describe('recordedRequest', () => {
  it('verifies as it did when it was recorded', async () => {
    const sample: RecordedSample = {
      provider: github,
      secrets: ["It's a Secret to Everybody"],
      receivedAtMs: 1_700_000_000_000,
      url: 'https://example.com/in',
      headers: {
        'x-hub-signature-256': 'sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17',
      },
      body: 'Hello, World!',
    };
    const { request, options } = recordedRequest(sample);
    expect(options.now()).toBe(sample.receivedAtMs);
    expect(await verifyRequest(sample.provider, await received(request), options)).toMatchObject({
      ok: true,
    });
  });
});
