// Access tokens against a token server and a receiver on real sockets.
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { OAuth2Auth } from '../src/core/endpoint-auth.ts';
import { AccessTokens, type TokenGrant } from '../src/delivery/access-tokens.ts';
import {
  type AttemptResult,
  createHttpConnector,
  type HttpConnector,
} from '../src/delivery/connectors/http.ts';
import { parseSubnets } from '../src/core/address.ts';
import { systemClock } from '../src/lib/clock.ts';
import { type Answer, type Recorder, startRecorder } from './support/recorder.ts';

const timeoutMs = 60_000;

let tokenServer: Recorder;
let receiver: Recorder;
let connector: HttpConnector;
let skippedMs: number;
let tokens: AccessTokens;

beforeEach(async () => {
  [tokenServer, receiver] = [await startRecorder(), await startRecorder()];
  tokenServer.answer = (_request, count) => tokenAnswer(`token-${count}`);
  connector = createHttpConnector({
    allowSubnets: parseSubnets('127.0.0.0/8').subnets,
    allowHttp: true,
    userAgent: 'Posthorn-Test/1',
    clock: systemClock,
  });
  skippedMs = 0;
  const clock = { ...systemClock, monotonicMs: () => systemClock.monotonicMs() + skippedMs };
  tokens = new AccessTokens({ connector, clock });
});
afterEach(async () => {
  await connector.close();
  await Promise.all([tokenServer.stop(), receiver.stop()]);
});

const json = (status: number, body: unknown): Answer => ({ status, body: JSON.stringify(body) });
const tokenAnswer = (text: string, more: object = { expires_in: 3_600 }): Answer =>
  json(200, { access_token: text, token_type: 'Bearer', ...more });

function grant(more: Partial<OAuth2Auth> = {}, endpointId = 'ep_1', version = '1'): TokenGrant {
  const auth: OAuth2Auth = {
    type: 'oauth2',
    tokenUrl: tokenServer.url,
    clientId: 'a b',
    clientSecret: 'hunter2:%',
    authMethod: 'client_secret_basic',
    ...more,
  };
  return { endpointId, version, auth };
}

function send(by = grant(), deadlineMs = timeoutMs): Promise<AttemptResult> {
  const headers = { 'content-type': 'application/json' };
  const body = Buffer.from('{}');
  return tokens.send({ url: receiver.url, method: 'POST', headers, body, timeoutMs: deadlineMs }, by);
}

const authorizations = () => receiver.requests.map(({ headers }) => headers.authorization);
const accepted = { outcome: { kind: 'accepted', status: 200 } };
const failed = (detail: string | RegExp) => ({
  outcome: { kind: 'unreachable', reason: 'auth', detail: expect.stringMatching(detail) },
});

describe('a token', () => {
  it('is asked for once, and carried by every delivery', async () => {
    for (let i = 0; i < 3; i += 1) expect(await send()).toMatchObject(accepted);
    expect(tokenServer.requests).toHaveLength(1);
    expect(authorizations()).toEqual(['Bearer token-1', 'Bearer token-1', 'Bearer token-1']);
    const [asked] = tokenServer.requests;
    expect(asked!.headers).toMatchObject({
      'content-type': 'application/x-www-form-urlencoded',
      accept: 'application/json',
      authorization: `Basic ${Buffer.from('a+b:hunter2%3A%25').toString('base64')}`,
    });
    expect(asked!.body.toString()).toBe('grant_type=client_credentials');
  });

  it('is asked for in the body where the server wants that, with scopes and audience', async () => {
    const more = { scopes: ['hooks:write', 'b'], audience: 'https://api.test/' };
    await send(grant({ ...more, authMethod: 'client_secret_post' }));
    const [asked] = tokenServer.requests;
    expect(asked!.headers.authorization).toBeUndefined();
    expect(Object.fromEntries(new URLSearchParams(asked!.body.toString()))).toEqual({
      grant_type: 'client_credentials',
      scope: 'hooks:write b',
      audience: 'https://api.test/',
      client_id: 'a b',
      client_secret: 'hunter2:%',
    });
  });

  it('is asked for by one request at a time, however many deliveries wait for it', async () => {
    tokenServer.answer = () => ({ ...tokenAnswer('one'), delayMs: 100 });
    const results = await Promise.all(Array.from({ length: 20 }, () => send()));
    expect(results.every(({ outcome }) => outcome.kind === 'accepted')).toBe(true);
    expect(tokenServer.requests).toHaveLength(1);
  });

  it('is of one endpoint and one setting of it', async () => {
    await send(grant({}, 'ep_1'));
    await send(grant({}, 'ep_2'));
    await send(grant({}, 'ep_1', '2'));
    expect(authorizations()).toEqual(['Bearer token-1', 'Bearer token-2', 'Bearer token-3']);
  });

  it('is asked for again shortly before it expires', async () => {
    await send();
    skippedMs = 3_500_000;
    await send();
    skippedMs = 3_575_000;
    await send();
    expect(authorizations()).toEqual(['Bearer token-1', 'Bearer token-1', 'Bearer token-2']);
  });

  it.each([
    ['that expires at once', { expires_in: 0 }, 0],
    ['whose life is no number', { expires_in: 'soon' }, 0],
    ['whose life is not told', {}, 280_000],
  ])('%s is kept no longer than is safe', async (_name, more, keptMs) => {
    tokenServer.answer = (_request, count) => tokenAnswer(`token-${count}`, more);
    await send();
    if (keptMs > 0) {
      skippedMs = keptMs - 20_000;
      await send();
      expect(tokenServer.requests).toHaveLength(1);
    }
    skippedMs = keptMs;
    await send();
    expect(tokenServer.requests).toHaveLength(2);
  });
});

describe('a receiver that answers 401', () => {
  it('to a kept token gets a new one within the same attempt, once', async () => {
    await send();
    receiver.answer = ({ headers }) => ({ status: headers.authorization === 'Bearer token-2' ? 200 : 401 });
    expect(await send()).toMatchObject(accepted);
    expect(authorizations()).toEqual(['Bearer token-1', 'Bearer token-1', 'Bearer token-2']);
    receiver.answer = () => ({ status: 401 });
    expect(await send()).toMatchObject({ outcome: { kind: 'rejected', status: 401 } });
    expect(authorizations().slice(3)).toEqual(['Bearer token-2', 'Bearer token-3']);
  });

  it('to a new token is believed', async () => {
    receiver.answer = () => ({ status: 401 });
    expect(await send()).toMatchObject({ outcome: { kind: 'rejected', status: 401 } });
    expect(receiver.requests).toHaveLength(1);
    expect(tokenServer.requests).toHaveLength(1);
  });

  it('to many at a time has the token asked for once more', async () => {
    await send();
    receiver.answer = ({ headers }) => ({
      status: headers.authorization === 'Bearer token-2' ? 200 : 401,
      delayMs: 50,
    });
    const results = await Promise.all(Array.from({ length: 10 }, () => send()));
    expect(results.every(({ outcome }) => outcome.kind === 'accepted')).toBe(true);
    expect(tokenServer.requests).toHaveLength(2);
  });
});

describe('a token server that fails', () => {
  const failures: [string, Answer, RegExp][] = [
    [
      'refuses the client',
      json(401, { error: 'invalid_client' }),
      /^the token server answered 401: invalid_client$/,
    ],
    ['repeats the secret', json(400, { error: 'hunter2:% is wrong' }), /^the token server answered 400$/],
    ['answers no JSON', { status: 200, body: 'hello' }, /not a JSON object/],
    ['answers a list', { status: 200, body: '[]' }, /no access_token/],
    ['gives no token', json(200, {}), /no access_token/],
    ['gives a token of another type', json(200, { access_token: 'x', token_type: 'mac' }), /another type/],
    ['gives a token that forges a line', tokenAnswer('a\r\nx-evil: 1'), /cannot be sent/],
    ['gives a token that is too long', tokenAnswer('x'.repeat(9_000)), /longer than 8192/],
    ['answers without end', tokenAnswer('x'.repeat(200_000)), /too large/],
    ['redirects', { status: 302, headers: { location: 'http://127.0.0.1:1/' } }, /answered 302/],
  ];
  it.each(failures)(
    'and %s is the outcome of the attempt, and nothing is sent',
    async (_name, answer, detail) => {
      tokenServer.answer = () => answer;
      const result = await send();
      expect(result).toMatchObject(failed(detail));
      expect(result.responseStatus).toBeUndefined();
      expect(JSON.stringify(result)).not.toContain('hunter2');
      expect(receiver.requests).toEqual([]);
      tokenServer.answer = () => tokenAnswer('better');
      expect(await send()).toMatchObject(accepted);
    },
  );

  it('for a while says when to come again', async () => {
    tokenServer.answer = () => ({ status: 503, headers: { 'retry-after': '17' } });
    expect(await send()).toMatchObject({ ...failed(/503/), retryAfterSeconds: 17 });
  });

  it('slowly ends with the attempt', async () => {
    tokenServer.answer = () => ({ ...tokenAnswer('late'), delayMs: 120_000 });
    const result = await send(grant(), 500);
    expect(result).toMatchObject(failed(/in time/));
    // Without an attempt around it, a token server has 10 s.
    expect(result.durationMs).toBeLessThan(8_000);
  });

  it('is not reached where deliveries may not go, and its address is not told', async () => {
    const result = await send(grant({ tokenUrl: 'http://10.1.2.3/token' }));
    expect(result).toMatchObject(failed(/may not reach/));
    expect(JSON.stringify(result)).not.toContain('10.1.2.3');
  });
});

it('the deadline covers the token and the delivery', async () => {
  const deadlineMs = 60_000;
  tokenServer.answer = () => {
    skippedMs = deadlineMs - 1_000;
    return tokenAnswer('slow');
  };
  receiver.answer = () => ({ status: 200, delayMs: 10 * deadlineMs });
  const result = await send(grant(), deadlineMs);
  expect(result).toMatchObject({ outcome: { kind: 'unreachable', reason: 'timeout' } });
  expect(result.durationMs).toBeGreaterThanOrEqual(deadlineMs - 50);
  // Each with a deadline of its own would take twice as long.
  expect(result.durationMs).toBeLessThan(1.5 * deadlineMs);
});
