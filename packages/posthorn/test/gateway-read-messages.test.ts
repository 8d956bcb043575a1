// The events of a request as messages: exact bytes, ids that can be stored, and no room for whoever is not verified.
import type { Provider } from '@posthorn/webhooks/provider';
import { auth0 } from '@posthorn/webhooks/providers/auth0';
import { github } from '@posthorn/webhooks/providers/github';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { readMessages } from '../src/gateway/read-messages.ts';
import type { Received } from '../src/gateway/received.ts';

const batching = (batch: `body:${string}`): Provider => ({
  ...github,
  event: { batch, type: 'item:type', id: 'item:id' },
});

function received(body: string | Buffer, more: Partial<Received> = {}): Received {
  const headers = { 'content-type': ['application/json'] };
  return {
    method: 'POST',
    url: 'https://hooks.test/in/x',
    query: '',
    headers,
    body: Buffer.from(body),
    address: '127.0.0.1',
    atMs: 0,
    ...more,
  };
}

const read = (provider: Provider, request: Received, isVerified = true) =>
  readMessages({ provider, deduplicateBy: 'id' }, request, isVerified);
const texts = (provider: Provider, body: string) =>
  read(provider, received(body)).messages.map(({ payload }) => Buffer.from(payload).toString());

describe('events that are written anew', () => {
  const nesting: Provider = {
    ...github,
    event: { batch: 'body:entry', nested: ['item:changes'], type: 'item:changes.0.field', id: 'item:id' },
  };

  it('become a message each', () => {
    const body = '{"entry":[{"id":"1","changes":[{"field":"a"},{"field":"b"}]}]}';
    expect(texts(nesting, body)).toEqual([
      '{"id":"1","changes":[{"field":"a"}]}',
      '{"id":"1","changes":[{"field":"b"}]}',
    ]);
  });

  it('stay together, as they came, where one is nested too deep to be written', () => {
    const depth = 100_000;
    const body = `{"entry":[{"changes":[{"field":"a","value":${'['.repeat(depth)}${']'.repeat(depth)}}]}]}`;
    expect(texts(nesting, body)).toEqual([body]);
  });

  it('stay together where each of many would repeat a large part of the body', () => {
    const changes = Array.from({ length: 10_000 }, () => '{}').join();
    const body = `{"entry":[{"text":"${'x'.repeat(1024 * 1024)}","changes":[${changes}]}]}`;
    expect(texts(nesting, body)).toEqual([body]);
  });
});

describe('a batch', () => {
  it('becomes the bytes of each of its events', () => {
    const body = ' [ {"type":"a","id":"1", "n":12345678901234567890 },{"type":"b","id":"2","x":"]\\"}"}\n]';
    expect(texts(batching('body:'), body)).toEqual([
      '{"type":"a","id":"1", "n":12345678901234567890 }',
      '{"type":"b","id":"2","x":"]\\"}"}',
    ]);
    const nested = '{"a":[1],"data":{"events":[{"type":"a"} , {"type":"b"}]}}';
    expect(texts(batching('body:data.events'), nested)).toEqual(['{"type":"a"}', '{"type":"b"}']);
    expect(read(batching('body:'), received(body)).messages).toMatchObject([
      { eventType: 'a', eventId: '1' },
      { eventType: 'b', eventId: '2' },
    ]);
  });

  it('without events becomes no message, and what is no batch becomes one', () => {
    expect(texts(batching('body:events'), '{"events":[]}')).toEqual([]);
    for (const body of ['{"events":{}}', '{"other":[1]}', '{}', 'not json', '[1]']) {
      expect(texts(batching('body:events'), body), body).toEqual([body]);
    }
  });

  it('of more than ten thousand events stays whole, byte for byte, known by its bytes', () => {
    const body = `[ ${Array.from({ length: 10_001 }, (_, n) => `{"type":"a","id":"${n}"}`).join(', ')} ]`;
    const taken = read(batching('body:'), received(body)).messages;
    expect(taken.map(({ payload }) => Buffer.from(payload).toString())).toEqual([body]);
    expect(taken).toMatchObject([
      { eventType: 'unknown', eventId: expect.stringMatching(/^sha256:/) as string },
    ]);
    const lines = '{"log_id":"1","data":{"type":"s"}}\n'.repeat(10_001);
    const logs = read(auth0, received(lines, { headers: { 'content-type': ['application/x-ndjson'] } }));
    expect(logs.messages.map(({ payload }) => Buffer.from(payload).toString())).toEqual([lines]);
    expect(
      read(batching('body:'), received(body.replace('{"type":"a","id":"0"}, ', ''))).messages,
    ).toHaveLength(10_000);
  });

  it('of any JSON has as many messages as events, each of which says the same as its bytes', () => {
    fc.assert(
      fc.property(fc.array(fc.jsonValue()), fc.constantFrom(undefined, 2, '\t'), (events, indent) => {
        const body = JSON.stringify({ before: [events], events }, null, indent);
        expect(texts(batching('body:events'), body).map((text) => JSON.parse(text) as unknown)).toEqual(
          JSON.parse(JSON.stringify(events)),
        );
      }),
    );
  });
});

describe('a message', () => {
  it('has the content type of what it holds', () => {
    const of = (body: string, type: string) =>
      read(github, received(body, { headers: { 'content-type': [type] } })).messages[0]?.contentType;
    expect(of('{}', 'application/json')).toBeUndefined();
    expect(of('{}', 'text/plain')).toBeUndefined();
    expect(of('a=%7B%7D', 'application/x-www-form-urlencoded')).toBe('application/x-www-form-urlencoded');
    expect(of('<a/>', 'text/xml; charset=utf-8')).toBe('text/xml; charset=utf-8');
    expect(of('<a/>', 'no type')).toBe('application/octet-stream');
    expect(of('<a/>', 'text/\u0000')).toBe('application/octet-stream');
  });

  it('whose JSON is a field of a form holds that JSON, as it was written', () => {
    const headers = { 'content-type': ['application/x-www-form-urlencoded'], 'x-github-event': ['push'] };
    const json = '{ "n": 12345678901234567890 }';
    const { messages } = read(github, received(`payload=${encodeURIComponent(json)}&a=1`, { headers }));
    expect(messages).toMatchObject([{ eventType: 'push' }]);
    expect(messages[0]!.contentType).toBeUndefined();
    expect(Buffer.from(messages[0]!.payload).toString()).toBe(json);
  });

  it('of a request without a body holds its query', () => {
    const { messages } = read(github, received('', { method: 'GET', query: '?a=1&b=%20' }));
    expect(Buffer.from(messages[0]!.payload).toString()).toBe('{"a":"1","b":" "}');
  });

  it('has a type and an id that can be stored, whatever the provider calls them', () => {
    const provider: Provider = { ...github, event: { type: 'body:type', id: 'body:id' } };
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), fc.string({ unit: 'binary' }), (type, id) => {
        const { messages, deliveryId } = read(provider, received(JSON.stringify({ type, id })));
        expect(messages[0]!.eventType).toMatch(/^[a-zA-Z0-9\-_.]{1,256}$/);
        expect(messages[0]!.eventId ?? 'none').toMatch(/^[\x20-\x7e]{1,256}$/);
        expect(deliveryId ?? 'none').toMatch(/^[\x20-\x7e]{1,256}$/);
      }),
    );
    const named = (type: string) => read(provider, received(JSON.stringify({ type }))).messages[0]?.eventType;
    expect(named('orders/create')).toBe('orders.create');
    expect(named('!!!')).toBe('unknown');
  });

  it('that was not verified has an id of its own', () => {
    const headers = { 'x-github-delivery': ['1'] };
    const idOf = (isVerified: boolean) =>
      read(github, received('{}', { headers }), isVerified).messages[0]?.eventId;
    expect(idOf(true)).toBe('1');
    expect(idOf(false)).toBe('unverified:1');
  });

  it('is known by its body where the source says so, and by nothing where it says that', () => {
    const by = (deduplicateBy: 'body' | 'nothing', body: string) =>
      readMessages({ provider: github, deduplicateBy }, received(body), true).messages[0]?.eventId;
    expect(by('body', '{"n":1}')).toBe(by('body', '{"n":1}'));
    expect(by('body', '{"n":1}')).not.toBe(by('body', '{"n":2}'));
    expect(by('nothing', '{"n":1}')).toBeUndefined();
  });
});
