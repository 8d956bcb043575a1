// Schemas that are checked when they are written, and payloads that are checked when they are published.
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { changingEventTypes, updateEventType } from '../src/store/event-types.ts';
import { refusedPlaces, request, startTestApi } from './support/api.ts';
import type { ApiAnswer, TestApi } from './support/api.ts';
import { waitFor } from './support/wait.ts';

const path = '/api/v1/event-type';
const draft2020 = 'https://json-schema.org/draft/2020-12/schema';
const order = {
  type: 'object',
  properties: {
    id: { type: 'string', pattern: '^o_' },
    lines: { type: 'array', items: { type: 'integer' } },
  },
  required: ['id'],
  additionalProperties: false,
};

let posthorn: TestApi;
let tenant: { url: string; token: string; environmentId: string };
beforeAll(async () => {
  posthorn = await startTestApi();
});
afterAll(() => posthorn.stop());
beforeEach(async () => {
  tenant = { url: posthorn.url, ...(await posthorn.makeStranger()) };
  await request(tenant, 'POST', '/api/v1/app', { name: 'Acme', uid: 'acme' });
});

const define = (schema: unknown, more: object = { validation: 'reject' }) =>
  request(tenant, 'PUT', `${path}/order`, { description: '', schemas: { 1: schema }, ...more });
const publish = (payload: unknown, eventType = 'order') =>
  request(tenant, 'POST', '/api/v1/app/acme/msg', { eventType, payload });
const problemsOf = ({ body }: ApiAnswer) =>
  (body.detail as { loc: string[]; msg: string }[]).map(({ loc, msg }) => [loc.join('.'), msg]);

describe('schemas', () => {
  const right: [string, unknown][] = [
    ['of draft 7', { ...order, $schema: 'http://json-schema.org/draft-07/schema#' }],
    ['of draft 2020-12', { $schema: draft2020, prefixItems: [{ type: 'string' }], unevaluatedItems: false }],
    ['that is true', true],
    ['that refers to its own parts', { $ref: '#/$defs/a', $defs: { a: { type: 'object' } } }],
    ['that refers to an $id within', { items: { $ref: 'item.json' }, $defs: { i: { $id: 'item.json' } } }],
    ['that contains itself', { properties: { child: { $ref: '#' } } }],
    ['that refers to the schema of schemas', { $ref: 'http://json-schema.org/draft-07/schema#' }],
    ['with a property called $ref', { properties: { $ref: { type: 'string' } } }],
  ];
  test.each(right)('one %s is accepted', async (_name, schema) => {
    expect(await define(schema)).toMatchObject({ status: 201, body: { schemas: { 1: schema } } });
  });

  const wrong: [string, unknown, string, RegExp][] = [
    ['a type that is none', { properties: { a: { type: 'text' } } }, 'properties.a.type', /allowed values/],
    ['required that is no list', { required: 'a' }, 'required', /array/],
    [
      'a draft that is not known',
      { $schema: 'http://json-schema.org/draft-04/schema#' },
      '$schema',
      /draft-07/,
    ],
    ['a list of items in 2020-12', { $schema: draft2020, items: [{}] }, 'items', /object,boolean/],
    [
      'a reference to elsewhere',
      { items: { $ref: 'http://127.0.0.1:9/x.json' } },
      'items.$ref',
      /nothing is fetched/,
    ],
    ['a file', { $ref: 'file:///etc/passwd' }, '$ref', /nothing is fetched/],
    ['a reference to nothing', { items: { $ref: '#/$defs/b' } }, 'items.$ref', /nothing in it/],
    ['looking ahead', { properties: { a: { pattern: 'a(?=b)' } } }, 'properties.a.pattern', /linear time/],
    [
      'looking ahead in a name',
      { patternProperties: { 'a(?=b)': { type: 'null' } } },
      'patternProperties.a(?=b)',
      /linear time/,
    ],
    ['$async', { $async: true }, '$async', /JSON Schema/],
  ];
  test.each(wrong)('%s is refused by its place', async (_name, schema, place, msg) => {
    const answer = await define(schema);
    expect(answer.status).toBe(422);
    const [first] = problemsOf(answer);
    expect(first?.[0]).toBe(`body.schemas.1.${place}`);
    expect(first?.[1]).toMatch(msg);
    expect((await request(tenant, 'GET', `${path}/order`)).status).toBe(404);
  });

  test('every version is checked, on every way in', async () => {
    const body = { name: 'order', description: '', schemas: { 1: true, 2: { type: 1 } } };
    const posted = await request(tenant, 'POST', path, body);
    expect(new Set(refusedPlaces(posted).map((loc) => loc.join('.')))).toEqual(
      new Set(['body.schemas.2.type']),
    );
    await define(order);
    const patched = await request(tenant, 'PATCH', `${path}/order`, { schemas: { 3: { type: 1 } } });
    expect(patched.status).toBe(422);
    expect((await request(tenant, 'GET', `${path}/order`)).body.schemas).toEqual({ 1: order });
  });

  test('larger than 256 KiB are refused', async () => {
    const answer = await define({ description: 'x'.repeat(256 * 1024) });
    expect(problemsOf(answer)).toEqual([['body.schemas', expect.stringMatching(/at most 262144/)]]);
  });

  test('the name of the catalog is no name of an event type', async () => {
    const posted = await request(tenant, 'POST', path, { name: 'openapi.json', description: '' });
    expect(refusedPlaces(posted)).toEqual([['body', 'name']]);
    const put = await request(tenant, 'PUT', `${path}/openapi.json`, { description: '' });
    expect(refusedPlaces(put)).toEqual([['path', 'name']]);
  });
});

describe('publishing', () => {
  test('a payload that fits is accepted, one that does not is refused with every wrong field', async () => {
    expect((await define(order)).body.validation).toBe('reject');
    expect((await publish({ id: 'o_1', lines: [1, 2] })).status).toBe(202);
    const answer = await publish({ lines: [1, 'two'], more: 1 });
    expect(answer.status).toBe(422);
    expect(problemsOf(answer)).toEqual([
      ['body.payload.id', 'is required'],
      ['body.payload.more', 'is not known to the schema'],
      ['body.payload.lines.1', 'must be integer'],
    ]);
    const list = await request(tenant, 'GET', '/api/v1/app/acme/msg');
    expect(list.body.data).toHaveLength(1);
  });

  test('nothing is checked unless the event type asks for it', async () => {
    expect((await define(order, {})).body.validation).toBe('none');
    expect((await publish({ lines: 'none' })).status).toBe(202);
    await request(tenant, 'PATCH', `${path}/order`, { validation: 'reject' });
    expect((await publish({ lines: 'none' })).status).toBe(422);
    await request(tenant, 'PATCH', `${path}/order`, { validation: 'none' });
    expect((await publish({ lines: 'none' })).status).toBe(202);
  });

  test('a PUT of a client that does not know validation leaves it on', async () => {
    await define(order);
    await define({ ...order, title: 'Order' }, {});
    expect((await publish({})).status).toBe(422);
  });

  test('the highest version counts', async () => {
    await define(order);
    await request(tenant, 'PATCH', `${path}/order`, {
      schemas: { 2: true, 9: false, 10: { required: ['ten'] } },
    });
    expect(problemsOf(await publish({}))).toEqual([['body.payload.ten', 'is required']]);
  });

  test('patterns match in linear time, and each for itself', async () => {
    const properties = { a: { pattern: '^(a+)+$' }, b: { pattern: '^b$' }, c: { pattern: '^\\u0063$' } };
    await define({ properties });
    expect((await publish({ a: 'aa', b: 'b', c: 'c' })).status).toBe(202);
    const answer = await publish({ a: `${'a'.repeat(50_000)}!`, b: 'a', c: 'b' });
    expect(refusedPlaces(answer).map((loc) => loc.at(-1))).toEqual(['a', 'b', 'c']);
  });

  test('at most 20 problems are named', async () => {
    await define({ additionalProperties: { type: 'string' } });
    const answer = await publish(Object.fromEntries(Array.from({ length: 1_000 }, (_, n) => [`n${n}`, n])));
    expect(refusedPlaces(answer)).toHaveLength(20);
  });

  test('a raw payload is read as JSON', async () => {
    await define(order);
    const raw = (rawPayload: string) =>
      request(tenant, 'POST', '/api/v1/app/acme/msg', {
        eventType: 'order',
        payload: {},
        transformationsParams: { rawPayload },
      });
    expect((await raw('{"id": "o_1"}')).status).toBe(202);
    expect(refusedPlaces(await raw('{"id": 1}'))).toEqual([
      ['body', 'transformationsParams', 'rawPayload', 'id'],
    ]);
    expect(refusedPlaces(await raw('<order/>'))).toEqual([['body', 'transformationsParams', 'rawPayload']]);
  });

  test('of a batch, each message is judged on its own', async () => {
    await define(order);
    const messages = ['o_1', 2, 'o_3'].map((id) => ({ eventType: 'order', payload: { id } }));
    const { body } = await request(tenant, 'POST', '/api/v1/app/acme/msg/batch', { messages });
    expect(body.data).toMatchObject([
      { status: 202 },
      { status: 422, detail: [{ loc: ['body', 'payload', 'id'] }] },
      { status: 202 },
    ]);
  });

  test('a change that another process made counts within seconds', async () => {
    await define(order);
    expect((await publish({})).status).toBe(422);
    const { queries } = posthorn.db;
    const { environmentId } = tenant;
    await changingEventTypes(queries, environmentId, (transaction) =>
      updateEventType(transaction, environmentId, 'order', {
        schemas: JSON.stringify({ 1: { type: 'object' } }),
      }),
    );
    await waitFor(async () => (await publish({})).status === 202, { what: 'the new schema' });
  });

  test('another environment has event types of its own', async () => {
    await define(false);
    const stranger = { url: posthorn.url, ...(await posthorn.makeStranger()) };
    await request(stranger, 'POST', '/api/v1/app', { name: 'Acme', uid: 'acme' });
    const answer = await request(stranger, 'POST', '/api/v1/app/acme/msg', {
      eventType: 'order',
      payload: {},
    });
    expect(answer.status).toBe(202);
    expect((await publish({})).status).toBe(422);
  });
});

describe('unknown event types', () => {
  const settle = (unknownEventTypes: string) =>
    request(tenant, 'POST', '/api/v1/environment/import', { settings: { unknownEventTypes } });

  test('are accepted unless the environment refuses them', async () => {
    expect((await publish({}, 'never.seen')).status).toBe(202);
    expect((await settle('reject')).status).toBe(204);
    expect(refusedPlaces(await publish({}, 'never.seen'))).toEqual([['body', 'eventType']]);
    await request(tenant, 'POST', path, { name: 'never.seen', description: '' });
    expect((await publish({}, 'never.seen')).status).toBe(202);
    await request(tenant, 'DELETE', `${path}/never.seen`);
    expect((await publish({}, 'never.seen')).status).toBe(422);
    await settle('accept');
    expect((await publish({}, 'never.seen')).status).toBe(202);
  });
});
