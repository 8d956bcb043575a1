// Transformations over HTTP: with the official client, and what it has no operation for.
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { Transformer } from '../src/delivery/transformations/transformer.ts';
import { systemClock } from '../src/lib/clock.ts';
import { request, startTestApi } from './support/api.ts';
import type { TestApi } from './support/api.ts';

const silent = { info: () => {}, warn: () => {}, error: () => {}, debug: () => {} };
const workerUrl = new URL('../dist/delivery/transformations/worker.js', import.meta.url);
const transformer = new Transformer({ clock: systemClock, log: silent, workerUrl });
const code = 'function handler(webhook) { webhook.payload.seen = webhook.variables.by; return webhook; }';

let posthorn: TestApi;
let app: string;
let endpoint: string;
let path: string;
beforeAll(async () => {
  posthorn = await startTestApi({ transform: transformer.transform });
});
afterAll(async () => {
  await posthorn.stop();
  await transformer.close();
});
beforeEach(async () => {
  ({ id: app } = await posthorn.client.application.create({ name: 'Acme' }));
  ({ id: endpoint } = await posthorn.client.endpoint.create(app, { url: 'http://127.0.0.1:9000/in' }));
  path = `/api/v1/app/${app}/endpoint/${endpoint}/transformation`;
});

const configVersion = async () => {
  const { rows } = await posthorn.db.pool.query(
    'select config_version from posthorn.application where id = $1',
    [app],
  );
  return Number(rows[0].config_version);
};

describe('the transformation of an endpoint', () => {
  test('is none at first, then what was set, piece by piece', async () => {
    const { transformation } = posthorn.client.endpoint;
    expect(await transformation.get(app, endpoint)).toEqual({
      code: null,
      enabled: false,
      variables: null,
      updatedAt: null,
    });
    const before = await configVersion();
    await transformation.patch(app, endpoint, { code, enabled: true, variables: { by: 'me' } });
    expect(await configVersion()).toBeGreaterThan(before);
    expect(await transformation.get(app, endpoint)).toEqual({
      code,
      enabled: true,
      variables: { by: 'me' },
      updatedAt: expect.any(Date),
    });
    await transformation.patch(app, endpoint, { enabled: false });
    expect(await transformation.get(app, endpoint)).toMatchObject({
      code,
      enabled: false,
      variables: { by: 'me' },
    });
    await transformation.patch(app, endpoint, { variables: null, code: null });
    expect(await transformation.get(app, endpoint)).toMatchObject({ code: null, variables: null });
    await posthorn.client.endpoint.transformationPartialUpdate(app, endpoint, { code, enabled: true });
    expect(await transformation.get(app, endpoint)).toMatchObject({ code, enabled: true });
  });

  test.each([
    ['code that is none', { code: 'function handler(' }, 'code', 'SyntaxError'],
    ['code without handler', { code: 'let x = 1;' }, 'code', 'no function called handler'],
    ['JSONata that is none', { code: '{ "a": ', language: 'jsonata' }, 'code', 'at character'],
    ['another language', { code, language: 'python' }, 'language', ''],
    ['large code', { code: `//${'ü'.repeat(40_000)}` }, 'code', 'at most 51200 are allowed'],
    ['large variables', { variables: { a: 'x'.repeat(20_000) } }, 'variables', 'at most'],
    ['nothing to enable', { enabled: true }, 'enabled', 'no code to run'],
  ])('is refused: %s', async (_, body, field, message) => {
    const answer = await request(posthorn, 'PATCH', path, body);
    expect(answer).toMatchObject({ status: 422, body: { detail: [{ loc: ['body', field] }] } });
    expect(answer.text).toContain(message);
    expect((await request(posthorn, 'GET', path)).body).toMatchObject({ code: null, updatedAt: null });
  });

  test('belongs to its environment', async () => {
    const stranger = await posthorn.makeStranger();
    for (const [method, at, body] of [
      ['GET', path, undefined],
      ['PATCH', path, { code }],
      ['POST', `${path}/simulate`, { code, payload: {} }],
    ] as const) {
      expect((await request({ url: posthorn.url, token: stranger.token }, method, at, body)).status).toBe(
        404,
      );
    }
  });
});

describe('a simulation', () => {
  const simulate = async (body: object) => request(posthorn, 'POST', `${path}/simulate`, body);

  test('runs the stored code, and what is sent instead of it', async () => {
    expect((await simulate({ payload: {} })).status).toBe(409);
    await posthorn.client.endpoint.transformation.patch(app, endpoint, { code, variables: { by: 'me' } });
    expect((await simulate({ payload: { a: 1 }, eventType: 'order.paid' })).body).toEqual({
      status: 'succeeded',
      error: null,
      webhook: {
        method: 'POST',
        url: 'http://127.0.0.1:9000/in',
        headers: {},
        eventType: 'order.paid',
        payload: { a: 1, seen: 'me' },
      },
      logs: [],
      durationMs: expect.any(Number),
    });
    const instead = await simulate({
      payload: { a: 1 },
      code: '{ "b": a, "by": $variables.by }',
      language: 'jsonata',
    });
    expect(instead.body).toMatchObject({ webhook: { payload: { b: 1, by: 'me' } } });
  });

  test('tells what went wrong, with what was logged before', async () => {
    const failing = 'function handler(w) { console.log("here"); w.none.x = 1; }';
    expect((await simulate({ payload: {}, code: failing })).body).toMatchObject({
      status: 'failed',
      error: expect.stringContaining('TypeError'),
      webhook: null,
      logs: ['here'],
    });
    const cancelling = 'function handler(w) { w.cancel = true; return w; }';
    expect((await simulate({ payload: {}, code: cancelling })).body).toMatchObject({ status: 'cancelled' });
  });

  test('judges the URL like that of an endpoint', async () => {
    const elsewhere = 'function handler(w) { w.url = "http://10.0.0.1/"; return w; }';
    expect((await simulate({ payload: {}, code: elsewhere })).body).toMatchObject({
      status: 'failed',
      error: expect.stringContaining('10.0.0.1 is in a range that deliveries may not reach'),
    });
  });

  test('takes a large payload as it is', async () => {
    const payload = { list: Array.from({ length: 20_000 }, (_, i) => i) };
    const counting = 'function handler(w) { w.payload = { count: w.payload.list.length }; return w; }';
    expect((await simulate({ payload, code: counting })).body).toMatchObject({
      webhook: { payload: { count: 20_000 } },
    });
  });
});
