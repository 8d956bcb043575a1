// The providers' own libraries again, of schemes that are no more or far more than a hash of the body: they accept what we
// sign and refuse what was changed, and we accept what they sign.
import { createHash } from 'node:crypto';
import { EventEmitter } from 'node:events';
import https from 'node:https';
import { createRequire } from 'node:module';
import { Readable } from 'node:stream';
import {
  signRequest as contentfulSign,
  verifyRequest as contentfulVerify,
} from '@contentful/node-apps-toolkit';
import { basicAuthValidator } from 'chargebee';
import { Crisp } from 'crisp-api';
import { OAuth2Client } from 'google-auth-library';
import { AccessToken, WebhookReceiver } from 'livekit-server-sdk';
import Retell from 'retell-sdk';
import Telnyx from 'telnyx';
import { afterEach, expect, it, vi } from 'vitest';
import { signRequest } from '../../src/provider/sign-request.ts';
import type { SignRequestInput } from '../../src/provider/sign-request.ts';
import type { Provider, RequestDraft } from '../../src/provider/provider.ts';
import { verifyRequest } from '../../src/provider/verify-request.ts';
import { awsSns } from '../../src/providers/aws-sns.ts';
import { chargebee } from '../../src/providers/chargebee.ts';
import { contentful } from '../../src/providers/contentful.ts';
import { crisp } from '../../src/providers/crisp.ts';
import { googlePubsub } from '../../src/providers/google-pubsub.ts';
import { livekit } from '../../src/providers/livekit.ts';
import { retell } from '../../src/providers/retell.ts';
import { telnyx } from '../../src/providers/telnyx.ts';
import {
  certificateOf,
  ed25519Keys,
  jwkOf,
  privatePem,
  publicPem,
  rawPublicKey,
  rsaKeys,
} from '../support/provider-keys.ts';

type Received = { readonly url?: string; readonly headers: Record<string, string>; readonly body: string };
/** Asks the provider's library, which says no with `false` or by an exception. */
type Judge = (request: Received) => unknown;

const body = '{"id":"evt_1","event":"room_started","name":"Zoë ☃","amount":100}';
const require = createRequire(import.meta.url);
const textOf = (bytes: Uint8Array) => Buffer.from(bytes).toString();

async function accepts(judge: Judge, request: Received): Promise<boolean> {
  try {
    return (await judge(request)) !== false;
  } catch {
    return false;
  }
}

function receivedOf({ url, headers, body: bytes }: RequestDraft): Received {
  return { url, headers: { ...headers }, body: textOf(bytes) };
}

/** What we sign, as their library got it; and the same with a body that says something else. */
async function judged(judge: Judge, provider: Provider, input: SignRequestInput) {
  const request = receivedOf(await signRequest(provider, input));
  const other = { ...request, body: request.body.replace('100', '900') };
  expect(other.body).not.toBe(request.body);
  return { whole: await accepts(judge, request), changed: await accepts(judge, other) };
}

async function ours(provider: Provider, request: Received, secrets: string, settings = {}) {
  const other = { ...request, body: request.body.replace('100', '900') };
  const whole = await verifyRequest(provider, { method: 'POST', ...request }, { secrets, settings });
  const changed = await verifyRequest(provider, { method: 'POST', ...other }, { secrets, settings });
  return { whole: whole.ok, changed: changed.ok };
}

const wholeOnly = { whole: true, changed: false };

afterEach(() => {
  vi.restoreAllMocks();
});

it('agrees with the library of Retell, both ways', async () => {
  const secret = 'key_5a2d9e1b7c3f4a608e9d';
  const judge: Judge = (request) =>
    Retell.verify(request.body, secret, request.headers['x-retell-signature'] ?? '');
  expect(await judged(judge, retell, { body, secret })).toEqual(wholeOnly);
  const old = Date.now() - 301_000;
  expect((await judged(judge, retell, { body, secret, nowMs: old })).whole).toBe(false);
  const headers = { 'x-retell-signature': await Retell.sign(body, secret) };
  expect(await ours(retell, { headers, body }, secret)).toEqual(wholeOnly);
});

it('agrees with the library of Telnyx', async () => {
  const { webhooks } = new Telnyx('KEY0123');
  const judge: Judge = ({ headers, body: text }) =>
    webhooks.constructEvent(
      text,
      Buffer.from(headers['telnyx-signature-ed25519'] ?? '', 'base64'),
      headers['telnyx-timestamp'],
      rawPublicKey(ed25519Keys),
    );
  const input = { body, secret: privatePem(ed25519Keys) };
  expect(await judged(judge, telnyx, input)).toEqual(wholeOnly);
  expect((await judged(judge, telnyx, { ...input, nowMs: Date.now() - 302_000 })).whole).toBe(false);
});

it('agrees with the library of Crisp', async () => {
  const secret = 'b1cbf6ea22b3a5e40a8e5ab2ba4e1d70';
  const client = new Crisp();
  client.setRtmMode('webhooks');
  // Before something listens, it verifies nothing.
  await client.on('message:send', () => undefined);
  const judge: Judge = ({ headers, body: text }) =>
    client.verifyHook(
      secret,
      JSON.parse(text) as object,
      Number(headers['x-crisp-request-timestamp']),
      headers['x-crisp-signature'] ?? '',
    );
  expect(await judged(judge, crisp, { body, secret })).toEqual(wholeOnly);
});

it('agrees with the library of LiveKit, both ways', async () => {
  const [apiKey, secret] = ['APIabcdefg', 'livekit-api-secret-of-32-characters'];
  const receiver = new WebhookReceiver(apiKey, secret);
  const judge: Judge = (request) => receiver.receive(request.body, request.headers['authorization']);
  const settings = { apiKey };
  expect(await judged(judge, livekit, { body, secret, settings })).toEqual(wholeOnly);
  const stranger = { settings: { apiKey: 'APIstranger' } };
  expect((await judged(judge, livekit, { body, secret, ...stranger })).whole).toBe(false);

  const token = new AccessToken(apiKey, secret);
  token.sha256 = createHash('sha256').update(body).digest('base64');
  const headers = { authorization: await token.toJwt() };
  expect(await ours(livekit, { headers, body }, secret, settings)).toEqual(wholeOnly);
});

it.each(['/contentful', '/contentful?site=a&env=b', '/content ful/ä?q=a+b%20c'])(
  'agrees with the toolkit of Contentful at %s, both ways',
  async (path) => {
    const secret = 'aB3dE5fG7hI9jK1lM3nO5pQ7rS9tU1vW3xY5zA7bC9dE1fG3hI5jK7lM9nO1pQ3r';
    const url = `https://hooks.example.com${path}`;
    const topic = { 'x-contentful-topic': 'ContentManagement.Entry.publish' };
    const judge: Judge = (request) =>
      contentfulVerify(secret, { method: 'POST', path, headers: request.headers, body: request.body });
    const names = 'x-contentful-signed-headers,x-contentful-timestamp,x-contentful-topic';
    const signed = { ...topic, 'x-contentful-signed-headers': names };
    expect(await judged(judge, contentful, { url, body, secret, headers: signed })).toEqual(wholeOnly);

    const added = contentfulSign(secret, { method: 'POST', path, headers: topic, body });
    expect(await ours(contentful, { url, headers: { ...topic, ...added }, body }, secret)).toEqual(wholeOnly);
  },
);

it('agrees with the library of Google on the token of Pub/Sub', async () => {
  const settings = { audience: 'https://hooks.example.com/pubsub', serviceAccount: 'push@project.example' };
  const judge =
    (audience: string): Judge =>
    ({ headers }) =>
      new OAuth2Client().verifySignedJwtWithCertsAsync(
        headers['authorization']?.replace('Bearer ', '') ?? '',
        { [String(jwkOf(rsaKeys, 'test')['kid'])]: publicPem(rsaKeys) },
        audience,
        ['https://accounts.google.com', 'accounts.google.com'],
      );
  const draft = await signRequest(googlePubsub, { body, secret: privatePem(rsaKeys), settings });
  const request = receivedOf(draft);
  expect(await accepts(judge(settings.audience), request)).toBe(true);
  expect(await accepts(judge('https://elsewhere.example.com'), request)).toBe(false);
  const token = request.headers['authorization'] ?? '';
  const forged = { ...request, headers: { authorization: `${token.slice(0, -8)}AAAAAAAA` } };
  expect(await accepts(judge(settings.audience), forged)).toBe(false);
});

it('agrees with the library of Chargebee on user name and password', async () => {
  const judge = ({ headers }: Received) =>
    basicAuthValidator((user, password) => user === 'chargebee' && password === 'a:long password')(headers);
  const request = receivedOf(await signRequest(chargebee, { body, secret: 'chargebee:a:long password' }));
  expect(await accepts(judge, request)).toBe(true);
  const other = receivedOf(await signRequest(chargebee, { body, secret: 'chargebee:another password' }));
  expect(await accepts(judge, other)).toBe(false);
});

it.each(['1', '2'])('agrees with the library of Amazon on version %s of SNS', async (version) => {
  type Validator = { validate(message: string, done: (error: Error | null) => void): void };
  const MessageValidator = require('sns-validator') as new () => Validator;
  // Their library fetches the certificate itself.
  vi.spyOn(https, 'get').mockImplementation(((_url: string, answer: (response: unknown) => void) => {
    answer(Object.assign(Readable.from([certificateOf(rsaKeys)]), { statusCode: 200 }));
    return new EventEmitter();
  }) as never);
  const judge: Judge = (request) =>
    new Promise<void>((resolve, reject) => {
      new MessageValidator().validate(request.body, (error) => (error === null ? resolve() : reject(error)));
    });
  const topicArn = 'arn:aws:sns:us-west-2:123456789012:MyTopic';
  const message = {
    MessageId: '22b80b92-fdea-4c2c-8f9d-bdfb0c7bf324',
    TopicArn: topicArn,
    Message: 'Zoë ☃ 100\nand more',
    Timestamp: new Date().toISOString(),
    SignatureVersion: version,
    SigningCertURL: `https://sns.us-west-2.amazonaws.com/SimpleNotificationService-${version}.pem`,
  };
  const confirmation = { SubscribeURL: 'https://sns.us-west-2.amazonaws.com/?Action=Confirm', Token: '2336' };
  const types = [
    { Type: 'Notification' },
    { Type: 'Notification', Subject: 'My First Message' },
    { Type: 'SubscriptionConfirmation', ...confirmation },
  ];
  for (const more of types) {
    const input = { body: JSON.stringify({ ...message, ...more }), secret: privatePem(rsaKeys) };
    expect(await judged(judge, awsSns, { ...input, settings: { topicArn } }), more.Type).toEqual(wholeOnly);
  }
});
