// Messages over HTTP: accepted bytes are kept exactly, wrong ones are refused with the place.
import { randomUUID } from 'node:crypto';
import { messageInRaw } from 'svix';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openDatabase } from '../src/store/database.ts';
import { refusedPlaces, request, startTestApi } from './support/api.ts';
import type { TestApi } from './support/api.ts';

let test: TestApi;
let app: string;

beforeAll(async () => {
  test = await startTestApi();
  app = (await test.client.application.create({ name: 'Acme', uid: 'acme' })).id;
});
afterAll(() => test.stop());

const post = (body: unknown, { of = app, headers }: { of?: string; headers?: Record<string, string> } = {}) =>
  request(test, 'POST', `/api/v1/app/${of}/msg`, body, headers);
const get = (path: string) => request(test, 'GET', `/api/v1/app/${app}${path}`);

async function newApplication(): Promise<string> {
  return (await test.client.application.create({ name: 'Other' })).id;
}

async function storedPayload(id: unknown): Promise<string | undefined> {
  const row = await test.db.queries
    .selectFrom('message_body')
    .select('payload')
    .where('message_id', '=', String(id))
    .executeTakeFirst();
  return row?.payload?.toString();
}

async function insertMessage(message: { id: string; applicationId: string; payload: Buffer }): Promise<void> {
  const { id, applicationId, payload } = message;
  await test.db.queries
    .insertInto('message')
    .values({
      id,
      application_id: applicationId,
      event_type: 'large',
      event_id: null,
      channels: null,
      tags: null,
    })
    .execute();
  await test.db.queries
    .insertInto('message_body')
    .values({ application_id: applicationId, message_id: id, payload })
    .execute();
}

describe('creating a message', () => {
  it('answers the official client with the message, without its payload unless asked', async () => {
    const message = {
      eventType: 'user.created',
      eventId: randomUUID(),
      payload: { name: 'Ada' },
      channels: ['vip'],
      tags: ['first tag', 'zwei'],
    };
    const bare = await test.client.message.create(app, message);
    expect(bare).toMatchObject({ ...message, payload: {} });
    expect(bare.id).toMatch(/^msg_[0-9A-Za-z]{22}$/);
    expect(Math.abs(bare.timestamp.getTime() - Date.now())).toBeLessThan(60_000);

    const again = { ...message, eventId: randomUUID() };
    expect(await test.client.message.create(app, again, { withContent: true })).toMatchObject(again);
    expect(await test.client.message.get(app, bare.id)).toEqual(bare);
    expect(await test.client.message.get(app, bare.id, { withContent: true })).toMatchObject(message);
  });

  it('answers 202 with nulls for what was left out', async () => {
    const answer = await post({ eventType: 'a', payload: {} });
    expect(answer.status).toBe(202);
    expect(answer.headers.get('content-type')).toBe('application/json; charset=utf-8');
    expect(answer.body).toEqual({
      id: expect.any(String),
      eventType: 'a',
      eventId: null,
      payload: {},
      channels: null,
      tags: null,
      timestamp: expect.stringMatching(/^\d{4}-\d\d-\d\dT[\d:.]+Z$/),
    });
  });

  it.each([
    ['numbers beyond a double', '{"a":1e400,"b":12345678901234567890,"c":1.0}'],
    ['white space', '{ "a" :\n\t[ 1 ,2 ] }'],
    ['escapes', '{"a":"\\/\\u00e9\\u2028","b":"\u2028é𝄞","c":"\\ud800","d":"\\u0000"}'],
    ['duplicate keys', '{"a":1,"a":2}'],
    ['keys that look like ours', '{"payload":{"payload":1},"data":2,"__proto__":3}'],
  ])('keeps the bytes of the payload: %s', async (_, payload) => {
    const answer = await post(`{"channels":null,"payload" : ${payload} ,"eventType":"a"}`);
    expect(answer.status).toBe(202);
    expect(await storedPayload(answer.body.id)).toBe(payload);
    expect(answer.text).toContain(`"payload":${payload}`);
    expect((await get(`/msg/${String(answer.body.id)}`)).text).toContain(`"payload":${payload}`);
    expect((await get('/msg?limit=1')).text).toContain(`"payload":${payload}`);
  });

  it('takes the last of two payloads, an escaped key, and data as the name of the payload', async () => {
    const last = await post('{"eventType":"a","payload":{"a":1},"\\u0070ayload":{"a":2}}');
    expect(await storedPayload(last.body.id)).toBe('{"a":2}');
    const data = await post('{"eventType":"a","data":{"a":3}}');
    expect(await storedPayload(data.body.id)).toBe('{"a":3}');
  });

  it('delivers a rawPayload as it is, JSON or not', async () => {
    const raw = await test.client.message.create(
      app,
      messageInRaw('a', '<order id="1"/>', 'application/json'),
      {
        withContent: true,
      },
    );
    expect(raw.payload).toBe('<order id="1"/>');
    expect(await storedPayload(raw.id)).toBe('<order id="1"/>');
    const json = await test.client.message.create(app, messageInRaw('a', '[ 1.0 ]'));
    expect(await storedPayload(json.id)).toBe('[ 1.0 ]');
    expect((await test.client.message.get(app, json.id, { withContent: true })).payload).toEqual([1]);
  });

  it('takes the application by its uid and finds the message by its eventId', async () => {
    const eventId = 'order/42 ü?&%2F';
    const made = await test.client.message.create('acme', { eventType: 'a', eventId, payload: {} });
    expect((await test.client.message.get('acme', eventId)).id).toBe(made.id);
    const longest = 'x'.repeat(256);
    const long = await test.client.message.create(app, { eventType: 'a', eventId: longest, payload: {} });
    expect((await test.client.message.get(app, longest)).id).toBe(long.id);
  });

  it('keeps channels and tags in order, each once', async () => {
    const { body } = await post({ eventType: 'a', payload: {}, channels: ['b', 'a', 'b'], tags: ['t', 't'] });
    expect(body).toMatchObject({ channels: ['b', 'a'], tags: ['t'] });
  });

  it('takes null for left out', async () => {
    const answer = await post({
      eventType: 'a',
      payload: { kept: null },
      eventId: null,
      channels: null,
      tags: null,
      application: null,
      deliverAt: null,
      payloadRetentionPeriod: null,
      transformationsParams: null,
    });
    expect(answer.status).toBe(202);
    expect(answer.body).toMatchObject({ eventId: null, channels: null, tags: null, payload: { kept: null } });
  });

  it('accepts the retention of the payload', async () => {
    expect((await post({ eventType: 'a', payload: {}, payloadRetentionPeriod: 90 })).status).toBe(202);
    expect((await post({ eventType: 'a', payload: {}, payloadRetentionHours: 24 })).status).toBe(202);
  });
});

describe('refusing a message', () => {
  const nested = (depth: number) =>
    `{"eventType":"a","payload":{"a":${'['.repeat(depth)}${']'.repeat(depth)}}}`;
  it.each<[string, unknown, string[][]]>([
    [
      'every missing field',
      {},
      [
        ['body', 'eventType'],
        ['body', 'payload'],
      ],
    ],
    ['an event type with a space', { eventType: 'a b', payload: {} }, [['body', 'eventType']]],
    ['an event type of 257 characters', { eventType: 'a'.repeat(257), payload: {} }, [['body', 'eventType']]],
    ['a payload that is an array', { eventType: 'a', payload: [] }, [['body', 'payload']]],
    ['a payload that is text', { eventType: 'a', payload: '{}' }, [['body', 'payload']]],
    ['a payload of null', { eventType: 'a', payload: null }, [['body', 'payload']]],
    ['a payload of null beside data', { eventType: 'a', payload: null, data: {} }, [['body', 'payload']]],
    ['an empty eventId', { eventType: 'a', payload: {}, eventId: '' }, [['body', 'eventId']]],
    ['a long eventId', { eventType: 'a', payload: {}, eventId: 'x'.repeat(257) }, [['body', 'eventId']]],
    ['an eventId with a line break', { eventType: 'a', payload: {}, eventId: 'a\nb' }, [['body', 'eventId']]],
    [
      'an eventId that looks like an id',
      { eventType: 'a', payload: {}, eventId: 'msg_1' },
      [['body', 'eventId']],
    ],
    ['half a surrogate pair', { eventType: 'a', payload: {}, eventId: '\ud800' }, [['body', 'eventId']]],
    ['no channel', { eventType: 'a', payload: {}, channels: [] }, [['body', 'channels']]],
    [
      'six channels',
      { eventType: 'a', payload: {}, channels: ['a', 'b', 'c', 'd', 'e', 'f'] },
      [['body', 'channels']],
    ],
    [
      'a channel with a space',
      { eventType: 'a', payload: {}, channels: ['a', 'b c'] },
      [['body', 'channels', '1']],
    ],
    ['a tag with a separator', { eventType: 'a', payload: {}, tags: ['a\u001fb'] }, [['body', 'tags', '0']]],
    [
      'a wrong retention',
      { eventType: 'a', payload: {}, payloadRetentionPeriod: 4 },
      [['body', 'payloadRetentionPeriod']],
    ],
    [
      'two retentions',
      { eventType: 'a', payload: {}, payloadRetentionPeriod: 5, payloadRetentionHours: 5 },
      [['body', 'payloadRetentionHours']],
    ],
    [
      'a later delivery',
      { eventType: 'a', payload: {}, deliverAt: '2030-01-01T00:00:00Z' },
      [['body', 'deliverAt']],
    ],
    [
      'a rawPayload of another content type',
      messageInRaw('a', '<a/>', 'text/xml'),
      [['body', 'transformationsParams', 'headers']],
    ],
    ['a payload nested too deep', nested(128), [['body', 'payload']]],
    ['a payload nested absurdly deep', nested(200_000), [['body', 'payload']]],
    ['malformed JSON', '{"eventType":"a","payload":{}', [['body']]],
    ['bytes that are not UTF-8', Buffer.from('7b22617b7dff', 'hex'), [['body']]],
    ['an array', [], [['body']]],
    ['a body that is null', 'null', [['body']]],
    ['an empty body', '', [['body']]],
  ])('with the place: %s', async (_, body, places) => {
    const answer = await post(body);
    expect(answer.status).toBe(422);
    expect(refusedPlaces(answer)).toEqual(places);
  });

  it('accepts a payload nested as deep as allowed', async () => {
    expect((await post(nested(127))).status).toBe(202);
  });

  it('answers 413 above the limit and 415 for another content type', async () => {
    const large = await post({ eventType: 'a', payload: { text: 'x'.repeat(1024 * 1024) } });
    expect(large.status).toBe(413);
    expect(large.body.code).toBe('payload_too_large');
    const form = await post('a=1', { headers: { 'content-type': 'application/x-www-form-urlencoded' } });
    expect(form.status).toBe(415);
  });

  it('answers 404 for an unknown application, 422 when it should be made along', async () => {
    const message = { eventType: 'a', payload: {} };
    expect((await post(message, { of: 'nobody' })).status).toBe(404);
    const along = await post({ ...message, application: { name: 'Nobody' } }, { of: 'nobody' });
    expect(along.status).toBe(422);
    expect(refusedPlaces(along)).toEqual([['body', 'application']]);
    expect((await post({ ...message, application: { name: 'Acme' } })).status).toBe(202);
  });

  it('answers 404 to the token of another environment, 401 without one', async () => {
    const { id } = await test.client.message.create(app, { eventType: 'a', payload: {} });
    const stranger = { ...(await test.makeStranger()), url: test.url };
    const message = { eventType: 'a', payload: {} };
    expect((await request(stranger, 'POST', `/api/v1/app/${app}/msg`, message)).status).toBe(404);
    for (const [method, path] of [
      ['GET', '/msg'],
      ['GET', `/msg/${id}`],
      ['DELETE', `/msg/${id}/content`],
    ] as const) {
      expect((await request(stranger, method, `/api/v1/app/${app}${path}`)).status, path).toBe(404);
      expect((await request({ url: test.url }, method, `/api/v1/app/${app}${path}`)).status, path).toBe(401);
    }
    expect(await storedPayload(id)).toBe('{}');
  });

  it('answers 409 to an eventId that is taken, naming the message that has it', async () => {
    const message = { eventType: 'a', eventId: randomUUID(), payload: {} };
    const { id } = await test.client.message.create(app, message);
    const answer = await post(message);
    expect(answer.status).toBe(409);
    expect(answer.body).toEqual({ code: 'conflict', detail: expect.stringContaining(id) });
    expect((await post(message, { of: await newApplication() })).status).toBe(202);
  });

  it('answers 503 with Retry-After while the database is away', async () => {
    // Nothing listens on port 1.
    const away = openDatabase({
      url: 'postgres://127.0.0.1:1/none',
      connectionsMax: 1,
      applicationName: 'posthorn test',
      onIdleError: () => {},
    });
    const cut = await startTestApi({
      accept: async () => {
        await away.pool.query('select 1');
        return { kind: 'unknown_application' };
      },
    });
    try {
      const answer = await request(cut, 'POST', '/api/v1/app/any/msg', { eventType: 'a', payload: {} });
      expect(answer.status).toBe(503);
      expect(answer.body.code).toBe('database_unavailable');
      expect(Number(answer.headers.get('retry-after'))).toBeGreaterThanOrEqual(1);
    } finally {
      await cut.stop();
      await away.close();
    }
  });
});

describe('idempotency keys', () => {
  const message = { eventType: 'a', payload: { n: 1 } };

  it('give the same answer to the same request, bare or quoted', async () => {
    const key = randomUUID();
    const first = await post(message, { headers: { 'idempotency-key': key } });
    const second = await post(message, { headers: { 'idempotency-key': `"${key}"` } });
    expect(first.status).toBe(202);
    expect(second.status).toBe(202);
    expect(second.text).toBe(first.text);
    const byUid = await post(message, { headers: { 'idempotency-key': key }, of: 'acme' });
    expect(byUid.text).toBe(first.text);
  });

  it('are not shared by applications', async () => {
    const headers = { 'idempotency-key': randomUUID() };
    const first = await post(message, { headers });
    const second = await post(message, { headers, of: await newApplication() });
    expect(second.status).toBe(202);
    expect(second.body.id).not.toBe(first.body.id);
  });

  it('refuse another body', async () => {
    const headers = { 'idempotency-key': randomUUID() };
    await post(message, { headers });
    const answer = await post({ ...message, payload: { n: 2 } }, { headers });
    expect(answer.status).toBe(422);
    expect(answer.body).toEqual({ code: 'idempotency_mismatch', detail: expect.any(String) });
  });

  it('have 1 to 256 printable characters', async () => {
    expect((await post(message, { headers: { 'idempotency-key': 'k'.repeat(256) } })).status).toBe(202);
    for (const key of ['k'.repeat(257), '""', 'é']) {
      const answer = await post(message, { headers: { 'idempotency-key': key } });
      expect(answer.status).toBe(422);
      expect(refusedPlaces(answer)).toEqual([['header', 'idempotency-key']]);
    }
  });
});

describe('reading messages', () => {
  it('lists newest first and walks both ways over the same pages', async () => {
    const of = await newApplication();
    const ids: string[] = [];
    for (let i = 0; i < 7; i += 1) {
      ids.unshift((await test.client.message.create(of, { eventType: 'a', payload: { i } })).id);
    }
    const first = await test.client.message.list(of, { limit: 3 });
    const second = await test.client.message.list(of, { limit: 3, iterator: first.iterator ?? null });
    const third = await test.client.message.list(of, { limit: 3, iterator: second.iterator ?? null });
    const idsOf = (pages: { data: { id: string }[] }[]) => pages.map(({ data }) => data.map(({ id }) => id));
    expect(idsOf([first, second, third])).toEqual([ids.slice(0, 3), ids.slice(3, 6), ids.slice(6)]);
    expect([first.done, second.done, third.done]).toEqual([false, false, true]);
    expect(first.data[0]?.payload).toEqual({});

    const back = await test.client.message.list(of, { limit: 3, iterator: third.prevIterator ?? null });
    const start = await test.client.message.list(of, { limit: 3, iterator: back.prevIterator ?? null });
    expect(idsOf([back, start])).toEqual(idsOf([second, first]));
    expect(start.done).toBe(true);
  });

  it('filters by channel, tag, event types and time', async () => {
    const of = await newApplication();
    const create = (message: object) =>
      test.client.message.create(of, { eventType: 'a', payload: {}, ...message });
    const a = await create({ channels: ['x', 'y'], tags: ['t, u'] });
    const b = await create({ eventType: 'b', channels: ['y'] });
    const c = await create({ eventType: 'c' });
    const list = async (query: string) => {
      const { body } = await request(test, 'GET', `/api/v1/app/${of}/msg?${query}`);
      return (body.data as { id: string }[]).map(({ id }) => id);
    };
    expect(await list('channel=y')).toEqual([b.id, a.id]);
    expect(await list('channel=none')).toEqual([]);
    expect(await list(`tag=${encodeURIComponent('t, u')}`)).toEqual([a.id]);
    expect(await list('event_types=a,c')).toEqual([c.id, a.id]);
    expect(await list('event_types=a&event_types=b')).toEqual([b.id, a.id]);
    expect(await list('event_types%5B%5D=c')).toEqual([c.id]);
    expect(await list('channel=y&event_types=b')).toEqual([b.id]);
    expect(await list(`before=${c.timestamp.toISOString()}&channel=y`)).toEqual([b.id, a.id]);
    expect(await list(`before=${a.timestamp.toISOString()}`)).toEqual([]);
    const past = new Date(a.timestamp.getTime() - 1).toISOString();
    expect(await list(`after=${past}`)).toEqual([c.id, b.id, a.id]);
    expect(await list(`after=${new Date(c.timestamp.getTime() + 1).toISOString()}`)).toEqual([]);
    expect(await list('unheard=of')).toEqual([c.id, b.id, a.id]);
    const official = await test.client.message.list(of, { eventTypes: ['a', 'b'], after: new Date(past) });
    expect(official.data.map(({ id }) => id)).toEqual([b.id, a.id]);
  });

  it.each([
    'limit=0',
    'limit=251',
    'iterator=nonsense',
    'before=yesterday',
    'after=2024-13-45T00:00:00Z',
    'with_content=maybe',
  ])('refuses %s with the place', async (query) => {
    const answer = await get(`/msg?${query}`);
    expect(answer.status).toBe(422);
    expect(refusedPlaces(answer)).toEqual([['query', query.split('=')[0]]]);
  });

  it('ends a page early when its content would be too large, and goes on with the next', async () => {
    const of = await newApplication();
    const payload = Buffer.from(JSON.stringify({ text: 'x'.repeat(1024 * 1024) }));
    const ids = Array.from({ length: 20 }, () => test.newId('msg_'));
    for (const id of ids) {
      await insertMessage({ id, applicationId: of, payload });
    }
    const first = await test.client.message.list(of, { withContent: true });
    expect(first.data.length).toBe(15);
    expect(first.done).toBe(false);
    const second = await test.client.message.list(of, {
      withContent: true,
      iterator: first.iterator ?? null,
    });
    expect([...first.data, ...second.data].map(({ id }) => id)).toEqual(ids.toReversed());
    expect(second.done).toBe(true);
    expect((await test.client.message.list(of)).data.length).toBe(20);
  });

  it('shows bytes that are no text as base64', async () => {
    const id = test.newId('msg_');
    await insertMessage({ id, applicationId: app, payload: Buffer.from([0xff, 0x00]) });
    expect((await get(`/msg/${id}`)).body.payload).toBe('/wA=');
  });

  it('answers 404 for a message of another application and for an unknown one', async () => {
    const { id } = await test.client.message.create(app, { eventType: 'a', eventId: 'mine', payload: {} });
    const of = await newApplication();
    for (const msg of [id, 'mine', 'msg_unknown', 'unknown']) {
      const answer = await request(test, 'GET', `/api/v1/app/${of}/msg/${msg}`);
      expect(answer.status).toBe(404);
      expect(answer.body.code).toBe('not_found');
    }
  });
});

describe('deleting the content of a message', () => {
  it('leaves the message, marked as expired, and can be repeated', async () => {
    const eventId = randomUUID();
    const { id } = await test.client.message.create(app, { eventType: 'a', eventId, payload: { secret: 1 } });
    await test.client.message.expungeContent(app, eventId);
    await test.client.message.expungeContent(app, id);
    const message = await test.client.message.get(app, id, { withContent: true });
    expect(message.payload).toEqual({ expired: true });
    expect((await test.client.message.get(app, id)).payload).toEqual({});
    const list = await test.client.message.list(app, { limit: 1, withContent: true });
    expect(list.data[0]).toEqual(message);
  });
});
