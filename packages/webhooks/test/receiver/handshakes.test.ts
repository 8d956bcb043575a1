// Handshakes: answered before any handler, and told secrets kept, over real HTTP.
import { createHmac } from 'node:crypto';
import { afterEach, describe, expect, it } from 'vitest';
import { toNode } from '../../src/adapters/node.ts';
import { echoField } from '../../src/provider/handshakes.ts';
import type { Handshake, HandshakeAnswer, Provider } from '../../src/provider/provider.ts';
import { github } from '../../src/providers/github.ts';
import { slack } from '../../src/providers/slack.ts';
import { createReceiver, websub } from '../../src/receiver/index.ts';
import type {
  ReceiverOptions,
  RejectedRequest,
  SecretStore,
  SourceOptions,
} from '../../src/receiver/index.ts';
import { deferred } from '../support/deferred.ts';
import { serve } from '../support/ports.ts';
import type { TestServer } from '../support/ports.ts';
import { githubRequest, githubSecret, post, slackRequest } from '../support/signed-requests.ts';

const servers: TestServer[] = [];

afterEach(async () => {
  for (const server of servers.splice(0)) await server.close();
});

async function served(provider: Provider, options: Omit<ReceiverOptions, 'dedupe'> & SourceOptions = {}) {
  const rejected: RejectedRequest[] = [];
  const errors: unknown[] = [];
  const handled: string[] = [];
  const { dedupe: _, ...shared } = options;
  const receiver = createReceiver({
    onRejected: (each) => rejected.push(each),
    onError: (error) => errors.push(error),
    ...shared,
  });
  const source = receiver.source('source', provider, { secrets: githubSecret, ...options });
  source.on('*', ({ type }) => void handled.push(type));
  const listener = toNode(receiver);
  const server = await serve((request, response) => void listener(request, response));
  servers.push(server);
  return { url: `${server.url}/source`, rejected, errors, handled };
}

const withHandshake = (handshake: Handshake): Provider => ({ ...github, handshakes: [handshake] });

/** A handshake that a POST with `x-hello` asks for. */
function hello(answer: Partial<HandshakeAnswer>, on: Handshake['on'] = 'unverified'): Provider {
  return withHandshake({
    on,
    async answer(request) {
      if (request.header('x-hello') === undefined) return undefined;
      return { status: 200, headers: {}, body: '', ...answer };
    },
  });
}

const askHello = (value = 'hello') => ({ headers: { 'x-hello': value }, body: '' });

describe('a question that is signed', () => {
  const secret = 'slack-signing-secret';
  const question = { type: 'url_verification', challenge: '3eZbrw1aB' };

  it('is answered before the handlers (Slack)', async () => {
    const { url, handled } = await served(slack, { secrets: secret });
    const answer = await post(url, slackRequest(question, secret));
    expect([answer.status, answer.headers.get('content-type'), await answer.json()]).toEqual([
      200,
      'application/json',
      { challenge: '3eZbrw1aB' },
    ]);
    expect(handled).toEqual([]);
  });

  it('is not answered without its signature', async () => {
    const { url } = await served(slack, { secrets: secret });
    const answer = await post(url, slackRequest(question, 'another secret'));
    expect([answer.status, await answer.text()]).toEqual([401, '']);
  });

  it('may come by another method than events', async () => {
    const row = withHandshake(echoField({ method: 'PUT', field: 'body:challenge' }));
    const { url } = await served(row);
    const { headers, body } = githubRequest({ challenge: 'echo me' });
    const answer = await fetch(url, { method: 'PUT', headers, body });
    expect([answer.status, await answer.text()]).toEqual([200, 'echo me']);
    const event = githubRequest({ action: 'opened' });
    expect((await fetch(url, { method: 'PUT', headers: event.headers, body: event.body })).status).toBe(405);
  });
});

describe('a question before there is a signature', () => {
  it.each(['GET', 'HEAD', 'OPTIONS'])('is answered by %s', async (method) => {
    const row = withHandshake({
      on: 'unverified',
      async answer(request) {
        if (request.method !== method) return undefined;
        return {
          status: 200,
          headers: { 'webhook-allowed-origin': 'asked' },
          body: request.value('query:q') ?? '',
        };
      },
    });
    const { url } = await served(row);
    const answer = await fetch(`${url}?q=challenge`, { method });
    expect([answer.status, answer.headers.get('webhook-allowed-origin')]).toEqual([200, 'asked']);
    expect(await answer.text()).toBe(method === 'HEAD' ? '' : 'challenge');
  });

  it('may be answered without a body', async () => {
    const { url } = await served(hello({ status: 204, body: 'never sent' }));
    expect((await post(url, askHello())).status).toBe(204);
  });

  it('is answered with the secrets and settings of the source', async () => {
    const row = withHandshake({
      on: 'unverified',
      answer: async (_request, { secrets, settings }) => ({
        status: 200,
        headers: {},
        body: JSON.stringify({ secrets, settings }),
      }),
    });
    const { url } = await served(row, { secrets: ['new', 'old'], settings: { verifyToken: 'token' } });
    expect(await (await fetch(url)).json()).toEqual({
      secrets: ['new', 'old'],
      settings: { verifyToken: 'token' },
    });
  });

  it('leaves every other request to verification', async () => {
    const { url, handled } = await served(hello({}));
    expect((await post(url, githubRequest({ action: 'opened' }, { event: 'issues' }))).status).toBe(204);
    expect(handled).toEqual(['issues.opened']);
    expect((await fetch(url)).status).toBe(405);
  });

  it('that throws is asked again, and told', async () => {
    const row = withHandshake({ on: 'unverified', answer: () => Promise.reject(new Error('broken row')) });
    const { url, errors } = await served(row);
    expect((await post(url, askHello())).status).toBe(503);
    expect(errors).toEqual([new Error('broken row')]);
  });
});

describe('a secret that a handshake tells', () => {
  const teacher = (): Provider =>
    withHandshake({
      on: 'unverified',
      async answer(request) {
        const learned = request.header('x-hook-secret');
        return learned === undefined
          ? undefined
          : { status: 200, headers: { 'x-hook-secret': learned }, body: '', learned };
      },
    });
  const tell = (secret: string) => ({ headers: { 'x-hook-secret': secret }, body: '' });

  function memorySecrets(): SecretStore & { saved: Map<string, string[]> } {
    const saved = new Map<string, string[]>();
    return {
      saved,
      load: async (source) => saved.get(source) ?? [],
      async save(source, secret) {
        saved.set(source, [secret, ...(saved.get(source) ?? [])]);
      },
    };
  }

  it('is kept, and verifies what comes next', async () => {
    const secretStore = memorySecrets();
    const { url, handled } = await served(teacher(), { secrets: undefined, secretStore });
    const event = githubRequest({ action: 'opened' }, { event: 'issues', secret: 'told' });
    expect((await post(url, event)).status).toBe(500);
    const answer = await post(url, tell('told'));
    expect([answer.status, answer.headers.get('x-hook-secret')]).toEqual([200, 'told']);
    expect(secretStore.saved).toEqual(new Map([['source', ['told']]]));
    expect((await post(url, event)).status).toBe(204);
    expect(handled).toEqual(['issues.opened']);
  });

  it('is believed once: a stranger cannot add another', async () => {
    const secretStore = memorySecrets();
    const { url, rejected } = await served(teacher(), { secrets: undefined, secretStore });
    for (const [secret, status] of [
      ['told', 200],
      ['planted', 401],
      ['told', 200],
    ] as const) {
      expect((await post(url, tell(secret))).status).toBe(status);
    }
    expect(secretStore.saved.get('source')).toEqual(['told']);
    expect(rejected).toMatchObject([{ reason: 'secret-known' }]);
    expect(JSON.stringify(rejected)).not.toContain('told"');
    const forged = githubRequest({}, { secret: 'planted' });
    expect((await post(url, forged)).status).toBe(401);
  });

  it('is believed once also when several come together', async () => {
    const secrets = memorySecrets();
    const told = ['one', 'two', 'three'];
    const all = deferred();
    let loads = 0;
    // None is known to any of them when they are looked at.
    const load = async (source: string) => {
      loads += 1;
      if (loads === told.length) all.resolve();
      await all.promise;
      return secrets.load(source);
    };
    const secretStore = { ...secrets, load };
    const { url } = await served(teacher(), { secrets: undefined, secretStore });
    const answers = await Promise.all(told.map((secret) => post(url, tell(secret))));
    expect(secrets.saved.get('source')).toHaveLength(1);
    expect(answers.map(({ status }) => status).sort()).toEqual([200, 401, 401]);
  });

  it('is not believed beside one that was given', async () => {
    const secretStore = memorySecrets();
    const { url } = await served(teacher(), { secretStore });
    expect((await post(url, tell('planted'))).status).toBe(401);
    expect(secretStore.saved.size).toBe(0);
  });

  it('needs a place to be kept, and says so', async () => {
    const { url, rejected } = await served(teacher(), { secrets: undefined });
    expect((await post(url, tell('told'))).status).toBe(500);
    expect(rejected).toMatchObject([
      { reason: 'misconfigured', detail: expect.stringContaining('secretStore') },
    ]);
  });

  it('that could not be kept is asked for again', async () => {
    const secretStore: SecretStore = { load: async () => [], save: () => Promise.reject(new Error('full')) };
    const { url, errors } = await served(teacher(), { secrets: undefined, secretStore });
    expect((await post(url, tell('told'))).status).toBe(503);
    expect(errors).toEqual([new Error('full')]);
  });
});

describe('a confirmation that wants a URL fetched', () => {
  const row = hello({ confirmUrl: 'https://sns.eu-west-1.amazonaws.com/?Token=1' }, 'verified');
  const signedHello = () => {
    const { headers, body } = githubRequest({});
    return { headers: { ...headers, 'x-hello': 'confirm' }, body };
  };

  it('is fetched once the request is verified, without redirects', async () => {
    const calls: [string, string][] = [];
    const { url, handled } = await served(row, {
      async fetch(address, { redirect, signal }) {
        expect(signal).toBeInstanceOf(AbortSignal);
        calls.push([address, redirect]);
        return new Response('confirmed');
      },
    });
    expect((await post(url, askHello())).status).toBe(401);
    expect(calls).toEqual([]);
    expect((await post(url, signedHello())).status).toBe(200);
    expect(calls).toEqual([['https://sns.eu-west-1.amazonaws.com/?Token=1', 'error']]);
    expect(handled).toEqual([]);
  });

  it('that fails is asked for again', async () => {
    const { url, errors } = await served(row, { fetch: async () => new Response(null, { status: 403 }) });
    expect((await post(url, signedHello())).status).toBe(503);
    expect(errors).toMatchObject([{ message: expect.stringContaining('403') }]);
  });

  it('is never fetched without TLS', async () => {
    const plain = hello({ confirmUrl: 'http://127.0.0.1/' }, 'verified');
    const { url, errors } = await served(plain, { fetch: () => expect.fail('fetched') });
    expect((await post(url, signedHello())).status).toBe(503);
    expect(errors).toMatchObject([{ message: expect.stringContaining('https') }]);
  });
});

describe('WebSub', () => {
  const topic = 'https://example.com/feed.xml';
  const ask = (url: string, query: Record<string, string>) =>
    fetch(`${url}?${new URLSearchParams(query).toString()}`);
  const intent = { 'hub.topic': topic, 'hub.challenge': 'challenge-1', 'hub.lease_seconds': '864000' };

  it('confirms a topic that is wanted, and the end of one that is not', async () => {
    const { url } = await served(websub({ topics: [topic] }));
    const answer = await ask(url, { ...intent, 'hub.mode': 'subscribe' });
    expect([answer.status, await answer.text()]).toEqual([200, 'challenge-1']);
    expect(answer.headers.get('content-type')).toMatch(/^text\/plain/);
    const other = { ...intent, 'hub.topic': 'https://example.com/other' };
    expect((await ask(url, { ...other, 'hub.mode': 'unsubscribe' })).status).toBe(200);
  });

  it('confirms nothing else', async () => {
    const { url } = await served(websub({ topics: async (asked) => asked === topic }));
    for (const query of [
      { ...intent, 'hub.mode': 'subscribe', 'hub.topic': 'https://example.com/other' },
      { ...intent, 'hub.mode': 'unsubscribe' },
      { ...intent, 'hub.mode': 'publish' },
      { ...intent, 'hub.mode': 'subscribe', 'hub.challenge': '' },
      { ...intent, 'hub.mode': 'subscribe', 'hub.challenge': 'x'.repeat(5_000) },
    ]) {
      const answer = await ask(url, query);
      expect([answer.status, await answer.text()]).toEqual([404, '']);
    }
    expect((await ask(url, { ...intent, 'hub.mode': 'denied', 'hub.reason': 'full' })).status).toBe(200);
    expect((await ask(url, {})).status).toBe(405);
  });

  it.each(['sha256', 'sha384', 'sha512'])('takes content signed with %s', async (method) => {
    const { url, handled } = await served(websub({ topics: [topic] }));
    const body = '<feed/>';
    const signature = createHmac(method, githubSecret).update(body).digest('hex');
    const headers = { 'content-type': 'application/atom+xml', 'x-hub-signature': `${method}=${signature}` };
    expect((await post(url, { headers, body })).status).toBe(204);
    expect((await post(url, { headers, body: '<fees/>' })).status).toBe(401);
    expect(handled).toEqual(['content']);
  });

  it('takes SHA-1 only where it is allowed', async () => {
    const signature = createHmac('sha1', githubSecret).update('<feed/>').digest('hex');
    const request = { headers: { 'x-hub-signature': `sha1=${signature}` }, body: '<feed/>' };
    const strict = await served(websub({ topics: [topic] }));
    expect((await post(strict.url, request)).status).toBe(401);
    const lenient = await served(websub({ topics: [topic], allowSha1: true }));
    expect((await post(lenient.url, request)).status).toBe(204);
  });
});
