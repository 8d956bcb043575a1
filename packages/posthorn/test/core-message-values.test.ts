// Parts of messages: how they are named, and that a value is taken as it stands.
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { exactValue } from '../src/core/exact-value.ts';
import { parseMessagePath } from '../src/core/message-path.ts';

const bytes = (text: string) => new TextEncoder().encode(text);

describe('a path', () => {
  test.each([
    ['id', { member: 'id', steps: [] }],
    ['eventType', { member: 'eventType', steps: [] }],
    ['payload', { member: 'payload', steps: [] }],
    ['payload.a-b.c', { member: 'payload', steps: ['a-b', 'c'] }],
    ['payload.items[10].id', { member: 'payload', steps: ['items', '10', 'id'] }],
    ['payload[0][1]', { member: 'payload', steps: ['0', '1'] }],
  ])('%s', (text, path) => {
    expect(parseMessagePath(text)).toEqual(path);
  });

  test.each([
    '',
    'body',
    'id.x',
    'payload.',
    'payload..a',
    'payload[x]',
    'payload["a"]',
    'payload.é',
    'payloads',
  ])('is not: %s', (text) => {
    expect(parseMessagePath(text)).toBeUndefined();
  });
});

describe('an exact value', () => {
  test.each([
    ['{"a":12345678901234567890.10}', ['a'], { kind: 'number', text: '12345678901234567890.10' }],
    ['{"a": -1e400 }', ['a'], { kind: 'number', text: '-1e400' }],
    [' {"a":{"b":[1,"x\\u0041\\n",null,true,{"c":2}]}} ', ['a', 'b', '1'], { kind: 'string', text: 'xA\n' }],
    ['{"a":{"b":[1,null]}}', ['a', 'b', '1'], { kind: 'null' }],
    ['{"a":[true]}', ['a', '0'], { kind: 'boolean', text: 'true' }],
    ['{"a":[ {"c" : 2} ]}', ['a', '0'], { kind: 'json', text: '{"c" : 2}' }],
    ['{"a":[1]}', ['a', '7'], { kind: 'absent' }],
    ['{"a":[1]}', ['a', 'x'], { kind: 'absent' }],
    ['{"a":1}', ['a', 'b'], { kind: 'absent' }],
    ['{"a":1,"a":2}', ['a'], { kind: 'number', text: '2' }],
    ['5', [], { kind: 'number', text: '5' }],
    ['"text"', [], { kind: 'string', text: 'text' }],
  ])('of %s at %j', (json, steps, value) => {
    expect(exactValue(bytes(json), steps)).toEqual(value);
  });

  test('is what parsing gives, wherever parsing is exact', () => {
    const key = fc.stringMatching(/^[a-z]{1,5}$/);
    fc.assert(
      fc.property(fc.dictionary(key, fc.jsonValue(), { minKeys: 1 }), fc.nat(), (object, pick) => {
        const names = Object.keys(object);
        const name = names[pick % names.length] ?? '';
        const found = exactValue(bytes(JSON.stringify(object)), [name]);
        const value = 'text' in found ? found.text : null;
        const parsed = found.kind === 'string' ? value : (JSON.parse(value ?? 'null') as unknown);
        expect(parsed).toEqual(JSON.parse(JSON.stringify(object[name])));
      }),
    );
  });
});
