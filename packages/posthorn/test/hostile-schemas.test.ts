// Schemas and documents that were made to stall the server: others go on being served, and the answer is a refusal.
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { request, startTestApi } from './support/api.ts';
import type { ApiAnswer, TestApi } from './support/api.ts';
import { waitFor } from './support/wait.ts';

const path = '/api/v1/event-type';
// How often somebody else was served meanwhile. One would be chance; a server that is stalled serves nobody.
const servedMin = 5;
// Most of these take as much of the processor as they get, up to their limit, however long that is on a busy machine.
const timeoutMs = 300_000;

type Tenant = { url: string; token: string };
vi.setConfig({ testTimeout: timeoutMs, hookTimeout: timeoutMs });

let posthorn: TestApi;
let hostile: Tenant;
let other: Tenant;

async function makeTenant(): Promise<Tenant> {
  const tenant = { url: posthorn.url, ...(await posthorn.makeStranger()) };
  await request(tenant, 'POST', '/api/v1/app', { name: 'Acme', uid: 'acme' });
  return tenant;
}

beforeAll(async () => {
  posthorn = await startTestApi();
  hostile = await makeTenant();
  other = await makeTenant();
  await request(other, 'POST', path, {
    name: 'fine',
    description: '',
    schemas: { 1: { required: ['id'] } },
    validation: 'reject',
  });
});
afterAll(() => posthorn.stop());

/** The answer, and how many messages of somebody else, whose event type asks for nothing, were accepted meanwhile. */
async function whileOthersPublish(
  work: () => Promise<ApiAnswer>,
): Promise<{ answer: ApiAnswer; served: number }> {
  let served = 0;
  let answer: ApiAnswer | undefined;
  const working = work().then((ended) => {
    answer = ended;
  });
  while (answer === undefined) {
    const { status } = await request(other, 'POST', '/api/v1/app/acme/msg', {
      eventType: 'any',
      payload: {},
    });
    expect(status).toBe(202);
    served += 1;
  }
  await working;
  return { answer, served };
}

const define = (schema: unknown) =>
  request(hostile, 'PUT', `${path}/evil`, { description: '', schemas: { 1: schema }, validation: 'reject' });
const publish = (payload: unknown) =>
  request(hostile, 'POST', '/api/v1/app/acme/msg', { eventType: 'evil', payload });

// 2^40 evaluations, in a schema of a kilobyte.
const doubled = {
  allOf: [{ $ref: '#/$defs/d0' }],
  $defs: Object.fromEntries(
    Array.from({ length: 40 }, (_, n) => {
      const next = { $ref: `#/$defs/d${n + 1}` };
      return [`d${n}`, { allOf: [next, next, { type: 'object' }] }];
    }).concat([['d40', { type: 'object' }]] as never),
  ),
};

describe('a payload that takes too long', () => {
  test.each([
    ['references that double', doubled, {}],
    [
      'items that are all compared with each other',
      { properties: { list: { uniqueItems: true } } },
      { list: Array.from({ length: 12_000 }, (_, n) => ({ n, more: [n, { n }] })) },
    ],
  ])('%s: refused in time, and others are served meanwhile', async (_name, schema, payload) => {
    expect((await define(schema)).status).toBeLessThan(300);
    const { answer, served } = await whileOthersPublish(() => publish(payload));
    expect(answer.status).toBe(422);
    expect(answer.text).toMatch(/took longer than/);
    expect(served).toBeGreaterThanOrEqual(servedMin);
    const { status, body } = await request(other, 'POST', '/api/v1/app/acme/msg', {
      eventType: 'fine',
      payload: {},
    });
    expect([status, body.detail]).toMatchObject([422, [{ loc: ['body', 'payload', 'id'] }]]);
  });

  // What such a schema means is not defined: that there is an answer is enough.
  test('whose schema refers to itself without end is answered', async () => {
    const loop = { $ref: '#/$defs/a', $defs: { a: { $ref: '#/$defs/b' }, b: { $ref: '#/$defs/a' } } };
    await define(loop);
    expect([202, 422]).toContain((await publish({})).status);
  });

  test('many at once: payloads of others are checked between them', async () => {
    await define(doubled);
    const slowCount = 6;
    let ended = 0;
    const slow = Array.from({ length: slowCount }, async () => {
      const { status } = await publish({});
      ended += 1;
      return status;
    });
    // By then all the others are there and wait, for longer than any request to the API takes.
    await waitFor(() => ended > 0, { what: 'the first refusal', timeoutMs });
    const fine = await request(other, 'POST', '/api/v1/app/acme/msg', {
      eventType: 'fine',
      payload: { id: 1 },
    });
    expect(fine.status).toBe(202);
    expect(ended).toBeLessThan(slowCount);
    expect(await Promise.all(slow)).toEqual(Array(slowCount).fill(422));
  });
});

describe('a schema', () => {
  const nested = (depth: number): unknown => JSON.parse(`${'{"items":'.repeat(depth)}{}${'}'.repeat(depth)}`);

  test('that is nested too deep is refused', async () => {
    expect((await define(nested(200))).status).toBe(422);
  });

  test('with an enumeration of thousands is an ordinary one', async () => {
    const values = Array.from({ length: 9_000 }, (_, n) => `v${n}`);
    expect((await define({ properties: { v: { enum: values } } })).status).toBeLessThan(300);
    expect(await publish({ v: 'v8999' })).toMatchObject({ status: 202 });
    const answer = await publish({ v: 'none' });
    expect([answer.status, answer.text.length < 1_000]).toEqual([422, true]);
  });

  test('of thousands of parts holds up nobody', async () => {
    const properties = Object.fromEntries(
      Array.from({ length: 2_000 }, (_, n) => [`p${n}`, { pattern: `^${n}(x|y)*$`, minLength: n }]),
    );
    const { answer, served } = await whileOthersPublish(() => define({ properties }));
    expect([200, 201, 422]).toContain(answer.status);
    expect(served).toBeGreaterThanOrEqual(servedMin);
  });
});

describe('a document', () => {
  const importRaw = (specRaw: string) => request(hostile, 'POST', `${path}/import/openapi`, { specRaw });

  test('of aliases that double is refused', async () => {
    const lines = ['openapi: 3.1.0', 'x0: &x0 [lol, lol, lol, lol, lol, lol, lol, lol, lol]'];
    for (let n = 1; n < 12; n += 1)
      lines.push(
        `x${n}: &x${n} [${Array(9)
          .fill(`*x${n - 1}`)
          .join(', ')}]`,
      );
    const { answer } = await whileOthersPublish(() => importRaw(lines.join('\n')));
    expect(answer.status).toBe(422);
    expect(answer.text.length).toBeLessThan(2_000);
  });

  test('that contains itself is refused', async () => {
    const text = [
      'openapi: 3.1.0',
      'webhooks: {a: {post: {requestBody: {content: {application/json: {schema: &s {properties: {s: *s}}}}}}}}',
    ];
    expect((await importRaw(text.join('\n'))).status).toBe(422);
  });

  test('of thousands of brackets is refused, and others are served meanwhile', async () => {
    const { answer } = await whileOthersPublish(() => importRaw('['.repeat(5_000)));
    expect(answer.status).toBe(422);
  });
});
