// Questions by which the providers of the canonical, public-key and token families check that a URL is ours.
import { createHash, createHmac } from 'node:crypto';
import { createRequire } from 'node:module';
import { describe, expect, it } from 'vitest';
import type { HandshakeAnswer, Provider } from '../../src/provider/provider.ts';
import { ProviderRequest } from '../../src/provider/request.ts';
import { azureEventGrid } from '../../src/providers/azure-event-grid.ts';
import { awsSns } from '../../src/providers/aws-sns.ts';
import { braintree } from '../../src/providers/braintree.ts';
import { discord } from '../../src/providers/discord.ts';
import { mailchimp } from '../../src/providers/mailchimp.ts';
import { mandrill } from '../../src/providers/mandrill.ts';
import { microsoftGraph } from '../../src/providers/microsoft-graph.ts';
import { monday } from '../../src/providers/monday.ts';
import { okta } from '../../src/providers/okta.ts';
import { surveyMonkey } from '../../src/providers/survey-monkey.ts';

const require = createRequire(import.meta.url);

type Asked = {
  readonly method?: string;
  readonly url?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
};

/** What the row answers on one side of verification; undefined when the request is no handshake. */
async function answerOf(
  provider: Provider,
  on: 'verified' | 'unverified',
  { method = 'POST', url = 'https://hooks.example.com/in', headers = {}, body = '' }: Asked,
  source: { secrets?: string[]; settings?: Record<string, string> } = {},
): Promise<HandshakeAnswer | undefined> {
  const request = new ProviderRequest({ method, url, headers }, Uint8Array.from(Buffer.from(body)));
  for (const handshake of provider.handshakes ?? []) {
    if (handshake.on !== on) continue;
    const answer = await handshake.answer(request, { secrets: [], settings: {}, ...source });
    if (answer !== undefined) return answer;
  }
  return undefined;
}

const json = (value: unknown) => JSON.stringify(value);

describe('Microsoft Graph', () => {
  const asked = { url: 'https://hooks.example.com/in?validationToken=Validation%3A%20a%2Bb' };

  it('is answered with its token as plain text, before a subscription is there', async () => {
    expect(await answerOf(microsoftGraph, 'unverified', asked)).toEqual({
      status: 200,
      headers: { 'content-type': 'text/plain; charset=utf-8', 'x-content-type-options': 'nosniff' },
      body: 'Validation: a+b',
    });
  });

  it('is answered nothing without a token, and nothing to an endless one', async () => {
    expect(await answerOf(microsoftGraph, 'unverified', { body: '{"value":[]}' })).toBeUndefined();
    const endless = { url: `https://hooks.example.com/in?validationToken=${'x'.repeat(5_000)}` };
    expect(await answerOf(microsoftGraph, 'unverified', endless)).toBeUndefined();
  });
});

describe('Azure Event Grid', () => {
  const validation = {
    headers: { 'aeg-event-type': 'SubscriptionValidation' },
    body: json([
      {
        id: '2d1781af-3a4c-4d7c-bd0c-e34b19da4e66',
        eventType: 'Microsoft.EventGrid.SubscriptionValidationEvent',
        data: {
          validationCode: '512d38b6-c7b8-40c8-89fe-f46f9e9622b6',
          validationUrl: 'https://rp.example/',
        },
      },
    ]),
  };

  it('is answered its validation code with 200, of a request that knows the secret', async () => {
    const answer = await answerOf(azureEventGrid, 'verified', validation);
    expect(answer).toMatchObject({ status: 200, headers: { 'content-type': 'application/json' } });
    expect(JSON.parse(answer?.body ?? '')).toEqual({
      validationResponse: '512d38b6-c7b8-40c8-89fe-f46f9e9622b6',
    });
    expect(await answerOf(azureEventGrid, 'unverified', validation)).toBeUndefined();
  });

  it('is given leave to send CloudEvents, at the rate it asks for', async () => {
    const headers = { 'webhook-request-origin': 'eventgrid.azure.net', 'webhook-request-rate': '120' };
    const asked = { method: 'OPTIONS', headers };
    expect(await answerOf(azureEventGrid, 'verified', asked)).toEqual({
      status: 200,
      headers: { 'webhook-allowed-origin': 'eventgrid.azure.net', 'webhook-allowed-rate': '120' },
      body: '',
    });
    const forged = { method: 'OPTIONS', headers: { 'webhook-request-origin': 'a\r\nset-cookie: b=c' } };
    expect(await answerOf(azureEventGrid, 'verified', forged)).toBeUndefined();
  });

  it('takes an event for an event', async () => {
    const event = { headers: { 'aeg-event-type': 'Notification' }, body: validation.body };
    expect(await answerOf(azureEventGrid, 'verified', event)).toBeUndefined();
  });
});

describe('Amazon SNS', () => {
  const confirmation = (url: string) => ({
    body: json({ Type: 'SubscriptionConfirmation', Token: '2336412f37', SubscribeURL: url }),
  });

  it('has its subscription confirmed at Amazon, once its signature was verified', async () => {
    const url = 'https://sns.us-west-2.amazonaws.com/?Action=ConfirmSubscription&Token=2336412f37';
    expect(await answerOf(awsSns, 'verified', confirmation(url))).toEqual({
      status: 200,
      headers: {},
      body: '',
      confirmUrl: url,
    });
    expect(await answerOf(awsSns, 'unverified', confirmation(url))).toBeUndefined();
  });

  it.each([
    'http://sns.us-west-2.amazonaws.com/',
    'https://sns.us-west-2.amazonaws.com.evil.example/',
    'https://sns.us-west-2.amazonaws.com@evil.example/',
    'https://evil.example/sns.us-west-2.amazonaws.com',
    'https://bucket.s3.amazonaws.com/',
    'https://sns.us-west-2.amazonaws.com:8443/',
    'https://169.254.169.254/latest/meta-data/',
    'not a url',
  ])('does not have %s fetched', async (url) => {
    expect(await answerOf(awsSns, 'verified', confirmation(url))).toBeUndefined();
  });
});

describe('Discord', () => {
  it('has its interactions greeted back, and its events without a word', async () => {
    const pong = await answerOf(discord, 'verified', { body: json({ type: 1, version: 1, id: '1' }) });
    expect(pong).toMatchObject({ status: 200, body: '{"type":1}' });
    const event = { version: 1, application_id: '1', type: 0 };
    expect(await answerOf(discord, 'verified', { body: json(event) })).toMatchObject({
      status: 204,
      body: '',
    });
  });

  it('takes commands and events for what they are', async () => {
    expect(await answerOf(discord, 'verified', { body: json({ type: 2, id: '1' }) })).toBeUndefined();
    const event = { type: 1, event: { type: 'APPLICATION_AUTHORIZED', data: {} } };
    expect(await answerOf(discord, 'verified', { body: json(event) })).toBeUndefined();
    expect(await answerOf(discord, 'unverified', { body: json({ type: 1 }) })).toBeUndefined();
  });

  it('wants 401 for signatures that are wrong on purpose', () => {
    expect(discord.answer?.refusedStatus).toBe(401);
  });
});

it('answers the challenge of Okta in JSON', async () => {
  const headers = { 'x-okta-verification-challenge': 'C8j9SbeSBlSw' };
  const answer = await answerOf(okta, 'unverified', { method: 'GET', headers });
  expect(answer).toMatchObject({ status: 200, body: '{"verification":"C8j9SbeSBlSw"}' });
  expect(await answerOf(okta, 'unverified', { method: 'POST', headers })).toBeUndefined();
});

it('answers the challenge of monday.com, and no event', async () => {
  const body = json({ challenge: '3eZbrw1aBm2rZgRNFdxV2595E9CY3gmdALWMmHkvFXO7tYXAYM8P' });
  expect(await answerOf(monday, 'unverified', { body })).toMatchObject({ status: 200, body });
  expect(await answerOf(monday, 'unverified', { body: json({ event: { type: 'x' } }) })).toBeUndefined();
});

describe('Braintree', () => {
  const source = { secrets: ['integration_private_key'], settings: { publicKey: 'integration_public_key' } };
  const ask = (challenge: string) =>
    answerOf(
      braintree,
      'unverified',
      { method: 'GET', url: `https://hooks.example.com/in?bt_challenge=${challenge}` },
      source,
    );

  it('is answered as its own library answers', async () => {
    const { BraintreeGateway, Environment } = require('braintree') as {
      BraintreeGateway: new (
        config: object,
      ) => { webhookNotification: { verify(challenge: string): string } };
      Environment: { Sandbox: unknown };
    };
    const gateway = new BraintreeGateway({
      environment: Environment.Sandbox,
      merchantId: 'integration_merchant_id',
      publicKey: 'integration_public_key',
      privateKey: 'integration_private_key',
    });
    const challenge = '20f9f8ed05f77439fe955c977e4c8a53';
    const answer = await ask(challenge);
    expect(answer?.body).toBe(gateway.webhookNotification.verify(challenge));
    const key = createHash('sha1').update('integration_private_key').digest();
    const mac = createHmac('sha1', key).update(challenge).digest('hex');
    expect(answer?.body).toBe(`integration_public_key|${mac}`);
  });

  it('gets no signature for anything but a challenge', async () => {
    for (const text of ['', 'PG5vdGlmaWNhdGlvbj4=', '<notification>', 'a'.repeat(33), 'A'.repeat(20)]) {
      expect(await ask(encodeURIComponent(text))).toBeUndefined();
    }
  });
});

it('lets providers look whether the URL is there', async () => {
  for (const provider of [mandrill, surveyMonkey, mailchimp]) {
    expect(await answerOf(provider, 'unverified', { method: 'HEAD' })).toMatchObject({
      status: 200,
      body: '',
    });
    expect(
      await answerOf(provider, 'unverified', { method: 'POST', body: 'type=subscribe' }),
    ).toBeUndefined();
  }
  expect(await answerOf(mailchimp, 'unverified', { method: 'GET' })).toMatchObject({ status: 200 });
});

it('lets Mandrill try the URL without events, and takes no event unverified', async () => {
  const withEvents = (events: unknown[]) => ({
    body: new URLSearchParams({ mandrill_events: json(events) }).toString(),
  });
  expect(await answerOf(mandrill, 'unverified', withEvents([]))).toMatchObject({ status: 200, body: '' });
  expect(await answerOf(mandrill, 'unverified', withEvents([{ event: 'send' }]))).toBeUndefined();
});
