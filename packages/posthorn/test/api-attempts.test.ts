// Attempts and the standing of deliveries, as the official client and raw requests see them.
import { randomBytes } from 'node:crypto';
import { ApiException } from 'svix';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { createIdSource } from '../src/lib/ids.ts';
import type { DeliveryState } from '../src/store/tables.ts';
import { refusedPlaces, request, startTestApi } from './support/api.ts';
import type { TestApi } from './support/api.ts';
import { insertAttempt, insertDelivery } from './support/delivery-rows.ts';
import type { DeliveryKey } from './support/delivery-rows.ts';

let test: TestApi;
let app: string;
let endpoint: string;

beforeAll(async () => {
  test = await startTestApi();
});
afterAll(() => test.stop());
beforeEach(async () => {
  app = (await test.client.application.create({ name: 'Acme' })).id;
  endpoint = await newEndpoint();
});

async function newEndpoint(uid?: string): Promise<string> {
  const url = 'http://127.0.0.1:9/hook';
  return (await test.client.endpoint.create(app, { url, ...(uid === undefined ? {} : { uid }) })).id;
}

async function newMessage(more: object = {}): Promise<string> {
  return (await test.client.message.create(app, { eventType: 'a', payload: { a: 1 }, ...more })).id;
}

const key = (messageId: string, endpointId = endpoint): DeliveryKey => ({
  applicationId: app,
  messageId,
  endpointId,
});
const get = (path: string) => request(test, 'GET', `/api/v1/app/${app}${path}`);
const idsOf = ({ data }: { data: { id: string }[] }) => data.map(({ id }) => id);
const listIds = async (path: string) => idsOf((await get(path)).body as { data: { id: string }[] });

describe('one attempt', () => {
  it('shows the answer of the endpoint', async () => {
    const message = await newMessage();
    const started = new Date('2026-01-02T03:04:05.678Z');
    const id = await insertAttempt(test, key(message), { trigger: 'manual', started_at: started });
    expect(await test.client.messageAttempt.get(app, message, id)).toMatchObject({
      id,
      msgId: message,
      endpointId: endpoint,
      url: 'http://127.0.0.1:9/hook',
      response: 'ok',
      responseStatusCode: 200,
      responseDurationMs: 12,
      status: 0,
      statusText: 'success',
      triggerType: 1,
      timestamp: started,
    });
    expect((await get(`/msg/${message}/attempt/${id}`)).body).toMatchObject({
      outcome: 'accepted',
      reason: null,
      detail: null,
      responseHeaders: { 'content-type': 'text/plain' },
      responseTruncated: false,
    });
  });

  it('shows why there was no answer', async () => {
    const message = await newMessage();
    const id = await insertAttempt(test, key(message), {
      outcome: 'unreachable',
      reason: 'timeout',
      detail: 'no answer within 20 s',
      response_status: null,
      response_headers: null,
      response_body: null,
    });
    expect((await get(`/msg/${message}/attempt/${id}`)).body).toMatchObject({
      response: 'no answer within 20 s',
      responseStatusCode: 0,
      status: 2,
      statusText: 'fail',
      triggerType: 0,
      outcome: 'unreachable',
      reason: 'timeout',
      detail: 'no answer within 20 s',
      responseHeaders: null,
    });
  });

  it.each([
    ['text', Buffer.from('é𝄞\u0000'), false, 'é𝄞\u0000'],
    ['other bytes as base64', Buffer.from([0xff, 0x00]), false, '/wA='],
    ['text that was cut inside a character', Buffer.from('ok𝄞').subarray(0, 5), true, 'ok'],
    ['half a character as base64 when nothing was cut', Buffer.from('ok𝄞').subarray(0, 5), false, 'b2vwnYQ='],
    ['nothing', Buffer.alloc(0), false, ''],
  ])('shows the body of the answer: %s', async (_, body, truncated, shown) => {
    const message = await newMessage();
    const answer = { outcome: 'rejected', response_status: 500, response_body: body } as const;
    const id = await insertAttempt(test, key(message), { ...answer, response_truncated: truncated });
    const attempt = (await get(`/msg/${message}/attempt/${id}`)).body;
    expect(attempt).toMatchObject({ response: shown, responseTruncated: truncated, status: 2 });
  });

  it('is found by the message’s eventId, and only under its own message and application', async () => {
    const message = await newMessage({ eventId: 'order-1' });
    const id = await insertAttempt(test, key(message));
    expect((await test.client.messageAttempt.get(app, 'order-1', id)).id).toBe(id);
    const other = await newMessage();
    expect((await get(`/msg/${other}/attempt/${id}`)).status).toBe(404);
    expect((await get(`/msg/${message}/attempt/atmpt_none`)).status).toBe(404);
    const elsewhere = await test.client.application.create({ name: 'Other' });
    const path = `/api/v1/app/${elsewhere.id}/msg/${message}/attempt/${id}`;
    expect((await request(test, 'GET', path)).status).toBe(404);
    expect((await request(test, 'DELETE', `${path}/content`)).status).toBe(404);
  });

  it('keeps its record when the answer is deleted', async () => {
    const message = await newMessage();
    const id = await insertAttempt(test, key(message));
    await test.client.messageAttempt.expungeContent(app, message, id);
    await test.client.messageAttempt.expungeContent(app, message, id);
    const attempt = (await get(`/msg/${message}/attempt/${id}`)).body;
    expect(attempt).toMatchObject({ response: 'EXPUNGED', responseHeaders: null, responseStatusCode: 200 });
    const cut = await insertAttempt(test, key(message), {
      outcome: 'unreachable',
      detail: 'the answer broke off',
      response_body: Buffer.from('half'),
    });
    await test.client.messageAttempt.expungeContent(app, message, cut);
    expect((await get(`/msg/${message}/attempt/${cut}`)).body.response).toBe('EXPUNGED');
    await expect(test.client.messageAttempt.expungeContent(app, message, 'atmpt_none')).rejects.toThrow(
      ApiException,
    );
  });
});

describe('lists of attempts', () => {
  it('go newest first and both ways, by message and by endpoint', async () => {
    const message = await newMessage();
    const ids: string[] = [];
    for (let i = 0; i < 5; i += 1) ids.unshift(await insertAttempt(test, key(message)));
    await insertAttempt(test, key(await newMessage(), await newEndpoint()));
    const { messageAttempt } = test.client;
    type Walk = (iterator?: string | null) => ReturnType<typeof messageAttempt.listByMsg>;
    const byMessage: Walk = (iterator) =>
      messageAttempt.listByMsg(app, message, { limit: 2, iterator: iterator ?? null });
    const byEndpoint: Walk = (iterator) =>
      messageAttempt.listByEndpoint(app, endpoint, { limit: 2, iterator: iterator ?? null });
    for (const walk of [byMessage, byEndpoint]) {
      const first = await walk();
      const second = await walk(first.iterator);
      const third = await walk(second.iterator);
      expect([first, second, third].map(idsOf)).toEqual([ids.slice(0, 2), ids.slice(2, 4), ids.slice(4)]);
      expect([first.done, second.done, third.done]).toEqual([false, false, true]);
      const back = await walk(third.prevIterator);
      const start = await walk(back.prevIterator);
      expect([back, start].map(idsOf)).toEqual([second, first].map(idsOf));
      expect(start.done).toBe(true);
    }
  });

  it('show the answers only with content, and the message when asked', async () => {
    const message = await newMessage({ eventId: 'order-2', tags: ['t'] });
    await insertAttempt(test, key(message));
    const [bare] = (await test.client.messageAttempt.listByMsg(app, message)).data;
    expect(bare?.response).toBe('');
    const raw = (await get(`/attempt/msg/${message}?with_content=false`)).body.data as object[];
    expect(raw[0]).toMatchObject({ response: '', responseHeaders: null });
    const [full] = (await test.client.messageAttempt.listByMsg(app, message, { withContent: true })).data;
    expect(full?.response).toBe('ok');
    expect(full?.msg).toBeUndefined();
    const { data } = await test.client.messageAttempt.listByEndpoint(app, endpoint, { withMsg: true });
    expect(data[0]?.msg).toMatchObject({
      id: message,
      eventId: 'order-2',
      eventType: 'a',
      tags: ['t'],
      payload: {},
    });
  });

  it('filter by status and class of status code', async () => {
    const message = await newMessage();
    const add = (outcome: 'accepted' | 'rejected' | 'unreachable', status: number | null) =>
      insertAttempt(test, key(message), { outcome, response_status: status });
    const none = await add('unreachable', null);
    const moved = await add('rejected', 302);
    const failed = await add('rejected', 500);
    const odd = await add('rejected', 599);
    const good = await add('accepted', 204);
    const list = (query: string) => listIds(`/attempt/endpoint/${endpoint}?${query}`);
    expect(await list('status=0')).toEqual([good]);
    expect(await list('status=2')).toEqual([odd, failed, moved, none]);
    for (const status of [1, 3, 4]) expect(await list(`status=${status}`)).toEqual([]);
    expect(await list('status_code_class=0')).toEqual([none]);
    expect(await list('status_code_class=100')).toEqual([]);
    expect(await list('status_code_class=200')).toEqual([good]);
    expect(await list('status_code_class=300')).toEqual([moved]);
    expect(await list('status_code_class=500')).toEqual([odd, failed]);
    expect(await list('status=2&status_code_class=500')).toEqual([odd, failed]);
    expect(await list('status=0&status_code_class=500')).toEqual([]);
  });

  it('filter by the message and the endpoint', async () => {
    const other = await newEndpoint('second');
    const a = await newMessage({ channels: ['x'], tags: ['t'] });
    const b = await newMessage({ eventType: 'b' });
    const ofA = await insertAttempt(test, key(a));
    const ofB = await insertAttempt(test, key(b));
    const ofAToOther = await insertAttempt(test, key(a, other));
    const list = (query: string) => listIds(`/attempt/endpoint/${endpoint}?${query}`);
    expect(await list('channel=x')).toEqual([ofA]);
    expect(await list('tag=t')).toEqual([ofA]);
    expect(await list('event_types=b')).toEqual([ofB]);
    expect(await list('event_types=a,b')).toEqual([ofB, ofA]);
    expect(await list('event_types=b&channel=x')).toEqual([]);
    expect(await listIds(`/attempt/msg/${a}`)).toEqual([ofAToOther, ofA]);
    expect(await listIds(`/attempt/msg/${a}?endpoint_id=second`)).toEqual([ofAToOther]);
    expect(await listIds(`/attempt/msg/${a}?endpoint_id=${endpoint}`)).toEqual([ofA]);
    expect((await get(`/attempt/msg/${a}?endpoint_id=nobody`)).status).toBe(404);
  });

  it('filter by time', async () => {
    const message = await newMessage();
    const times = ['2026-01-01T00:00:00.000Z', '2026-01-02T00:00:00.000Z', '2026-01-03T00:00:00.000Z'];
    const ids: string[] = [];
    for (const time of times) {
      // An attempt's id is made when it ends.
      const ended = createIdSource(() => Date.parse(time) + 20_000, randomBytes)('atmpt_');
      ids.push(await insertAttempt(test, key(message), { id: ended, started_at: new Date(time) }));
    }
    const list = (query: string) => listIds(`/attempt/msg/${message}?${query}`);
    expect(await list(`before=${times[2]}`)).toEqual([ids[1], ids[0]]);
    expect(await list(`after=${times[0]}`)).toEqual([ids[2], ids[1]]);
    expect(await list(`after=${times[0]}&before=${times[2]}`)).toEqual([ids[1]]);
    expect(await list(`before=${times[0]}`)).toEqual([]);
    expect(await list('after=1960-01-01T00:00:00Z')).toHaveLength(3);
  });

  it.each(['status=5', 'status_code_class=404', 'limit=0', 'iterator=x', 'with_msg=maybe'])(
    'refuse %s with the place',
    async (query) => {
      const answer = await get(`/attempt/endpoint/${endpoint}?${query}`);
      expect(answer.status).toBe(422);
      expect(refusedPlaces(answer)).toEqual([['query', query.split('=')[0]]]);
    },
  );

  it('answer 404 to another environment and for what another application has', async () => {
    const message = await newMessage();
    await insertAttempt(test, key(message));
    const paths = [
      `/attempt/msg/${message}`,
      `/attempt/endpoint/${endpoint}`,
      `/endpoint/${endpoint}/msg`,
      `/msg/${message}/endpoint`,
    ];
    const stranger = { ...(await test.makeStranger()), url: test.url };
    const elsewhere = await test.client.application.create({ name: 'Other' });
    for (const path of paths) {
      expect((await get(path)).status, path).toBe(200);
      expect((await request(stranger, 'GET', `/api/v1/app/${app}${path}`)).status, path).toBe(404);
      expect((await request(test, 'GET', `/api/v1/app/${elsewhere.id}${path}`)).status, path).toBe(404);
    }
  });
});

const standings: [DeliveryState, number, string][] = [
  ['pending', 1, 'pending'],
  ['delivering', 3, 'sending'],
  ['retrying', 3, 'sending'],
  ['succeeded', 0, 'success'],
  ['exhausted', 2, 'fail'],
  ['cancelled', 4, 'canceled'],
];

describe('messages of an endpoint', () => {
  it('show the standing of each delivery', async () => {
    const rows = new Map<string, [DeliveryState, number, string]>();
    for (const standing of standings) {
      const message = await newMessage();
      await insertDelivery(test, key(message), standing[0], { nextInMs: 60_000 });
      rows.set(message, standing);
    }
    const { data } = await test.client.messageAttempt.listAttemptedMessages(app, endpoint);
    expect(data.map(({ id }) => id)).toEqual([...rows.keys()].toReversed());
    for (const item of data) {
      const [state, status, statusText] = rows.get(item.id)!;
      expect(item).toMatchObject({ status, statusText, eventType: 'a', payload: {} });
      const waits = state === 'pending' || state === 'retrying';
      expect((item.nextAttempt?.getTime() ?? 0) > Date.now(), state).toBe(waits);
      const filtered = await listIds(`/endpoint/${endpoint}/msg?status=${status}`);
      expect(filtered).toContain(item.id);
      expect(filtered.length).toBe(standings.filter((one) => one[1] === status).length);
    }
    const list = await get(`/endpoint/${endpoint}/msg?expanded_statuses=false&status=4`);
    expect((list.body.data as object[])[0]).toMatchObject({ status: 0, statusText: 'success' });
  });

  it('come with their exact content when asked', async () => {
    const payload = '{"n":12345678901234567890}';
    const body = `{"eventType":"a","payload":${payload}}`;
    const { id } = (await request(test, 'POST', `/api/v1/app/${app}/msg`, body)).body;
    await insertDelivery(test, key(String(id)), 'succeeded');
    expect((await get(`/endpoint/${endpoint}/msg`)).text).toContain(`"payload":${payload}`);
    expect((await get(`/endpoint/${endpoint}/msg?with_content=false`)).text).toContain('"payload":{}');
  });

  it('filter and walk both ways', async () => {
    const ids: string[] = [];
    for (let i = 0; i < 5; i += 1) {
      const message = await newMessage({ eventType: `type.${i % 2}`, channels: [`c${i}`], tags: [`t${i}`] });
      await insertDelivery(test, key(message), 'succeeded');
      ids.unshift(message);
    }
    await newMessage();
    const walk = (iterator?: string | null) =>
      test.client.messageAttempt.listAttemptedMessages(app, endpoint, {
        limit: 2,
        iterator: iterator ?? null,
      });
    const first = await walk();
    const second = await walk(first.iterator);
    const third = await walk(second.iterator);
    expect([first, second, third].map(idsOf)).toEqual([ids.slice(0, 2), ids.slice(2, 4), ids.slice(4)]);
    const back = await walk(third.prevIterator);
    expect([back, await walk(back.prevIterator)].map(idsOf)).toEqual([second, first].map(idsOf));
    const list = (query: string) => listIds(`/endpoint/${endpoint}/msg?${query}`);
    expect(await list('event_types=type.1')).toEqual([ids[1], ids[3]]);
    expect(await list('channel=c0')).toEqual([ids[4]]);
    expect(await list('tag=t4')).toEqual([ids[0]]);
    expect(await list('before=2020-01-01T00:00:00Z')).toEqual([]);
    expect(await list('after=2020-01-01T00:00:00%2B02:00&limit=1')).toEqual([ids[0]]);
  });
});

describe('endpoints of a message', () => {
  it('show the endpoint with the standing of its delivery, and walk both ways', async () => {
    const message = await newMessage();
    const endpoints = [endpoint];
    for (let i = 1; i < standings.length; i += 1) endpoints.push(await newEndpoint(`uid-${i}`));
    for (const [i, [state]] of standings.entries()) {
      await insertDelivery(test, key(message, endpoints[i]), state, { nextInMs: 60_000 });
    }
    await newEndpoint('not-meant');
    const walk = (iterator?: string | null, limit = 4) =>
      test.client.messageAttempt.listAttemptedDestinations(app, message, {
        limit,
        iterator: iterator ?? null,
      });
    const all = await walk(null, 50);
    expect(idsOf(all)).toEqual(endpoints);
    for (const [i, [state, status, statusText]] of standings.entries()) {
      expect(all.data[i]).toMatchObject({
        status,
        statusText,
        url: 'http://127.0.0.1:9/hook',
        disabled: false,
      });
      expect(all.data[i]?.uid ?? undefined).toBe(i === 0 ? undefined : `uid-${i}`);
      const waits = state === 'pending' || state === 'retrying';
      expect((all.data[i]?.nextAttempt?.getTime() ?? 0) > Date.now(), state).toBe(waits);
    }
    const first = await walk();
    const second = await walk(first.iterator);
    expect([first, second].map(idsOf)).toEqual([endpoints.slice(0, 4), endpoints.slice(4)]);
    expect([first.done, second.done]).toEqual([false, true]);
    expect(idsOf(await walk(second.prevIterator))).toEqual(endpoints.slice(0, 4));
    await test.client.endpoint.delete(app, endpoint);
    expect(idsOf(await walk(null, 50))).toEqual(endpoints.slice(1));
  });
});
