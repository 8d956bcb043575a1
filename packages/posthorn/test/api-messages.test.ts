// Messages over HTTP: accepted bytes are kept exactly, wrong ones are refused with the place.
import { randomUUID } from 'node:crypto';
import { messageInRaw, type MessageIn } from 'svix';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openDatabase } from '../src/store/database.ts';
import { expireContents } from '../src/store/message-expiry.ts';
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
      deliverAt: null,
      orderKey: null,
      eventAt: null,
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

  it('makes the application along with the message, once, and only where it is missing', async () => {
    const message = { eventType: 'a', payload: {}, application: { name: 'Along', metadata: { a: 'b' } } };
    const sent = await Promise.all(
      [1, 2, 3, 4, 5].map(() => test.client.message.create('along', message, { withContent: true })),
    );
    expect(new Set(sent.map(({ id }) => id)).size).toBe(5);
    const made = await test.client.application.get('along');
    expect(made).toMatchObject({ uid: 'along', name: 'Along', metadata: { a: 'b' } });
    expect((await test.client.message.list(made.id)).data.length).toBe(5);
    await test.client.message.create('along', { ...message, application: { name: 'Ignored' } });
    expect((await test.client.application.get('along')).name).toBe('Along');

    const batch = await request(test, 'POST', '/api/v1/app/along-too/msg/batch', {
      messages: [message, { ...message, application: { name: 'Along', uid: 'along-too' } }],
    });
    expect(batch.body.data).toMatchObject([{ status: 202 }, { status: 202 }]);
    const stranger = await test.makeStranger();
    await expect(stranger.client.application.get('along')).rejects.toThrow('404');
  });

  it('keeps the time of delivery, and shows it wherever the message is', async () => {
    const deliverAt = new Date(Date.now() + 3_600_000);
    const made = await test.client.message.create(app, { eventType: 'a', payload: {}, deliverAt });
    expect(made.deliverAt).toEqual(deliverAt);
    expect(await test.client.message.get(app, made.id)).toEqual(made);
    expect((await test.client.message.list(app, { limit: 1 })).data).toEqual([made]);
    const soon = { eventType: 'a', payload: {}, deliverAt: new Date(Date.now() - 1_000) };
    expect((await test.client.message.create(app, soon)).deliverAt).toEqual(soon.deliverAt);
  });

  it('refuses a delivery at a time when the environment keeps the message no more', async () => {
    const stranger = await test.makeStranger();
    const { id } = await stranger.client.application.create({ name: 'Brief' });
    await stranger.client.environment.import({ settings: { messageRetentionDays: 3 } });
    const inDays = (days: number) => ({
      eventType: 'a',
      payload: {},
      deliverAt: new Date(Date.now() + days * 86_400_000).toISOString(),
    });
    const send = (path: string, body: unknown) =>
      request({ url: test.url, token: stranger.token }, 'POST', `/api/v1/app/${id}/msg${path}`, body);
    const late = await send('', inDays(3.1));
    expect(refusedPlaces(late)).toEqual([['body', 'deliverAt']]);
    expect(JSON.stringify(late.body)).toContain('keeps messages for 3 days (messageRetentionDays)');
    expect((await send('', inDays(2.9))).status).toBe(202);
    const batch = await send('/batch', { messages: [inDays(3.1), inDays(0.5)] });
    expect(batch.body.data).toMatchObject([{ status: 422 }, { status: 202 }]);
    expect((await post(inDays(29.9))).status).toBe(202);
  });

  it('keeps the content type that a payload is sent with', async () => {
    const contentTypes = async (message: MessageIn) => {
      const { id } = await test.client.message.create(app, message);
      const { rows } = await test.db.pool.query<{ content_type: string }>(
        'select content_type from posthorn.message where id = $1',
        [id],
      );
      return rows[0]?.content_type;
    };
    expect(await contentTypes(messageInRaw('a', '<a/>', 'text/xml; charset=utf-8'))).toBe(
      'text/xml; charset=utf-8',
    );
    expect(await contentTypes(messageInRaw('a', 'a=1'))).toBe('application/json');
    const cloudEvent = { headers: { 'Content-Type': 'application/cloudevents+json' } };
    expect(await contentTypes({ eventType: 'a', payload: {}, transformationsParams: cloudEvent })).toBe(
      'application/cloudevents+json',
    );
  });

  it('accepts the retention of the payload', async () => {
    expect((await post({ eventType: 'a', payload: {}, payloadRetentionPeriod: 90 })).status).toBe(202);
    expect((await post({ eventType: 'a', payload: {}, payloadRetentionHours: 24 })).status).toBe(202);
  });

  it('deletes a payload when its time has come, and no other', async () => {
    const make = (payloadRetentionHours: number) =>
      test.client.message.create(app, { eventType: 'a', payload: { n: 1 }, payloadRetentionHours });
    const [short, long] = [await make(1), await make(3)];
    const { rows } = await test.db.pool.query<{ hours: number }>(
      `select round(extract(epoch from expires_at - now()) / 3600)::integer as hours from posthorn.message_expiry
       where message_id = any ($1) order by message_id`,
      [[short.id, long.id]],
    );
    expect(rows).toEqual([{ hours: 1 }, { hours: 3 }]);
    await test.db.pool.query("update posthorn.message_expiry set expires_at = expires_at - interval '2 h'");
    expect(await expireContents(test.db.pool, 1_000)).toBeGreaterThanOrEqual(1);
    const payloadOf = async (id: string) =>
      (await test.client.message.get(app, id, { withContent: true })).payload;
    expect(await payloadOf(short.id)).toEqual({ expired: true });
    expect(await payloadOf(long.id)).toEqual({ n: 1 });
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
      'a delivery in the past',
      { eventType: 'a', payload: {}, deliverAt: '2020-01-01T00:00:00Z' },
      [['body', 'deliverAt']],
    ],
    [
      'a delivery in 31 days',
      { eventType: 'a', payload: {}, deliverAt: new Date(Date.now() + 31 * 86_400_000).toISOString() },
      [['body', 'deliverAt']],
    ],
    ['a delivery on no day', { eventType: 'a', payload: {}, deliverAt: 'tomorrow' }, [['body', 'deliverAt']]],
    [
      'a delivery after the payload is gone',
      {
        eventType: 'a',
        payload: {},
        payloadRetentionHours: 1,
        deliverAt: new Date(Date.now() + 2 * 3_600_000).toISOString(),
      },
      [['body', 'deliverAt']],
    ],
    [
      'a content type that is none',
      messageInRaw('a', '<a/>', 'text/xml\r\nx: y'),
      [['body', 'transformationsParams', 'headers', 'content-type']],
    ],
    [
      'a content type that is not text',
      { eventType: 'a', payload: {}, transformationsParams: { headers: { 'Content-Type': 1 } } },
      [['body', 'transformationsParams', 'headers', 'content-type']],
    ],
    [
      'an application without a name',
      { eventType: 'a', payload: {}, application: { uid: 'x' } },
      [['body', 'application', 'name']],
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

  it('answers 404 for an unknown application', async () => {
    const message = { eventType: 'a', payload: {} };
    expect((await post(message, { of: 'nobody' })).status).toBe(404);
    const along = { ...message, application: { name: 'Nobody' } };
    expect((await post(along, { of: 'app_0VbpMZdd000kuEgMH222OS' })).status).toBe(404);
    const other = await post({ ...message, application: { name: 'No', uid: 'b' } }, { of: 'a' });
    expect([other.status, refusedPlaces(other)]).toEqual([422, [['body', 'application', 'uid']]]);
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

describe('precheck', () => {
  it('tells whether an endpoint would get such a message', async () => {
    const of = await newApplication();
    const active = async (eventType: string, channels?: string[]) =>
      (await test.client.message.precheck(of, channels ? { eventType, channels } : { eventType })).active;
    expect(await active('a')).toBe(false);
    const url = 'http://127.0.0.1:1/';
    const one = await test.client.endpoint.create(of, { url, eventTypes: ['a'], channels: ['x'] });
    expect(await active('a', ['y', 'x'])).toBe(true);
    expect([await active('a'), await active('a', ['y']), await active('b', ['x'])]).toEqual([
      false,
      false,
      false,
    ]);
    await test.client.endpoint.patch(of, one.id, { disabled: true });
    expect(await active('a', ['x'])).toBe(false);
    await test.client.endpoint.create(of, { url });
    expect(await active('b')).toBe(true);
    const stranger = { ...(await test.makeStranger()), url: test.url };
    const path = `/api/v1/app/${of}/msg/precheck/active`;
    expect((await request(stranger, 'POST', path, { eventType: 'b' })).status).toBe(404);
    expect(refusedPlaces(await request(test, 'POST', path, { channels: [] }))).toEqual([
      ['body', 'eventType'],
      ['body', 'channels'],
    ]);
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
