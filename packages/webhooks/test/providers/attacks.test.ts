// Requests and settings that an attacker would wish for: none of them is accepted.
import { createHmac } from 'node:crypto';
import { describe, expect, it, vi } from 'vitest';
import { decodeBase64 } from '../../src/base64.ts';
import { verifyMessage, importMessageKey, signMessage } from '../../src/http-signatures/index.ts';
import { answerHandshake } from '../../src/provider/answer-handshake.ts';
import type { Provider } from '../../src/provider/provider.ts';
import { verifyRequest } from '../../src/provider/verify-request.ts';
import { adyenPayments } from '../../src/providers/adyen-payments.ts';
import { providers } from '../../src/providers/all.ts';
import { awsSns } from '../../src/providers/aws-sns.ts';
import { braintree } from '../../src/providers/braintree.ts';
import { github } from '../../src/providers/github.ts';
import { gitlab } from '../../src/providers/gitlab.ts';
import { googlePubsub } from '../../src/providers/google-pubsub.ts';
import { monday } from '../../src/providers/monday.ts';
import { zendesk } from '../../src/providers/zendesk.ts';
import { verify } from '../../src/verify.ts';
import { x } from '../../src/providers/x.ts';

const secret = 'a secret of the source';
const hmac = (key: string, content: string) => createHmac('sha256', key).update(content).digest('hex');

describe('a secret', () => {
  it.each(['', ' ', '\n', '\t \r\n', '\u00a0'])(
    'of nothing but blanks verifies nothing: %j',
    async (blank) => {
      const headers = { 'x-hub-signature-256': `sha256=${hmac(blank, '{}')}` };
      for (const secrets of [blank, [blank], [secret, blank]]) {
        expect(await verifyRequest(github, { headers, body: '{}' }, { secrets })).toMatchObject({
          ok: false,
          reason: 'misconfigured',
        });
      }
    },
  );

  it.each([
    ['a number', '12345'],
    ['a form', 'a=b'],
  ])('does not sign what a stranger asks X for: %s', async (_, question) => {
    const url = `https://example.com/?${new URLSearchParams({ crc_token: question }).toString()}`;
    const asked = { method: 'GET', url, headers: {}, body: '' };
    const answer = await answerHandshake(x, asked, { on: 'unverified', secrets: [secret], settings: {} });
    const { response_token: signature } = JSON.parse(answer?.body ?? '{}') as { response_token: string };
    expect(signature).toMatch(/^sha256=/);
    const headers = {
      'x-twitter-webhooks-signature': signature,
      'content-type': 'application/x-www-form-urlencoded',
    };
    const verdict = await verifyRequest(x, { method: 'POST', headers, body: question }, { secrets: secret });
    expect(verdict).toMatchObject({ ok: false, reason: 'mismatch' });
  });

  it('does not sign what a stranger asks for: Braintree', async () => {
    const settings = { publicKey: 'public' };
    const challenge = '20f9f8ed05f77439fe955c977e4c8a53';
    const asked = {
      method: 'GET',
      url: `https://example.com/?bt_challenge=${challenge}`,
      headers: {},
      body: '',
    };
    const answer = await answerHandshake(braintree, asked, { on: 'unverified', secrets: [secret], settings });
    expect(answer?.body).toMatch(/^public\|[0-9a-f]{40}$/);
    const body = new URLSearchParams({ bt_signature: answer?.body ?? '', bt_payload: challenge }).toString();
    const headers = { 'content-type': 'application/x-www-form-urlencoded' };
    const verdict = await verifyRequest(braintree, { headers, body }, { secrets: secret, settings });
    expect(verdict).toMatchObject({ ok: false, reason: 'mismatch' });
  });
});

describe('JSON of some megabytes that holds the proof', () => {
  const brackets = '['.repeat(8_000_000);
  const signed = { 'linear-signature': 'ab'.repeat(32), 'content-type': 'application/json' };
  const settings = { topicArn: 'arn', place: 'payload:token', owner: 'me' };
  const judged = (name: string, body: string, headers: Readonly<Record<string, string>> = signed) =>
    verifyRequest(providers.get(name) as Provider, { headers, body }, { secrets: 'ab'.repeat(32), settings });

  it.each([
    'adyen-payments',
    'aws-sns',
    'dropbox-sign',
    'figma',
    'generic-token',
    'linear',
    'mailgun',
    'microsoft-graph',
  ])('is not parsed when it is made of brackets: %s', async (name) => {
    for (const body of [brackets, `[${'{},'.repeat(200_000)}{}]`]) {
      expect(await judged(name, body)).toMatchObject({ ok: false, reason: 'too-large' });
    }
    const long = JSON.stringify({ text: 'commas, [brackets] and "quotes", '.repeat(10_000) });
    expect(await judged(name, long)).not.toMatchObject({ reason: 'too-large' });
  });

  it('is not parsed in the form of Travis CI either', async () => {
    const headers = { signature: 'AAAA', 'content-type': 'application/x-www-form-urlencoded' };
    expect(await judged('travis-ci', `payload=${brackets}`, headers)).toMatchObject({ reason: 'too-large' });
  });
});

describe('a signature of some megabytes in the body', () => {
  it('is refused without decoding it', async () => {
    const endless = 'a'.repeat(9_000_000);
    expect(decodeBase64(`${endless}!aaa`)).toBeUndefined();
    expect(decodeBase64(endless)?.length).toBe(6_750_000);
    const item = { NotificationRequestItem: { additionalData: { hmacSignature: endless }, eventCode: 'A' } };
    const adyen = JSON.stringify({ notificationItems: [item] });
    const options = { secrets: 'ab'.repeat(32) };
    expect(await verifyRequest(adyenPayments, { headers: {}, body: adyen }, options)).toMatchObject({
      reason: 'mismatch',
    });
    const sns = JSON.stringify({ ...notification, Signature: endless });
    const settings = { topicArn: notification.TopicArn };
    expect(await verifyRequest(awsSns, { headers: {}, body: sns }, { secrets: [], settings })).toMatchObject({
      reason: 'missing-header',
    });
  });
});

describe('a question in a body of some megabytes', () => {
  const ask = (length: number) => {
    const body = JSON.stringify({ challenge: 'abc', more: 'x'.repeat(length) });
    const source = { secrets: [secret], settings: { audience: 'any' } };
    return answerHandshake(monday, { method: 'POST', headers: {}, body }, { on: 'unverified', ...source });
  };

  it('is not parsed for a stranger', async () => {
    const parse = vi.spyOn(JSON, 'parse');
    expect(await ask(1_000)).toMatchObject({ status: 200, body: '{"challenge":"abc"}' });
    expect(parse).toHaveBeenCalledOnce();
    expect(await ask(64 * 1024)).toBeUndefined();
    expect(parse).toHaveBeenCalledOnce();
    parse.mockRestore();
  });
});

const notification = {
  Type: 'Notification',
  MessageId: '1',
  Message: 'm',
  Timestamp: '2023-11-14T22:13:20.000Z',
  TopicArn: 'arn:aws:sns:us-east-1:1:t',
  SignatureVersion: '2',
};

describe('a clock that is none', () => {
  it('lets no request pass', async () => {
    const headers = { 'x-hub-signature-256': `sha256=${hmac(secret, '{}')}` };
    const request = { headers, body: '{}' };
    expect(await verifyRequest(github, request, { secrets: secret })).toMatchObject({ ok: true });
    for (const now of [() => Number.NaN, () => Infinity]) {
      expect(await verifyRequest(github, request, { secrets: secret, now })).toMatchObject({
        reason: 'misconfigured',
      });
      const settings = { audience: 'a', serviceAccount: 'b' };
      const verdict = await verifyRequest(googlePubsub, request, { secrets: [], settings, now });
      expect(verdict).toMatchObject({ reason: 'misconfigured' });
    }
  });
});

describe('a tolerance that is none', () => {
  it.each([Number.NaN, Infinity, -1, 'soon'])('lets no message pass: %s', async (toleranceSeconds) => {
    const key = await importMessageKey('hmac-sha256', 'verify', Buffer.alloc(32, 1).toString('base64'));
    const message = { method: 'POST', url: 'https://example.com/', headers: {} };
    const headers = await signMessage(message, { key, components: ['@method'], created: 1_000 });
    const options = { keyFor: () => key, required: ['@method'], now: () => 1_700_000_000_000 };
    const verdict = await verifyMessage(
      { ...message, headers },
      { ...options, toleranceSeconds: toleranceSeconds as number },
    );
    expect(verdict).toMatchObject({ ok: false, reason: 'misconfigured' });
  });
});

describe('headers of a caller without types', () => {
  it.each([undefined, null, new Map()])(
    'are said to be missing, and nothing is thrown: %s',
    async (given) => {
      const request = { headers: given as unknown as Headers, body: '{}' };
      const missing = { ok: false, reason: 'missing-header' };
      expect(await verifyRequest(github, request, { secrets: secret })).toMatchObject(missing);
      expect(await verify({ ...request, secrets: 'a'.repeat(32) })).toMatchObject(missing);
    },
  );
});

describe('a header that is signed', () => {
  it.each([
    ['made longer', 'x'.repeat(8_192), (value: string) => `${value}, and more`],
    ['that comes more often', Array<string>(128).fill('x'), (value: string[]) => [...value, 'y']],
    ['that gets a long value besides', ['x'], (value: string[]) => [...value, 'y'.repeat(8_193)]],
  ])('is not taken for the same, %s', async (_, value, change) => {
    const key = await importMessageKey('hmac-sha256', 'verify', Buffer.alloc(32, 1).toString('base64'));
    const message = { method: 'POST', url: 'https://example.com/', headers: { 'x-signed': value } };
    const signed = await signMessage(message, { key, components: ['x-signed'], created: 1_700_000_000 });
    const options = { keyFor: () => key, required: ['x-signed'], now: () => 1_700_000_000_000 };
    const verdictOf = (headers: Record<string, string | readonly string[]>) =>
      verifyMessage({ ...message, headers: { ...headers, ...signed } }, options);
    expect(await verdictOf({ 'x-signed': value })).toMatchObject({ ok: true });
    const changed = (change as (value: unknown) => string | readonly string[])(value);
    expect(await verdictOf({ 'x-signed': changed })).toMatchObject({ ok: false });
  });
});

describe('a message that is signed', () => {
  it('is not taken for the same with other white space around a value', async () => {
    const key = await importMessageKey('hmac-sha256', 'verify', Buffer.alloc(32, 1).toString('base64'));
    const message = { method: 'POST', url: 'https://example.com/' };
    const signed = await signMessage(
      { ...message, headers: { amount: '100' } },
      { key, components: ['amount'], created: 1_700_000_000 },
    );
    const verdictOf = (amount: string) =>
      verifyMessage(
        { ...message, headers: { ...signed, amount } },
        { keyFor: () => key, required: ['amount'], now: () => 1_700_000_000_000 },
      );
    for (const same of ['100', ' 100\t']) expect(await verdictOf(same)).toMatchObject({ ok: true });
    for (const other of ['\u00a0100', '100\u00a0', '\ufeff100', '\v100']) {
      expect(await verdictOf(other)).toMatchObject({ ok: false });
    }
  });

  it('costs little, however many blanks a stranger puts into it', async () => {
    const key = await importMessageKey('hmac-sha256', 'verify', Buffer.alloc(32, 1).toString('base64'));
    const names = Array.from({ length: 30 }, (_, index) => `k${index}`);
    const covered = ['"x"', ...names.map((name) => `"x";key="${name}"`)].join(' ');
    const labels = Array.from({ length: 8 }, (_, index) => `s${index}`);
    const headers = {
      x: `${names.join(',')},${' '.repeat(7_900)}z`,
      'signature-input': labels.map((label) => `${label}=(${covered});created=1`).join(', '),
      signature: labels.map((label) => `${label}=:AAAA:`).join(', '),
    };
    const before = process.cpuUsage();
    const verdict = await verifyMessage(
      { method: 'POST', url: 'https://example.com/', headers },
      { keyFor: () => key, required: ['x'] },
    );
    expect(verdict).toMatchObject({ ok: false, reason: 'mismatch' });
    // It was 17 seconds.
    expect(process.cpuUsage(before).user / 1_000_000).toBeLessThan(3);
  });
});

describe('a time that the body follows at once', () => {
  it.each(['Z', '.5Z'])('gives nothing of itself to the body: %s', async (end) => {
    const time = end === '.5Z' ? '2023-11-14T22:13:20.5Z' : '2023-11-14T22:13:20Z';
    const signature = createHmac('sha256', secret).update(`${time}{}`).digest('base64');
    const verdictOn = (given: string, body: string) =>
      verifyRequest(
        zendesk,
        {
          headers: {
            'x-zendesk-webhook-signature': signature,
            'x-zendesk-webhook-signature-timestamp': given,
          },
          body,
        },
        { secrets: secret, now: () => 1_700_000_000_000 },
      );
    expect(await verdictOn(time, '{}')).toMatchObject({ ok: true });
    expect(await verdictOn(time.slice(0, -end.length), `${end}{}`)).toMatchObject({
      reason: 'malformed-header',
    });
  });
});

describe('a public key', () => {
  it('is no token, although GitLab sends one or the other', async () => {
    const publicKey = `whpk_${Buffer.alloc(32, 7).toString('base64')}`;
    const verdictOn = (token: string) =>
      verifyRequest(
        gitlab,
        { headers: { 'x-gitlab-token': token }, body: '{}' },
        { secrets: [publicKey, secret] },
      );
    expect(await verdictOn(secret)).toMatchObject({ ok: true, secretIndex: 1 });
    expect(await verdictOn(publicKey)).toMatchObject({ ok: false, reason: 'mismatch' });
  });
});

describe('names of the language', () => {
  it.each(['__proto__', 'constructor', 'toString', 'hasOwnProperty'])(
    'are names like others: %s',
    async (name) => {
      const body = `{"${name}":{"polluted":true},"action":"opened"}`;
      const headers = JSON.parse(
        `{"${name}":"x","x-hub-signature-256":"sha256=${hmac(secret, body)}"}`,
      ) as Record<string, string>;
      expect(await verifyRequest(github, { headers, body }, { secrets: secret })).toMatchObject({ ok: true });
      expect(({} as { polluted?: unknown }).polluted).toBeUndefined();
    },
  );
});

it('takes a query apart once for all the signatures of a message', async () => {
  const names = Array.from({ length: 31 }, (_, index) => `n${index}`);
  const covered = names.map((name) => `"@query-param";name="${name}"`).join(' ');
  const labels = Array.from({ length: 8 }, (_, index) => `s${index}`);
  const message = {
    method: 'POST',
    url: `https://example.com/?${names.map((name) => `${name}=1`).join('&')}`,
    headers: {
      'signature-input': labels.map((label) => `${label}=(${covered});created=1`),
      signature: labels.map((label) => `${label}=:AAAA:`).join(', '),
    },
  };
  const key = await importMessageKey('hmac-sha256', 'verify', Buffer.alloc(32, 1).toString('base64'));
  const encoding = vi.spyOn(globalThis, 'encodeURIComponent');
  try {
    const verdict = await verifyMessage(message, { keyFor: () => key, required: [] });
    expect(verdict).toMatchObject({ ok: false, reason: 'mismatch' });
    expect(encoding).toHaveBeenCalledTimes(2 * names.length);
  } finally {
    encoding.mockRestore();
  }
});
