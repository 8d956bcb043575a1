// The providers' own libraries: they accept what we sign, and refuse what was changed; and we accept what they sign.
import { Mux } from '@mux/mux-node';
import { Paddle } from '@paddle/paddle-node-sdk';
import { encodeSignatureHeader, isValidSignature } from '@sanity/webhook';
import { WorkOS } from '@workos-inc/node';
import OpenAI from 'openai';
import { Webhook as StandardWebhook } from 'standardwebhooks';
import Stripe from 'stripe';
import { Webhook as SvixWebhook } from 'svix';
import { describe, expect, it } from 'vitest';
import type { Provider, RequestDraft } from '../../src/provider/provider.ts';
import { signRequest } from '../../src/provider/sign-request.ts';
import { verifyRequest } from '../../src/provider/verify-request.ts';
import { mux } from '../../src/providers/mux.ts';
import { openai } from '../../src/providers/openai.ts';
import { paddle } from '../../src/providers/paddle.ts';
import { resend } from '../../src/providers/resend.ts';
import { sanity } from '../../src/providers/sanity.ts';
import { standardWebhooks } from '../../src/providers/standard-webhooks.ts';
import { stripe } from '../../src/providers/stripe.ts';
import { svix } from '../../src/providers/svix.ts';
import { workos } from '../../src/providers/workos.ts';

type Library = {
  readonly provider: Provider;
  readonly secret: string;
  /** Asks the provider's library, which says no with `false` or by an exception. */
  accepts(draft: RequestDraft, body: string): unknown;
  /** The headers that the library itself puts on a body, where it can. */
  headersFor?(body: string): Promise<Record<string, string>> | Record<string, string>;
};

const body = '{"id":"evt_1","type":"invoice.paid","data":{"name":"Zoë ☃","amount":100}}';
const standardSecret = 'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw';
const stripeLibrary = new Stripe('sk_test_1').webhooks;
const workosLibrary = new WorkOS('sk_test_1').webhooks;
const muxLibrary = new Mux({ tokenId: 'id', tokenSecret: 'secret' }).webhooks;
const openaiLibrary = new OpenAI({ apiKey: 'sk-test' }).webhooks;
const headerOf = (draft: RequestDraft, name: string) => draft.headers[name] ?? '';

const libraries: readonly Library[] = [
  {
    provider: stripe,
    secret: 'whsec_test_secret',
    accepts: (draft, text) =>
      stripeLibrary.constructEvent(text, headerOf(draft, 'stripe-signature'), 'whsec_test_secret'),
    headersFor: (payload) => ({
      'stripe-signature': stripeLibrary.generateTestHeaderString({ payload, secret: 'whsec_test_secret' }),
    }),
  },
  {
    provider: svix,
    secret: standardSecret,
    accepts: (draft, text) => new SvixWebhook(standardSecret).verify(text, { ...draft.headers }),
    headersFor: (payload) => ({
      'svix-id': 'msg_1',
      'svix-timestamp': String(Math.floor(Date.now() / 1_000)),
      'svix-signature': new SvixWebhook(standardSecret).sign('msg_1', new Date(), payload),
    }),
  },
  {
    provider: resend,
    secret: standardSecret,
    accepts: (draft, text) => new SvixWebhook(standardSecret).verify(text, { ...draft.headers }),
  },
  {
    provider: standardWebhooks,
    secret: standardSecret,
    accepts: (draft, text) => new StandardWebhook(standardSecret).verify(text, { ...draft.headers }),
    headersFor: (payload) => ({
      'webhook-id': 'msg_1',
      'webhook-timestamp': String(Math.floor(Date.now() / 1_000)),
      'webhook-signature': new StandardWebhook(standardSecret).sign('msg_1', new Date(), payload),
    }),
  },
  {
    provider: openai,
    secret: standardSecret,
    accepts: (draft, text) => openaiLibrary.verifySignature(text, { ...draft.headers }, standardSecret),
  },
  {
    provider: mux,
    secret: 'SuperSecret123',
    accepts: (draft, text) => muxLibrary.verifySignature(text, { ...draft.headers }, 'SuperSecret123'),
  },
  {
    provider: paddle,
    secret: 'pdl_ntfset_01gkpjp8bkm3tm53kdgkx6sms7_6Hs8vYJnSG1wVt',
    accepts: (draft, text) =>
      new Paddle('key').webhooks.isSignatureValid(
        text,
        'pdl_ntfset_01gkpjp8bkm3tm53kdgkx6sms7_6Hs8vYJnSG1wVt',
        headerOf(draft, 'paddle-signature'),
      ),
  },
  {
    provider: sanity,
    secret: 'try-me',
    accepts: (draft, text) => isValidSignature(text, headerOf(draft, 'sanity-webhook-signature'), 'try-me'),
    headersFor: async (payload) => ({
      'sanity-webhook-signature': await encodeSignatureHeader(payload, Date.now(), 'try-me'),
    }),
  },
  {
    provider: workos,
    secret: 'xp07ORSH1lGGLXhGM9sWzJzqk',
    accepts: (draft, text) =>
      workosLibrary.verifyHeader({
        payload: JSON.parse(text) as Record<string, unknown>,
        sigHeader: headerOf(draft, 'workos-signature'),
        secret: 'xp07ORSH1lGGLXhGM9sWzJzqk',
      }),
    headersFor: async (payload) => {
      const timestamp = Date.now();
      const parsed = JSON.parse(payload) as Record<string, unknown>;
      const hash = await workosLibrary.computeSignature(timestamp, parsed, 'xp07ORSH1lGGLXhGM9sWzJzqk');
      return { 'workos-signature': `t=${timestamp}, v1=${hash}` };
    },
  },
];

async function says(answer: () => unknown): Promise<boolean> {
  try {
    return (await answer()) !== false;
  } catch {
    return false;
  }
}

describe.each(libraries)('$provider.title', ({ provider, secret, accepts, headersFor }) => {
  it('takes what we sign, and nothing else', async () => {
    const draft = await signRequest(provider, { body, secret });
    expect(await says(() => accepts(draft, body))).toBe(true);
    expect(await says(() => accepts(draft, body.replace('100', '900')))).toBe(false);
  });

  const testOfTheirs = headersFor && it;
  testOfTheirs?.('signs what we take', async () => {
    const headers = await headersFor?.(body);
    const verify = (text: string) =>
      verifyRequest(provider, { headers: headers ?? {}, body: text }, { secrets: secret });
    expect(await verify(body)).toMatchObject({ ok: true });
    expect(await verify(body.replace('100', '900'))).toMatchObject({ ok: false, reason: 'mismatch' });
  });
});
