// Transformations in their threads: what they may do, and that none can hurt the next one, or hold up another's.
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { TransformationLanguage, TransformationResult } from '../src/core/transformation.ts';
import { Transformer } from '../src/delivery/transformations/transformer.ts';
import { WaitingRoom } from '../src/delivery/transformations/waiting-room.ts';
import { systemClock } from '../src/lib/clock.ts';

const workerUrl = new URL('../dist/delivery/transformations/worker.js', import.meta.url);
const silent = { info: () => {}, warn: () => {}, error: () => {}, debug: () => {} };
let transformer: Transformer;
beforeAll(() => {
  transformer = new Transformer({ clock: systemClock, log: silent, workerUrl });
});
afterAll(() => transformer.close());

interface More {
  language?: TransformationLanguage;
  payload?: string;
  applicationId?: string;
}

const run = (
  code: string,
  { language = 'javascript', payload = '{"a":1}', applicationId = 'app_1' }: More = {},
) =>
  transformer.transform({
    applicationId,
    endpointId: 'ep_1',
    transformation: { code, language, variables: { key: 'value' } },
    webhook: { url: 'https://example.com/in', eventType: 'order.paid', payload: Buffer.from(payload) },
  });

const body = (statements: string) => `function handler(webhook) { ${statements} return webhook; }`;

function payloadOf(result: TransformationResult): unknown {
  if (result.kind !== 'transformed') throw new Error(`${result.kind}: ${JSON.stringify(result)}`);
  return result.webhook.payload && JSON.parse(Buffer.from(result.webhook.payload).toString());
}

describe('a JavaScript transformation', () => {
  it('changes method, url, headers and payload, and sees the event type and its variables', async () => {
    const code = body(`
      webhook.method = 'PUT';
      webhook.url += '?x=1';
      webhook.headers['x-tenant'] = webhook.variables.key;
      webhook.payload = { was: webhook.payload, type: webhook.eventType };
      console.log('seen', webhook.eventType, { a: 1 });`);
    expect(await run(code)).toEqual({
      kind: 'transformed',
      webhook: {
        method: 'PUT',
        url: 'https://example.com/in?x=1',
        headers: { 'x-tenant': 'value' },
        payload: Buffer.from('{"was":{"a":1},"type":"order.paid"}'),
      },
      logs: ['seen order.paid {"a":1}'],
      durationMs: expect.any(Number),
    });
  });

  it('that leaves the payload alone leaves its bytes alone', async () => {
    const result = await run(body(''), { payload: '{ "n": 12345678901234567890, "f": 1.0 }' });
    expect(result).toMatchObject({ kind: 'transformed', webhook: { payload: undefined } });
  });

  it('may be a constant, may be async, and may cancel', async () => {
    expect(
      payloadOf(await run('const handler = async (w) => { await 0; w.payload = [1]; return w; }')),
    ).toEqual([1]);
    expect(await run(body('webhook.cancel = true;'))).toMatchObject({ kind: 'cancelled' });
  });

  it('gets what is not JSON as a text', async () => {
    const result = await run(body('webhook.payload += "!";'), { payload: '<xml/>' });
    expect(result).toMatchObject({ webhook: { payload: Buffer.from('<xml/>!') } });
  });

  it.each([
    ['a syntax error', 'function handler( {', /^SyntaxError/],
    ['an exception, with its line', 'function handler(w) {\n w.none.x = 1;\n}', /^TypeError: .*\(line 2\)$/],
    ['no handler', 'const other = 1;', /declares no function called handler/],
    ['nothing returned', 'function handler() {}', /must return the webhook/],
    [
      'a promise that nothing settles',
      'function handler() { return new Promise(() => {}); }',
      /nothing settles/,
    ],
    ['a rejected promise', 'async function handler() { throw new Error("no"); }', /^Error: no/],
    ['a header of the signature', body('webhook.headers["webhook-id"] = "x";'), /"webhook-id" cannot be set/],
    ['another method', body('webhook.method = "GET";'), /"POST" or "PUT"/],
    ['no payload', body('webhook.payload = undefined;'), /is not JSON/],
    ['a url that is none', body('webhook.url = 1;'), /url of the webhook must be a text/],
    ['a giant url', body('webhook.url += "?".repeat(3e4);'), /url of the webhook is longer than 2048/],
  ])('fails, and says why: %s', async (_, code, message) => {
    expect(await run(code)).toMatchObject({
      kind: 'failed',
      cause: 'code',
      message: expect.stringMatching(message),
    });
  });
});

describe('a JSONata transformation', () => {
  it('gives the payload', async () => {
    const code = '{ "total": $sum(items.(price * count)), "by": $variables.key, "type": $eventType }';
    const payload = '{"items":[{"price":2,"count":3},{"price":1,"count":1}]}';
    const result = await run(code, { language: 'jsonata', payload });
    expect(payloadOf(result)).toEqual({ total: 7, by: 'value', type: 'order.paid' });
  });

  it.each([
    ['a mistake, with its place', '{ "a": ', /at character \d+/],
    ['nothing given', 'none', /gave nothing/],
    ['a wrong argument', '$sum("x")', /sum/],
    ['no end', '($f := function($x) { $f($x + 1) }; $f(1))', /longer than|more than/],
  ])('fails, and says why: %s', async (_, code, message) => {
    const failure = { kind: 'failed', cause: 'code', message: expect.stringMatching(message) };
    expect(await run(code, { language: 'jsonata' })).toMatchObject(failure);
  });
});

describe('hostile code', () => {
  it.each([
    ['an endless loop', body('for (;;) {}')],
    ['an endless loop before there is a handler', 'for (;;) {}'],
    ['endless recursion', 'function handler(w) { return handler(w); }'],
    ['endless microtasks', 'async function handler() { for (;;) await 0; }'],
    ['a memory bomb', body('const all = []; for (;;) all.push(new Uint8Array(1e6));')],
    ['a giant text', body('let s = "x"; for (;;) s += s;')],
    ['a giant answer', body('webhook.payload = "x".repeat(5e6);')],
    ['a regular expression that backtracks', body('/^(a+)+$/.test("a".repeat(50) + "b");')],
    [
      'native code that looks at no clock',
      body('const q = "a".repeat(2e6); for (;;) q.lastIndexOf("b".repeat(1e5));'),
    ],
    ['an error that cannot be shown', body('throw { get message() { for (;;) {} } };')],
    ['an answer that is made by the code', `Object.prototype.toJSON = () => undefined; ${body('')}`],
  ])('ends as a failure, and the next one runs: %s', async (_, code) => {
    expect(await run(code)).toMatchObject({ kind: 'failed', cause: 'code' });
    expect(payloadOf(await run(body('webhook.payload = 1;'), { applicationId: 'app_2' }))).toBe(1);
  });

  it('finds nothing of Node', async () => {
    const names = ['process', 'require', 'fetch', 'setTimeout', 'Buffer', 'WebAssembly', 'postMessage'];
    const code = body(`webhook.payload = ${JSON.stringify(names)}.map((name) =>
      webhook.constructor.constructor('return typeof ' + name)());`);
    expect(payloadOf(await run(code))).toEqual(names.map(() => 'undefined'));
  });

  it('leaves nothing behind for the next run', async () => {
    const polluting = `Object.prototype.leak = 1; globalThis.kept = 2; JSON.stringify = () => '"evil"';
      Array.prototype.map = null; ${body('webhook.payload = {};')}`;
    expect(payloadOf(await run(polluting))).toEqual({});
    const looking = body(
      'webhook.payload = [typeof {}.leak, typeof kept, JSON.stringify([1].map((x) => x))];',
    );
    for (const applicationId of ['app_1', 'app_2', 'app_1']) {
      expect(payloadOf(await run(looking, { applicationId }))).toEqual(['undefined', 'undefined', '[1]']);
    }
    expect(Reflect.get({}, 'leak')).toBeUndefined();
  });

  it('cannot write without end', async () => {
    const { logs } = await run(body('for (let i = 0; i < 200; i += 1) console.log("x".repeat(5000));'));
    expect(logs).toHaveLength(100);
    expect(logs[0]).toHaveLength(1000);
  });

  it('waits for its turn behind those who use less', async () => {
    let loopsRun = 0;
    const loops = Array.from({ length: 60 }, async (_, i) => {
      const result = await run(body('for (;;) {}'), { applicationId: `loop_${i % 3}` });
      if (result.kind === 'failed' && result.cause === 'code') loopsRun += 1;
    });
    for (let i = 0; i < 5; i += 1) {
      expect(payloadOf(await run(body('webhook.payload = 1;'), { applicationId: 'good' }))).toBe(1);
    }
    expect(loopsRun).toBeLessThan(loops.length);
    await Promise.all(loops);
  });
});

describe('the waiting room', () => {
  const limits = { perApplicationMax: 3, slowFromMs: 100 };
  const job = (applicationId: string, endpointId: string) => ({ applicationId, endpointId });

  it('is full for one application and not for another', () => {
    const room = new WaitingRoom(limits);
    const added = Array.from({ length: 4 }, () => room.add(job('a', 'ep')));
    expect(added).toEqual([true, true, true, false]);
    expect(room.add(job('b', 'ep'))).toBe(true);
  });

  it('gives turns to applications by what they used, and within one to its endpoints', () => {
    const room = new WaitingRoom(limits);
    for (const one of [job('a', 'hog'), job('a', 'hog'), job('a', 'good'), job('b', 'good')]) room.add(one);
    const turns = [0, 1, 2, 3].map(() => {
      const next = room.take(true)!;
      room.charge(next, next.endpointId === 'hog' ? 50 : 1);
      return `${next.applicationId} ${next.endpointId}`;
    });
    expect(turns).toEqual(['a hog', 'b good', 'a good', 'a hog']);
    expect(room.take(true)).toBeUndefined();
  });

  it('keeps slow applications from what is kept for quick ones', () => {
    const room = new WaitingRoom(limits);
    room.charge(job('slow', 'ep'), 1000);
    room.add(job('slow', 'ep'));
    expect(room.take(false)).toBeUndefined();
    room.add(job('quick', 'ep'));
    expect(room.take(false)).toMatchObject({ applicationId: 'quick' });
    expect(room.take(true)).toMatchObject({ applicationId: 'slow' });
    room.charge(job('slow', 'ep'), 1);
    room.add(job('slow', 'ep'));
    expect(room.take(false)).toMatchObject({ applicationId: 'slow' });
  });
});
