// CloudEvents over HTTP: by the letter of the binding, and with the npm package `cloudevents` on the other side.
import { CloudEvent as OracleEvent, HTTP } from 'cloudevents';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { decodeMessage } from '../../src/cloudevents/decode.ts';
import type { Decoded } from '../../src/cloudevents/decode.ts';
import { encodeBatch, encodeBinary, encodeStructured } from '../../src/cloudevents/encode.ts';
import type { EncodedMessage } from '../../src/cloudevents/encode.ts';
import type { CloudEvent } from '../../src/cloudevents/event.ts';

const event: CloudEvent = {
  id: '1234-1234-1234',
  source: '/mycontext/subcontext',
  type: 'com.example.someevent',
  datacontenttype: 'application/json; charset=utf-8',
  dataschema: 'https://example.com/schema',
  subject: 'larger-context',
  time: '2018-04-05T03:56:24Z',
  extensions: { comexampleextension1: 'value', comexampleothervalue: 5, flag: true },
  data: { appinfoA: 'abc', appinfoB: 123, appinfoC: true },
};
const minimal: CloudEvent = { id: '1', source: '/a', type: 't' };

const textOf = (body: Uint8Array) => Buffer.from(body).toString('utf8');
const jsonOf = ({ body }: EncodedMessage) => JSON.parse(textOf(body)) as Record<string, unknown>;
function eventsIn(decoded: Decoded): readonly CloudEvent[] {
  if (!decoded.ok) throw new Error(`${decoded.reason}: ${decoded.detail}`);
  return decoded.events;
}
const structured = (json: unknown, contentType = 'application/cloudevents+json') =>
  decodeMessage({ headers: { 'Content-Type': contentType }, body: JSON.stringify(json) });
const binary = (headers: Record<string, string>, body = '') =>
  decodeMessage({
    headers: { 'ce-specversion': '1.0', 'ce-id': '1', 'ce-source': '/a', 'ce-type': 't', ...headers },
    body,
  });

describe('binary mode', () => {
  it('puts the data into the body and the rest into headers', () => {
    const { headers, body } = encodeBinary(event);
    expect(headers).toEqual({
      'ce-specversion': '1.0',
      'ce-id': '1234-1234-1234',
      'ce-source': '/mycontext/subcontext',
      'ce-type': 'com.example.someevent',
      'ce-dataschema': 'https://example.com/schema',
      'ce-subject': 'larger-context',
      'ce-time': '2018-04-05T03:56:24Z',
      'ce-comexampleextension1': 'value',
      'ce-comexampleothervalue': '5',
      'ce-flag': 'true',
      'content-type': 'application/json; charset=utf-8',
    });
    expect(textOf(body)).toBe('{"appinfoA":"abc","appinfoB":123,"appinfoC":true}');
  });

  it.each([
    ['Euro € 😀', 'Euro%20%E2%82%AC%20%F0%9F%98%80'],
    ['"quoted" 100%', '%22quoted%22%20100%25'],
    [String.raw`a\b`, String.raw`a\b`],
    ['!#$&~', '!#$&~'],
  ])('a header value %j is written %j', (subject, written) => {
    expect(encodeBinary({ ...minimal, subject }).headers['ce-subject']).toBe(written);
    expect(eventsIn(binary({ 'ce-subject': written }))).toEqual([{ ...minimal, subject }]);
  });

  it.each([
    ['%e2%82%ac', '€'],
    ['%41%42', 'AB'],
    ['"a \\"b\\" %20c"', 'a "b"  c'],
    ['a "b c" d', 'a b c d'],
    ['50% off', '50% off'],
    ['%2541', '%41'],
  ])('a header value %j is read as %j', (written, subject) => {
    expect(eventsIn(binary({ 'ce-subject': written }))).toEqual([{ ...minimal, subject }]);
  });

  it.each([['%C0%A0'], ['%E2%82'], ['%ED%A0%80'], ['%00'], ['"open'], ['é'], ['%7F']])(
    'a header value %j is refused',
    (written) => {
      expect(binary({ 'ce-subject': written })).toMatchObject({ ok: false, reason: 'malformed' });
    },
  );

  it('reads data by its type, and bytes where it is none of JSON and text', () => {
    const dataOf = (contentType: string, body: string) =>
      eventsIn(binary({ 'content-type': contentType }, body))[0]?.data;
    expect(dataOf('application/json', '"text"')).toBe('text');
    expect(dataOf('application/vnd.x+json;v=1', '[1]')).toEqual([1]);
    expect(dataOf('text/plain', '[1]')).toBe('[1]');
    expect(dataOf('application/xml', '<a/>')).toBe('<a/>');
    expect(dataOf('image/svg+xml; charset=UTF-8', '<a/>')).toBe('<a/>');
    expect(dataOf('application/octet-stream', 'ab')).toEqual(Uint8Array.of(97, 98));
    expect(dataOf('text/plain; charset=iso-8859-1', 'ab')).toEqual(Uint8Array.of(97, 98));
    expect(eventsIn(binary({}, 'ab'))[0]?.data).toEqual(Uint8Array.of(97, 98));
    expect(eventsIn(binary({ 'content-type': 'application/json' }))[0]).toEqual({
      ...minimal,
      datacontenttype: 'application/json',
    });
  });

  it('says that data is JSON when nothing else is said, and leaves bytes and nothing alone', () => {
    expect(encodeBinary({ ...minimal, data: 'x' })).toMatchObject({
      headers: { 'content-type': 'application/json' },
      body: Uint8Array.from(Buffer.from('"x"')),
    });
    expect(encodeBinary({ ...minimal, data: Uint8Array.of(1) }).headers).not.toHaveProperty('content-type');
    expect(encodeBinary(minimal)).toMatchObject({ body: new Uint8Array() });
  });

  it('reads Fetch headers, and names in any case', () => {
    const { headers, body } = encodeBinary(event);
    const request = new Request('https://example.com/', { method: 'POST', headers, body });
    const [read] = eventsIn(decodeMessage({ headers: request.headers, body }));
    expect(read).toMatchObject({ id: event.id, extensions: { flag: 'true', comexampleothervalue: '5' } });
    const upper = Object.fromEntries(
      Object.entries(headers).map(([name, value]) => [name.toUpperCase(), value]),
    );
    expect(eventsIn(decodeMessage({ headers: upper, body }))).toEqual([read]);
  });

  it.each([
    [
      'no header of an event',
      { headers: { 'content-type': 'application/json' }, body: '{}' },
      'no-cloudevent',
    ],
    [
      'a header that is missing',
      { headers: { 'ce-id': '1', 'ce-specversion': '1.0' }, body: '' },
      'malformed',
    ],
    [
      'a header that came twice',
      { headers: { 'ce-specversion': ['1.0', '1.0'], 'ce-id': '1' }, body: '' },
      'unsupported',
    ],
    ['a parsed body', { headers: {}, body: {} as unknown as string }, 'malformed'],
  ] as const)('%s is refused', (_, message, reason) => {
    expect(decodeMessage(message)).toMatchObject({ ok: false, reason });
  });

  it.each([
    [{ 'ce-datacontenttype': 'text/plain' }, '', 'malformed'],
    [{ 'ce-specversion': '0.3' }, '', 'unsupported'],
    [{ 'ce-id': '' }, '', 'malformed'],
    [{ 'ce-source': 'not a uri' }, '', 'malformed'],
    [{ 'ce-dataschema': '/relative' }, '', 'malformed'],
    [{ 'ce-time': 'yesterday' }, '', 'malformed'],
    [{ 'ce-time': '2018-13-05T03:56:24Z' }, '', 'malformed'],
    [{ 'ce-my_extension': '1' }, '', 'malformed'],
    [{ 'ce-data': '1' }, '', 'malformed'],
    [{ 'content-type': 'application/json' }, '{', 'malformed'],
    [{ 'content-type': 'json' }, '', 'malformed'],
    [{ 'content-type': 'text/plain' }, '\uD800', 'malformed'],
  ])('with %j and the body %j it is refused', (headers, body, reason) => {
    expect(binary(headers as Record<string, string>, body)).toMatchObject({ ok: false, reason });
  });
});

describe('structured mode', () => {
  it('puts all into one JSON object', () => {
    const message = encodeStructured(event);
    expect(message.headers).toEqual({ 'content-type': 'application/cloudevents+json; charset=utf-8' });
    const { extensions, ...core } = event;
    expect(jsonOf(message)).toEqual({ specversion: '1.0', ...core, ...extensions });
    expect(eventsIn(decodeMessage(message))).toEqual([event]);
  });

  it('writes bytes in base64, text as text, JSON as itself', () => {
    const bytes = Uint8Array.from({ length: 100_000 }, (_, index) => index % 251);
    const withBytes = encodeStructured({ ...minimal, datacontenttype: 'application/json', data: bytes });
    expect(jsonOf(withBytes)).toMatchObject({ data_base64: Buffer.from(bytes).toString('base64') });
    expect(eventsIn(decodeMessage(withBytes))[0]?.data).toEqual(bytes);
    const xml = encodeStructured({ ...minimal, datacontenttype: 'application/xml', data: '<a b="é"/>' });
    expect(jsonOf(xml)).toMatchObject({ data: '<a b="é"/>' });
    expect(jsonOf(encodeStructured({ ...minimal, data: null }))).toHaveProperty('data', null);
    expect(jsonOf(encodeStructured(minimal))).not.toHaveProperty('data');
  });

  it('takes null as absent for attributes, and as a value for data', () => {
    expect(
      eventsIn(structured({ specversion: '1.0', ...minimal, subject: null, ext: null, data: null })),
    ).toEqual([{ ...minimal, data: null }]);
    expect(eventsIn(structured({ specversion: '1.0', ...minimal, data: '{"a":1}' }))[0]?.data).toBe(
      '{"a":1}',
    );
  });

  it.each([
    [[], 'malformed'],
    ['text', 'malformed'],
    [{ ...minimal }, 'malformed'],
    [{ ...minimal, specversion: 1 }, 'unsupported'],
    [{ specversion: '1.0', id: '1', source: '/a' }, 'malformed'],
    [{ specversion: '1.0', ...minimal, id: 1 }, 'malformed'],
    [{ specversion: '1.0', ...minimal, ext: {} }, 'malformed'],
    [{ specversion: '1.0', ...minimal, ext: 1.5 }, 'malformed'],
    [{ specversion: '1.0', ...minimal, ext: 2 ** 31 }, 'malformed'],
    [{ specversion: '1.0', ...minimal, Ext: 'a' }, 'malformed'],
    [{ specversion: '1.0', ...minimal, subject: 'a\u0000' }, 'malformed'],
    [{ specversion: '1.0', ...minimal, subject: '\uDEAD' }, 'malformed'],
    [{ specversion: '1.0', ...minimal, subject: '\uFFFE' }, 'malformed'],
    [{ specversion: '1.0', ...minimal, data: 1, data_base64: 'AA==' }, 'malformed'],
    [{ specversion: '1.0', ...minimal, data_base64: 'AB==' }, 'malformed'],
    [{ specversion: '1.0', ...minimal, data_base64: 'A A=' }, 'malformed'],
    [{ specversion: '1.0', ...minimal, datacontenttype: 'text/plain', data: {} }, 'malformed'],
  ])('%j is refused', (json, reason) => {
    expect(structured(json)).toMatchObject({ ok: false, reason });
  });

  it.each([
    ['application/cloudevents+avro', 'unsupported'],
    ['application/cloudevents+json; charset=utf-16', 'unsupported'],
    ['application/cloudevents', 'unsupported'],
    ['application/cloudevents-batch+xml', 'unsupported'],
  ])('a body of %s is refused', (contentType, reason) => {
    expect(structured({ specversion: '1.0', ...minimal }, contentType)).toMatchObject({ ok: false, reason });
  });

  it('is read whole, and refused for one character, when its source has megabytes', () => {
    const source = 'a'.repeat(20_000_000);
    expect(structured({ specversion: '1.0', id: '1', type: 't', source })).toMatchObject({ ok: true });
    for (const end of ['%2', '<']) {
      const wrong = { specversion: '1.0', id: '1', type: 't', source: source + end };
      expect(structured(wrong)).toMatchObject({ ok: false, reason: 'malformed' });
    }
  });

  it('a key of the prototype is no extension', () => {
    const message = { headers: { 'content-type': 'application/cloudevents+json' } };
    const body = '{"specversion":"1.0","id":"1","source":"/a","type":"t","__proto__":"x"}';
    expect(decodeMessage({ ...message, body })).toMatchObject({ ok: false, reason: 'malformed' });
  });
});

describe('batched mode', () => {
  it('holds any number of events', () => {
    const message = encodeBatch([event, minimal]);
    expect(message.headers['content-type']).toBe('application/cloudevents-batch+json; charset=utf-8');
    expect(decodeMessage(message)).toEqual({ ok: true, mode: 'batch', events: [event, minimal] });
    expect(decodeMessage(encodeBatch([]))).toEqual({ ok: true, mode: 'batch', events: [] });
  });

  it('is refused when one is wrong, or it is no array, or there are too many', () => {
    const batch = (json: unknown) => structured(json, 'application/cloudevents-batch+json');
    expect(batch([{ specversion: '1.0', ...minimal }, {}])).toMatchObject({ ok: false, reason: 'malformed' });
    expect(batch({ specversion: '1.0', ...minimal })).toMatchObject({ ok: false, reason: 'malformed' });
    const one = { specversion: '1.0', ...minimal };
    expect(batch(Array.from({ length: 10_001 }, () => one))).toMatchObject({
      ok: false,
      reason: 'too-large',
    });
  });
});

it.each([
  [{ ...minimal, id: '' }],
  [{ ...minimal, source: 'a b' }],
  [{ ...minimal, time: '2018-04-05' }],
  [{ ...minimal, subject: 'a\nb' }],
  [{ ...minimal, extensions: { Upper: 'a' } }],
  [{ ...minimal, extensions: { data: 'a' } }],
  [{ ...minimal, extensions: { id: 'a' } }],
  [{ ...minimal, extensions: { n: 0.5 } }],
  [{ ...minimal, datacontenttype: 'text/plain', data: {} }],
  [{ ...minimal, datacontenttype: 'text/plain; charset=latin1', data: 'é' }],
  [{ ...minimal, data: () => 1 }],
])('%j cannot be encoded', (wrong) => {
  expect(() => encodeBinary(wrong as CloudEvent)).toThrow(TypeError);
  expect(() => encodeStructured(wrong as CloudEvent)).toThrow(TypeError);
});

const attributeText = fc
  .string({ unit: 'grapheme', minLength: 1, maxLength: 20 })
  .filter((text) => !/\p{Cc}|\p{Surrogate}|\p{Noncharacter_Code_Point}/u.test(text));
const events: fc.Arbitrary<CloudEvent> = fc.record(
  {
    id: attributeText,
    source: fc.webUrl({ withQueryParameters: true, withFragments: true }),
    type: attributeText,
    subject: attributeText,
    time: fc
      .date({ min: new Date(0), max: new Date(4e12), noInvalidDate: true })
      .map((date) => date.toISOString()),
    data: fc.jsonValue(),
    extensions: fc.dictionary(fc.stringMatching(/^x[a-z0-9]{1,8}$/), attributeText, { minKeys: 1 }),
  },
  { requiredKeys: ['id', 'source', 'type', 'data'] },
);

it('every event comes back as it was sent, in every mode', () => {
  fc.assert(
    fc.property(events, (sent) => {
      const typed = { ...sent, datacontenttype: 'application/json' };
      expect(eventsIn(decodeMessage(encodeBinary(typed)))).toEqual([JSON.parse(JSON.stringify(typed))]);
      expect(eventsIn(decodeMessage(encodeStructured(sent)))).toEqual([JSON.parse(JSON.stringify(sent))]);
    }),
  );
});

it('any headers and any body give a value, never an error', () => {
  const names = fc.constantFrom(
    'ce-id',
    'ce-source',
    'ce-type',
    'ce-specversion',
    'ce-time',
    'ce-x',
    'content-type',
  );
  const values = fc.oneof(
    fc.string({ unit: 'binary' }),
    fc.constantFrom('1.0', 'application/cloudevents+json', 'application/cloudevents-batch+json', '%ff', '"'),
  );
  const bodies = fc.oneof(fc.string({ unit: 'binary' }), fc.json(), fc.uint8Array());
  fc.assert(
    fc.property(fc.dictionary(names, values), bodies, (headers, body) => {
      expect(typeof decodeMessage({ headers, body }).ok).toBe('boolean');
    }),
  );
});

describe('the npm package cloudevents', () => {
  /** As that package holds an event: extensions beside the rest. */
  function flat({ extensions = {}, ...core }: CloudEvent): Record<string, unknown> {
    return { specversion: '1.0', ...core, ...extensions };
  }
  function readByOracle({ headers, body }: EncodedMessage): Record<string, unknown> {
    const read = HTTP.toEvent({ headers, body: textOf(body) });
    return plainJson(read);
  }
  /** Without the members that it sets to undefined, and with times to the millisecond, as it rewrites them. */
  function plainJson(value: unknown): Record<string, unknown> {
    const json = JSON.parse(JSON.stringify(value)) as Record<string, unknown>;
    return 'time' in json ? { ...json, time: new Date(String(json['time'])).toISOString() } : json;
  }
  // It makes up a time when there is none, and drops data that is null, false, 0 or an empty text.
  const complete = events.filter(({ time, data }) => time !== undefined && Boolean(data));
  // It neither encodes nor decodes header values, and gives numbers and booleans in headers as texts.
  const plain: CloudEvent = { ...event, extensions: { comexampleextension1: 'value', othervalue: '5' } };

  it('reads what is encoded here', () => {
    expect(readByOracle(encodeStructured(event))).toEqual(plainJson(flat(event)));
    expect(readByOracle(encodeBinary(plain))).toEqual(plainJson(flat(plain)));
    const batch = HTTP.toEvent({
      headers: encodeBatch([event, minimal]).headers,
      body: textOf(encodeBatch([event, minimal]).body),
    }) as OracleEvent<unknown>[];
    expect(batch.map(({ id }) => id)).toEqual([event.id, minimal.id]);
    const xml: CloudEvent = { ...event, datacontenttype: 'application/xml', data: '<a/>' };
    expect(readByOracle(encodeStructured(xml))).toEqual(plainJson(flat(xml)));
  });

  it('is read here when it encodes', () => {
    const made = new OracleEvent(flat(plain));
    for (const encode of [HTTP.binary, HTTP.structured]) {
      const { headers, body } = encode(made);
      const [read] = eventsIn(
        decodeMessage({ headers: headers as Record<string, string>, body: String(body) }),
      );
      expect({ ...read, time: Date.parse(read?.time ?? '') }).toEqual({
        ...plain,
        time: Date.parse(plain.time ?? ''),
      });
    }
    const withBytes = new OracleEvent({
      ...flat(minimal),
      datacontenttype: 'image/png',
      data: Uint8Array.of(1, 2, 3),
    });
    const { headers, body } = HTTP.structured(withBytes);
    const [read] = eventsIn(
      decodeMessage({ headers: headers as Record<string, string>, body: String(body) }),
    );
    expect(read?.data).toEqual(Uint8Array.of(1, 2, 3));
  });

  it('agrees on every structured event, both ways', () => {
    fc.assert(
      fc.property(complete, (sent) => {
        const typed = { ...sent, datacontenttype: 'application/json' };
        const expected = plainJson(flat(typed));
        expect(readByOracle(encodeStructured(typed))).toEqual(expected);
        const { headers, body } = HTTP.structured(new OracleEvent(flat(typed)));
        const [read] = eventsIn(
          decodeMessage({ headers: headers as Record<string, string>, body: String(body) }),
        );
        expect(plainJson(flat(read ?? minimal))).toEqual(expected);
      }),
    );
  });
});
