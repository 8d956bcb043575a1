// Rules and values of adnanh/webhook's hooks as filters and templates: never open where the rule is not, and nothing in a
// text of the file is read as more than a text.
import fc from 'fast-check';
import { afterAll, describe, expect, test } from 'vitest';
import { fillReferences } from '../src/cli/apply-references.ts';
import { textTests } from '../src/cli/hook-regex.ts';
import { meaningOf } from '../src/cli/hook-rule.ts';
import { convertHook } from '../src/cli/hook-source.ts';
import { templateOf } from '../src/cli/hook-values.ts';
import { Filter, FilterSubject } from '../src/core/filter.ts';
import { templateData } from '../src/delivery/connectors/templates.ts';
import { testTemplates } from './support/templates.ts';

const hmac = (secret: string, more: object = {}) => ({
  match: {
    type: 'payload-hmac-sha256',
    secret,
    parameter: { source: 'header', name: 'X-Hub-Signature-256' },
    ...more,
  },
});
const value = (name: string, wanted: string, source = 'payload') => ({
  match: { type: 'value', value: wanted, parameter: { source, name } },
});
const regex = (name: string, pattern: string) => ({
  match: { type: 'regex', regex: pattern, parameter: { source: 'payload', name } },
});

function passes(filter: string, payload: unknown, eventType = 'push'): boolean {
  const subject = new FilterSubject({ eventType, payload: Buffer.from(JSON.stringify(payload)) });
  return new Filter(filter).refusalOf(subject) === undefined;
}
const filterOf = (rule: unknown) => meaningOf(rule).filter ?? 'true';

describe('a rule', () => {
  test.each([
    [hmac('s3cret'), { type: 'github', secrets: ['s3cret'] }],
    [
      hmac('s', { type: 'payload-hash-sha1', parameter: { source: 'header', name: 'X-Hub-Signature' } }),
      { type: 'github', secrets: ['s'] },
    ],
    [
      hmac('s', { type: 'payload-hmac-sha512', parameter: { source: 'header', name: 'X-Sig' } }),
      { type: 'generic-hmac', settings: { header: 'X-Sig', algorithm: 'sha512' }, secrets: ['s'] },
    ],
    [{ or: [hmac('new'), hmac('old')] }, { type: 'github', secrets: ['new', 'old'] }],
    [value('X-Gitlab-Token', 'tok', 'header'), { type: 'gitlab', secrets: ['tok'] }],
    [
      value('token', 'tok', 'url'),
      { type: 'generic-token', settings: { place: 'query:token' }, secrets: ['tok'] },
    ],
    [
      value('data.secret', 'tok'),
      { type: 'generic-token', settings: { place: 'payload:data.secret' }, secrets: ['tok'] },
    ],
    [undefined, { type: 'generic-webhook', secrets: [] }],
  ])('%j has its door', (rule, door) => {
    expect(meaningOf(rule)).toMatchObject({ door, filter: undefined });
  });

  test.each([
    ['addresses', { match: { type: 'ip-whitelist', 'ip-range': '10.0.0.0/8' } }],
    [
      'addresses, or a signature',
      { or: [hmac('s'), { match: { type: 'ip-whitelist', 'ip-range': '::1' } }] },
    ],
    ['a signature that must not be', { not: hmac('s') }],
    ['two signatures', { and: [hmac('s'), hmac('t')] }],
    ['a signature, or else a branch', { or: [hmac('s'), value('ref', 'main')] }],
    ['a secret in the payload beside a signature', { and: [hmac('s'), value('token', 't')] }],
    ['two tokens', { and: [value('X-A', 'a', 'header'), value('X-B', 'b', 'header')] }],
    ['an empty secret', hmac('')],
    ['a secret of a number', { match: { ...hmac('').match, secret: 42 } }],
    ['a signature in the query', hmac('s', { parameter: { source: 'url', name: 'sig' } })],
    ['a pattern of digits', regex('ref', String.raw`^v\d+$`)],
    [
      'a pattern in a header',
      { match: { ...regex('', 'a').match, parameter: { source: 'header', name: 'A' } } },
    ],
    ['a type of tomorrow', { match: { type: 'payload-hmac-sha3' } }],
    ['nothing', {}],
    ['two things', { and: [hmac('s')], or: [hmac('s')] }],
    ['no list', { and: hmac('s') }],
    ['a decimal number', value('n', '1.0')],
    ['XML', value('app.-id', '1')],
    ['a quote in a name', value('a"b', 'x')],
    ['forty levels', Array.from({ length: 40 }).reduce((inner) => ({ not: inner }), value('a', 'b'))],
  ])('of %s is refused', (_, rule) => {
    expect(() => meaningOf(rule)).toThrow(expect.objectContaining({ name: 'NotConvertible' }));
  });

  test('finds numbers, booleans, elements of lists and odd names', () => {
    const payload = { n: 42, yes: true, list: [{ id: 'a' }], 'odd-name': { package: 'x' }, text: '42' };
    for (const right of [
      value('n', '42'),
      value('text', '42'),
      value('yes', 'true'),
      value('list.0.id', 'a'),
      value('odd-name.package', 'x'),
      regex('list.0.id', '.*'),
      { not: value('list.1.id', 'a') },
      { not: value('no.such.thing', 'a') },
      { and: [] },
    ]) {
      expect(passes(filterOf(right), payload), JSON.stringify(right)).toBe(true);
    }
    for (const wrong of [value('n', '43'), value('list.1.id', 'a'), value('no.such', 'a'), { or: [] }]) {
      expect(passes(filterOf(wrong), payload), JSON.stringify(wrong)).toBe(false);
    }
    // A list is no text: the filter fails, also below a not.
    expect(passes(filterOf({ not: regex('list', '^a') }), payload)).toBe(false);
    // Here as there, a body that is no map has no parts.
    expect(passes(filterOf({ not: value('n', 'a') }), 'no map')).toBe(true);
  });

  test('knows the events of a provider by their type', () => {
    const event = (name: string) => value('X-GitHub-Event', name, 'header');
    const filter = filterOf({ and: [hmac('s'), { or: [event('push'), event('issues')] }] });
    const taken = ['push', 'issues.opened', 'pushed', 'fork', 'issue'].filter((type) =>
      passes(filter, {}, type),
    );
    expect(taken).toEqual(['push', 'issues.opened']);
  });

  const names = fc.constantFrom('a', 'b', 'a.c', 'if', 'x-y');
  const texts = fc.constantFrom('', 'x', 'xy', 'yx', 'a"\\b', '${x}', 'x\ny', '{{x}}');
  const patterns = fc.constantFrom(
    'x',
    '^x',
    'x$',
    '^x$',
    '^(?:x|a)y',
    'x|y$',
    '^x.*$',
    '^.*y$',
    '.*',
    '^.*$',
  );
  const { rule } = fc.letrec<{ rule: unknown; match: unknown }>((tie) => ({
    match: fc.oneof(
      fc.tuple(names, texts).map(([name, text]) => value(name, text)),
      fc.tuple(names, patterns).map(([name, pattern]) => regex(name, pattern)),
    ),
    rule: fc.oneof(
      { maxDepth: 3 },
      tie('match'),
      fc.record({ and: fc.array(tie('rule'), { maxLength: 3 }) }),
      fc.record({ or: fc.array(tie('rule'), { maxLength: 3 }) }),
      fc.record({ not: tie('rule') }),
    ),
  }));
  const payloads = fc.record(
    { a: fc.oneof(texts, fc.record({ c: texts })), b: texts, if: texts, 'x-y': texts },
    { requiredKeys: [] },
  );

  test('lets through what it lets through there', () => {
    let passed = 0;
    fc.assert(
      fc.property(rule, payloads, (given, payload) => {
        const expected = holds(given, payload);
        // What is of another type than the rule expects may be refused, and never let through.
        const isPassed = passes(filterOf(given), payload);
        if (isPassed) passed += 1;
        if (isPassed || typeof payload.a !== 'object') expect(isPassed).toBe(expected);
      }),
      { numRuns: 1_000 },
    );
    expect(passed).toBeGreaterThan(100);
  });
});

interface Rule {
  and?: Rule[];
  or?: Rule[];
  not?: Rule;
  match?: { type: string; value?: string; regex?: string; parameter: { name: string } };
}

/** The rules of adnanh/webhook once more, from its documents. */
function holds(given: unknown, payload: object): boolean {
  const { and, or, not, match } = given as Rule;
  if (and) return and.every((one) => holds(one, payload));
  if (or) return or.some((one) => holds(one, payload));
  if (not) return !holds(not, payload);
  let found: unknown = payload;
  for (const step of match?.parameter.name.split('.') ?? []) {
    if (typeof found !== 'object' || found === null || !Object.hasOwn(found, step)) return false;
    found = Reflect.get(found, step);
  }
  const text = typeof found === 'string' ? found : JSON.stringify(found);
  if (match?.type === 'value') return text === match.value;
  return new RegExp(String(match?.regex).replaceAll('.', String.raw`[^\n]`)).test(text);
}

describe('a regular expression', () => {
  const known =
    'x ^x x$ ^x$ ^$ ^ $ .* ^.* .*$ ^.*$ .*x x.* ^x.*$ ^.*x$ ^.*x.*$ ^a|b$ (a|b)c ^(?:a|bc)$ a(b|)c a\\.b\\/c'.split(
      ' ',
    );
  const others = '^.*x x.*$ (?i)x x+ x? [x] x{2} x.y (a(b)) (^a) a) (a \\d x.*y .*?x'.split(' ');
  const text = fc.string({ unit: fc.constantFrom('x', 'y', 'a', 'b', 'c', '.', '/', '\n'), maxLength: 6 });

  test.each(['', ...known])('%j is asked for as it is', (pattern) => {
    const filter = filterOf(regex('t', pattern));
    const own = new RegExp(pattern.replaceAll('.*', String.raw`[^\n]*`));
    fc.assert(
      fc.property(text, (t) => {
        expect(passes(filter, { t }), JSON.stringify(t)).toBe(own.test(t));
      }),
    );
  });

  test.each(others)('%j is left alone', (pattern) => {
    expect(textTests(pattern)).toBeUndefined();
  });
});

describe('what a command is given', () => {
  const templates = testTemplates();
  afterAll(() => templates.close());
  const data = (payload: unknown) =>
    templateData({
      applicationId: 'app_1',
      messageId: 'msg_1',
      endpointId: 'ep_1',
      eventType: 'push.made',
      atMs: 0,
      payload: Buffer.from(JSON.stringify(payload)),
      contentType: 'application/json',
    });
  const facts = { type: 'github', isQueryOnly: false };
  const parts = [
    '{',
    '}',
    '%',
    '$',
    '-',
    '{{ payload.x }}',
    '{% raw %}',
    '{% endraw %}',
    '${HOME}',
    '"',
    '\\',
    '\n',
    'x',
  ];

  test('a text of the file stays what it is', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(fc.constantFrom(...parts), { maxLength: 8 }), async (chosen) => {
        const text = chosen.join('');
        const references = { env: { HOME: 'filled in' }, folder: '/' };
        const template = await fillReferences(
          templateOf({ source: 'string', name: text }, facts),
          references,
          (what) => new Error(what),
        );
        expect(await templates.render(String(template), data({ x: 'filled in' }))).toBe(text);
      }),
    );
  });

  test('parts of the payload are, whatever they hold', async () => {
    const odd = '{{ id }} ${HOME} $(reboot) "';
    const payload = { a: { 'b-c': [{ d: odd }] }, n: 7, e: '' };
    const render = (entry: object) => templates.render(templateOf(entry, facts), data(payload));
    expect(await render({ source: 'payload', name: 'a.b-c.0.d' })).toBe(odd);
    expect(await render({ source: 'payload', name: 'n' })).toBe('7');
    expect(await render({ source: 'payload', name: 'none.at.all' })).toBe('');
    expect(JSON.parse(await render({ source: 'entire-payload' }))).toEqual(payload);
    expect(await render({ source: 'header', name: 'X-GitHub-Event' })).toBe('push');
  });

  test.each([
    'header',
    'url',
    'request',
    'entire-headers',
    'entire-query',
    'raw-request-body',
    'template',
    'context',
    '',
  ])('nothing is made up for the source %j', (source) => {
    expect(() => templateOf({ source, name: 'x' }, facts)).toThrow(
      expect.objectContaining({ name: 'NotConvertible' }),
    );
  });

  test.each([
    ['a file', { 'pass-file-to-command': [{ source: 'payload', name: 'a' }] }],
    ['another command first', { 'pre-hook-command': '/bin/true' }],
    ['JSON in a field', { 'parse-parameters-as-json': [{ source: 'payload', name: 'a' }] }],
    ['what is of tomorrow', { 'run-as': 'root' }],
    ['a command along the PATH', { 'execute-command': 'ls' }],
    ['a comma in the path', { 'execute-command': '/opt/a,/bin/sh' }],
    ['a reference in the path', { 'command-working-directory': '/${HOME}' }],
    ['no known method', { 'http-methods': ['HEAD'] }],
    [
      'one variable twice',
      {
        'pass-environment-to-command': [
          { source: 'payload', name: 'a.b' },
          { source: 'payload', name: 'a-b' },
        ],
      },
    ],
  ])('a hook with %s is left out', (_, more) => {
    const hook = { id: 'x', 'execute-command': '/opt/x', ...more };
    expect(convertHook(hook, 's')).toEqual({ uid: 'x', reasons: [expect.stringMatching(/^it /)] });
  });
});
