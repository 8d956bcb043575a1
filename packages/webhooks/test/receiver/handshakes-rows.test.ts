// Every shape of handshake, asked by the providers' own rows over real HTTP, with a handler that must not be called.
import { createHmac, createSign, sign } from 'node:crypto';
import { afterEach, describe, expect, it } from 'vitest';
import { toNode } from '../../src/adapters/node.ts';
import type { Provider } from '../../src/provider/provider.ts';
import { asana } from '../../src/providers/asana.ts';
import { awsSns } from '../../src/providers/aws-sns.ts';
import { azureEventGrid } from '../../src/providers/azure-event-grid.ts';
import { discord } from '../../src/providers/discord.ts';
import { dropbox } from '../../src/providers/dropbox.ts';
import { meta } from '../../src/providers/meta.ts';
import { microsoftGraph } from '../../src/providers/microsoft-graph.ts';
import { notion } from '../../src/providers/notion.ts';
import { trello } from '../../src/providers/trello.ts';
import { twitch } from '../../src/providers/twitch.ts';
import { x } from '../../src/providers/x.ts';
import { zoom } from '../../src/providers/zoom.ts';
import { createReceiver } from '../../src/receiver/index.ts';
import type { ReceiverOptions, SourceOptions } from '../../src/receiver/index.ts';
import { serve } from '../support/ports.ts';
import type { TestServer } from '../support/ports.ts';
import { certificateOf, ed25519Keys, rawPublicKey, rsaKeys } from '../support/provider-keys.ts';

const servers: TestServer[] = [];
const secret = 'the secret of the source';
const hmac = (key: string, content: string, encoding: 'hex' | 'base64' = 'hex') =>
  createHmac('sha256', key).update(content).digest(encoding);
const nowSeconds = () => Math.floor(Date.now() / 1_000);

afterEach(async () => {
  for (const server of servers.splice(0)) await server.close();
});

/** A source of the row, and how it answers. `handled` are the types of the events that handlers saw. */
async function source(row: Provider, options: Omit<ReceiverOptions, 'dedupe'> & SourceOptions = {}) {
  const handled: string[] = [];
  const { dedupe: _, ...shared } = options;
  const receiver = createReceiver({ onRejected: () => {}, onError: () => {}, ...shared });
  receiver
    .source('source', row, { secrets: secret, ...options })
    .on('*', ({ type }) => void handled.push(type));
  const listener = toNode(receiver);
  const server = await serve((request, response) => void listener(request, response));
  servers.push(server);
  const ask = async (query: string, init: RequestInit = {}) => {
    const answer = await fetch(`${server.url}/source${query}`, init);
    return { status: answer.status, text: await answer.text(), headers: answer.headers };
  };
  const post = (body: string, headers: Record<string, string> = {}) =>
    ask('', { method: 'POST', body, headers });
  return { ask, post, handled };
}

describe('a challenge in a body that is signed', () => {
  it('Zoom', async () => {
    const { post, handled } = await source(zoom);
    const body = JSON.stringify({ event: 'endpoint.url_validation', payload: { plainToken: 'qgg8vlvZRS6' } });
    const signed = (key: string) => ({
      'x-zm-request-timestamp': String(nowSeconds()),
      'x-zm-signature': `v0=${hmac(key, `v0:${nowSeconds()}:${body}`)}`,
    });
    const answer = await post(body, signed(secret));
    expect([answer.status, JSON.parse(answer.text)]).toEqual([
      200,
      { plainToken: 'qgg8vlvZRS6', encryptedToken: hmac(secret, 'qgg8vlvZRS6') },
    ]);
    expect((await post(body, signed('another'))).status).toBe(401);
    expect(handled).toEqual([]);
  });

  it('Twitch', async () => {
    const { post, handled } = await source(twitch);
    const body = JSON.stringify({
      challenge: 'pogchamp-kappa-360noscope',
      subscription: { type: 'channel.follow' },
    });
    const timestamp = new Date().toISOString();
    const answer = await post(body, {
      'twitch-eventsub-message-id': 'message-1',
      'twitch-eventsub-message-timestamp': timestamp,
      'twitch-eventsub-message-type': 'webhook_callback_verification',
      'twitch-eventsub-message-signature': `sha256=${hmac(secret, `message-1${timestamp}${body}`)}`,
    });
    expect([answer.status, answer.text, handled]).toEqual([200, 'pogchamp-kappa-360noscope', []]);
  });

  it('Discord, which also sends signatures that are wrong', async () => {
    const { post, handled } = await source(discord, { secrets: rawPublicKey(ed25519Keys).toString('hex') });
    const body = '{"type":1}';
    const timestamp = String(nowSeconds());
    const signature = sign(null, Buffer.from(timestamp + body), ed25519Keys.privateKey).toString('hex');
    const headers = { 'x-signature-timestamp': timestamp, 'x-signature-ed25519': signature };
    const answer = await post(body, headers);
    expect([answer.status, answer.text]).toEqual([200, '{"type":1}']);
    for (const wrong of ['0'.repeat(128), 'nonsense']) {
      expect((await post(body, { ...headers, 'x-signature-ed25519': wrong })).status).toBe(401);
    }
    expect(handled).toEqual([]);
  });

  it('Azure Event Grid, by its token in the query', async () => {
    const { ask, handled } = await source(azureEventGrid);
    const body = JSON.stringify([{ id: '1', eventType: 'x', data: { validationCode: '512d38b6' } }]);
    const headers = { 'aeg-event-type': 'SubscriptionValidation' };
    const query = `?code=${encodeURIComponent(secret)}`;
    const answer = await ask(query, { method: 'POST', body, headers });
    expect([answer.status, answer.text]).toEqual([200, '{"validationResponse":"512d38b6"}']);
    expect((await ask('?code=wrong', { method: 'POST', body, headers })).status).toBe(401);
    expect(handled).toEqual([]);
  });
});

describe('a question in the query', () => {
  it('Meta, to who knows the word', async () => {
    const { ask } = await source(meta, { settings: { verifyToken: 'the word' } });
    const query = (word: string) =>
      `?hub.mode=subscribe&hub.challenge=1158201444&hub.verify_token=${encodeURIComponent(word)}`;
    const answer = await ask(query('the word'));
    expect([answer.status, answer.text]).toEqual([200, '1158201444']);
    expect(answer.headers.get('content-type')).toMatch(/^text\/plain/);
    expect(await ask(query('a guess'))).toMatchObject({ status: 405, text: '' });
  });

  it('X, with the MAC of its token', async () => {
    const { ask } = await source(x);
    const answer = await ask('?crc_token=9c2b5a');
    expect([answer.status, JSON.parse(answer.text)]).toEqual([
      200,
      { response_token: `sha256=${hmac(secret, '9c2b5a', 'base64')}` },
    ]);
  });

  it('Dropbox', async () => {
    const { ask } = await source(dropbox);
    const answer = await ask('?challenge=abc%20def');
    expect([answer.status, answer.text]).toEqual([200, 'abc def']);
    expect(answer.headers.get('x-content-type-options')).toBe('nosniff');
  });

  it('Microsoft Graph, by POST', async () => {
    const { ask, handled } = await source(microsoftGraph);
    const answer = await ask('?validationToken=Validation%3A%20a%2Bb', { method: 'POST' });
    expect([answer.status, answer.text, handled]).toEqual([200, 'Validation: a+b', []]);
  });
});

describe('a question by another method', () => {
  it('CloudEvents, by OPTIONS', async () => {
    const { ask } = await source(azureEventGrid);
    const headers = { 'webhook-request-origin': 'eventgrid.azure.net', 'webhook-request-rate': '120' };
    const answer = await ask(`?code=${encodeURIComponent(secret)}`, { method: 'OPTIONS', headers });
    expect(answer.status).toBe(200);
    expect(answer.headers.get('webhook-allowed-origin')).toBe('eventgrid.azure.net');
    expect(answer.headers.get('webhook-allowed-rate')).toBe('120');
    expect((await ask('', { method: 'OPTIONS', headers })).status).toBe(401);
  });

  it('Trello, by HEAD', async () => {
    const { ask } = await source(trello);
    expect(await ask('', { method: 'HEAD' })).toMatchObject({ status: 200, text: '' });
  });
});

describe('a secret that is told', () => {
  it.each([
    { row: asana, headers: { 'x-hook-secret': 'told' }, body: '', header: 'x-hook-signature', prefix: '' },
    {
      row: notion,
      headers: {},
      body: '{"verification_token":"told"}',
      header: 'x-notion-signature',
      prefix: 'sha256=',
    },
  ])('by $row.title is kept, and verifies what comes', async ({ row, headers, body, header, prefix }) => {
    const kept: string[] = [];
    const secretStore = {
      load: async () => kept,
      save: async (_source: string, told: string) => void kept.unshift(told),
    };
    const { post, handled } = await source(row, { secrets: undefined, secretStore });
    const answer = await post(body, headers);
    expect(answer.status).toBe(200);
    expect(answer.headers.get('x-hook-secret')).toBe(row === asana ? 'told' : null);
    expect(kept).toEqual(['told']);

    const event = JSON.stringify({ type: 'page.created', events: [{ action: 'added' }] });
    const signed = (key: string) => ({ [header]: prefix + hmac(key, event) });
    expect((await post(event, signed('told'))).status).toBe(200);
    expect((await post(event, signed('another'))).status).toBe(401);
    expect(handled).toHaveLength(1);

    const planted = await post(
      body.replace('told', 'planted'),
      row === asana ? { 'x-hook-secret': 'planted' } : {},
    );
    expect([planted.status, kept]).toEqual([401, ['told']]);
  });
});

describe('Amazon SNS', () => {
  const topicArn = 'arn:aws:sns:us-west-2:123456789012:MyTopic';
  const subscribeUrl = 'https://sns.us-west-2.amazonaws.com/?Action=ConfirmSubscription&Token=2336412f37';

  function confirmation(url: string): string {
    const message = {
      Type: 'SubscriptionConfirmation',
      MessageId: '165545c9',
      Token: '2336412f37',
      TopicArn: topicArn,
      Message: 'You have chosen to subscribe',
      SubscribeURL: url,
      Timestamp: new Date().toISOString(),
      SignatureVersion: '2',
      SigningCertURL: 'https://sns.us-west-2.amazonaws.com/SimpleNotificationService-x.pem',
    };
    const names = ['Message', 'MessageId', 'SubscribeURL', 'Timestamp', 'Token', 'TopicArn', 'Type'] as const;
    const content = names.map((name) => `${name}\n${message[name]}\n`).join('');
    const signature = createSign('sha256').update(content).sign(rsaKeys.privateKey, 'base64');
    return JSON.stringify({ ...message, Signature: signature });
  }

  async function topic() {
    const confirmed: string[] = [];
    const asked = await source(awsSns, {
      secrets: undefined,
      settings: { topicArn },
      fetchText: async () => certificateOf(rsaKeys),
      async fetch(url) {
        confirmed.push(url);
        return new Response();
      },
    });
    return { ...asked, confirmed };
  }

  it('has its subscription confirmed, once it is verified', async () => {
    const { post, confirmed, handled } = await topic();
    const answer = await post(confirmation(subscribeUrl), { 'content-type': 'text/plain; charset=UTF-8' });
    expect([answer.status, confirmed, handled]).toEqual([200, [subscribeUrl], []]);
    const forged = confirmation(subscribeUrl).replace('165545c9', '165545c8');
    expect((await post(forged)).status).toBe(401);
    expect(confirmed).toHaveLength(1);
  });

  it.each([
    'https://sns.us-west-2.amazonaws.com.example.com/?Token=1',
    'https://example.com/sns.us-west-2.amazonaws.com',
    'http://sns.us-west-2.amazonaws.com/?Token=1',
    'https://127.0.0.1/?Token=1',
  ])('has nothing fetched elsewhere: %s', async (url) => {
    const { post, confirmed } = await topic();
    await post(confirmation(url));
    expect(confirmed).toEqual([]);
  });
});
