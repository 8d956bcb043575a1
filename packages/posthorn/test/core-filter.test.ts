// Filters: what they let through, what they keep away and say why, and that no expression takes long.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { checkFilter, Filter, filterMaxChars, FilterSubject } from '../src/core/filter.ts';

const bytes = (value: unknown) => Buffer.from(typeof value === 'string' ? value : JSON.stringify(value));
const order = {
  amount: 100,
  currency: 'EUR',
  note: null,
  items: [
    { sku: 'a', count: 1 },
    { sku: 'b', count: 0 },
  ],
};

function refusal(expression: string, payload: unknown = order, message: object = {}) {
  const subject = new FilterSubject({ eventType: 'order.paid', payload: bytes(payload), ...message });
  return new Filter(expression).refusalOf(subject);
}

describe('an expression', () => {
  it.each([
    'payload.amount > 50',
    'payload.amount == 100 && payload.currency in ["EUR", "USD"]',
    'payload.items.exists(item, item.sku == "b")',
    'payload.items.all(item, item.count >= 0)',
    'payload.items.filter(item, item.count > 0).size() == 1',
    'has(payload.note) && payload.note == null',
    '!has(payload.missing)',
    'payload.currency.lowerAscii().startsWith("eu")',
    'eventType == "order.paid" && eventId == null',
    'size(channels) == 0 && !("vip" in tags)',
    'int(payload.amount) % 2 == 0',
  ])('lets through what it is true for: %s', (expression) => {
    expect(checkFilter(expression)).toBeUndefined();
    expect(refusal(expression)).toBeUndefined();
  });

  it('sees the event type, event id, channels and tags', () => {
    const message = { eventId: 'e-1', channels: ['eu'], tags: ['vip'] };
    expect(refusal('eventId == "e-1" && "eu" in channels && tags == ["vip"]', {}, message)).toBeUndefined();
  });

  it('keeps away what it is false for', () => {
    expect(refusal('payload.amount > 1000')).toEqual({
      reason: 'filter',
      detail: "The endpoint's filter does not match this message.",
    });
  });

  it.each([
    ['a missing key', 'payload.total > 1', 'No such key: total (at character 9).'],
    ['types that do not compare', 'payload.currency > 1', 'no such overload'],
    ['no truth value', 'payload.amount', 'it is a number here, not true or false'],
    ['a name of every object', 'payload.constructor == 1', 'No such key: constructor'],
  ])('that cannot be evaluated keeps the message away and says why: %s', (_, expression, cause) => {
    const found = refusal(expression);
    expect(found?.reason).toBe('filter_error');
    expect(found?.detail).toContain(cause);
  });

  it('sees a payload that is not JSON as a text', () => {
    expect(refusal('payload.startsWith("<xml")', '<xml/>')).toBeUndefined();
    expect(refusal('payload.amount > 1', '<xml/>')?.reason).toBe('filter_error');
  });

  it('sees the fields of a form as a map of texts', () => {
    const form = { contentType: 'application/x-www-form-urlencoded; charset=utf-8' };
    expect(
      refusal('payload.From == "+1 5" && payload.Body == "a=b"', 'From=%2B1+5&Body=a%3Db', form),
    ).toBeUndefined();
    expect(refusal('payload.__proto__ == "1"', '__proto__=1', form)?.reason).not.toBe('filter_error');
    expect(
      refusal('payload.From == "1"', '{"From":"1"}', { contentType: 'application/json' }),
    ).toBeUndefined();
  });

  it('cannot be led astray by a member called __proto__', () => {
    expect(refusal('payload.admin == true', '{"__proto__": {"admin": true}}')?.reason).toBe('filter_error');
    expect(Reflect.get({}, 'admin')).toBeUndefined();
  });
});

describe('checkFilter', () => {
  it.each([
    ['an unfinished one', 'payload.amount >', 'Unexpected token', 17],
    ['an unknown name', 'true && eventTyp == "a"', 'Unknown variable: eventTyp', 9],
    ['a text', '"yes"', 'must be true or false, and is a string', 1],
    ['types that never fit', 'eventType + 1 == 2', 'no such overload', 1],
    ['a regular expression', 'eventType.matches("a+")', 'use startsWith, endsWith or contains', 1],
    ['map()', 'size(payload.items.map(i, i)) > 1', 'map() is not offered', 6],
    ['bind()', 'cel.bind(x, 1, x > 0)', 'bind() is not offered', 1],
    ['many times +', `${'payload.a + '.repeat(7)}1.0 > 1.0`, 'more than 6 times +', 1],
    ['a time zone', 'timestamp(payload.at).getHours("Europe/Rome") > 1', 'getHours() is not offered', 1],
    ['a deep one', `${'!('.repeat(60)}true${')'.repeat(60)}`, 'maxDepth', undefined],
  ])('names what is wrong, and where: %s', (_, expression, message, position) => {
    const problem = checkFilter(expression);
    expect(problem?.message).toContain(message);
    if (position !== undefined) expect(problem?.position).toBe(position);
  });

  it('refuses a long one', () => {
    expect(checkFilter(`eventType == "${'x'.repeat(filterMaxChars)}"`)?.message).toContain('longer than');
  });

  it('never throws, and what it lets through never throws either', () => {
    const words = [
      'payload',
      '.a',
      '.exists(x, ',
      ')',
      ' == ',
      ' in ',
      '[',
      ']',
      '1',
      '"b"',
      ' && ',
      '!',
      'size(',
      'x',
      '{',
      ' + ',
    ];
    fc.assert(
      fc.property(fc.array(fc.constantFrom(...words), { maxLength: 12 }), fc.json(), (parts, payload) => {
        const expression = parts.join('');
        if (checkFilter(expression)) return;
        refusal(expression, payload);
      }),
    );
  });
});

describe('the cost', () => {
  const many = { list: Array.from({ length: 20_000 }, (_, i) => i), text: 'a'.repeat(200_000), other: 'b' };

  it.each([
    ['nested loops', 'payload.list.all(a, payload.list.all(b, a + b >= 0.0))'],
    ['comparing everything, again and again', 'payload.list.all(a, payload == payload)'],
    ['looking everywhere, again and again', 'payload.list.all(a, !(payload in payload.list))'],
    ['reading a long text, again and again', 'payload.list.all(a, !payload.text.contains("b"))'],
    [
      'seeking a text of the message in another',
      'payload.list.all(a, !payload.text.contains(payload.other))',
    ],
    ['making lists longer', `payload.list.all(a, size(${'payload.list + '.repeat(5)}payload.list) > 0)`],
  ])('of %s is refused, not paid', (_, expression) => {
    expect(checkFilter(expression)).toBeUndefined();
    expect(refusal(expression, many)?.detail).toContain('could take too long');
  });

  it('of one loop over a large message is paid', () => {
    expect(refusal('payload.list.exists(a, a == 19999)', many)).toBeUndefined();
    expect(refusal('payload.text.contains("b") || payload.other == "b"', many)).toBeUndefined();
  });

  it('of all the filters of a message is limited together', () => {
    const subject = new FilterSubject({ eventType: 'a', payload: bytes(many) });
    const filter = new Filter('payload.list.all(a, a >= 0)');
    const refusals = Array.from({ length: 200 }, () => filter.refusalOf(subject)?.reason);
    expect(refusals[0]).toBeUndefined();
    expect(refusals.at(-1)).toBe('filter_error');
  });
});
