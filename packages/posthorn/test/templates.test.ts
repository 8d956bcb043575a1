// Templates: what they can name, and what they cannot do to the process that fills them.
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type TemplateData, templateData } from '../src/delivery/connectors/templates.ts';
import { testTemplates } from './support/templates.ts';

const payload = { total: 12.5, name: 'Ada & <Co>', tags: ['a', 'b'], nested: { yes: true }, none: null };
let endpoints = 0;

/** Of a delivery of its own; of an endpoint of its own, too, unless it is named. */
function dataOf(given: unknown = payload, endpointId = `ep_${(endpoints += 1)}`): TemplateData {
  return templateData({
    applicationId: 'app_1',
    messageId: 'msg_1',
    endpointId,
    eventType: 'order.paid',
    atMs: Date.parse('2026-01-02T03:04:05.000Z'),
    payload: Buffer.from(JSON.stringify(given)),
    contentType: 'application/json',
  });
}
const templates = testTemplates();
/** Half a second is what a template gets; on a machine that has no time for it, longer. Unbounded, these take minutes. */
const longMs = 45_000;

beforeAll(() => templates.render('{{ id }}', dataOf()));
afterAll(() => templates.close());

describe('a template', () => {
  test.each([
    ['plain', 'plain'],
    ['{{ eventType }} {{ payload.total }}', 'order.paid 12.5'],
    ['{% for tag in payload.tags %}[{{ tag }}]{% endfor %}', '[a][b]'],
    ['{{ payload.nested | json }}', '{"yes":true}'],
    ['{{ payload.missing.deeper }}|', '|'],
    ['{% if payload.total > 10 %}much{% endif %}', 'much'],
  ])('%s', async (text, output) => {
    expect(await templates.render(text, dataOf())).toBe(output);
  });

  test('escapes for where it goes', async () => {
    expect(await templates.render('{{ payload.name }}', dataOf(), 'url')).toBe('Ada%20%26%20%3CCo%3E');
    expect(await templates.render('<!here> {{ payload.name }}', dataOf(), 'slack')).toBe(
      '<!here> Ada &amp; &lt;Co&gt;',
    );
  });

  test('keeps the types of values that stand alone in JSON', async () => {
    const tree = {
      total: '{{ payload.total }}',
      list: ['{{ payload.tags }}', 'x {{ id }}'],
      none: '{{ payload.x }}',
    };
    expect(await templates.renderTree(tree, dataOf())).toEqual({
      total: 12.5,
      list: [['a', 'b'], 'x msg_1'],
      none: null,
    });
  });

  test.each(['{{', '{% for %}', '{{ x | nosuchfilter }}', '{% nosuchtag %}'])(
    'is refused: %s',
    async (text) => {
      expect(await templates.problemOf(text)).toMatch(/is not a template/);
    },
  );

  test.each([
    ['a file', '{% include "/etc/passwd" %}'],
    ['another file', '{% render "../../package.json" %}'],
    ['a layout', '{% layout "/etc/passwd" %}'],
    ['no end', '{% for i in (1..100000000) %}{% for j in (1..100000000) %}x{% endfor %}{% endfor %}'],
    [
      'much',
      '{% assign x = "xxxxxxxxxx" %}{% for i in (1..50) %}{% assign x = x | append: x %}{% endfor %}{{ x }}',
    ],
  ])('does not give %s', async (_what, text) => {
    const startedMs = performance.now();
    await expect(templates.render(text, dataOf())).rejects.toThrow(/a template/);
    expect(performance.now() - startedMs).toBeLessThan(longMs);
  });

  const slow = '{% for i in (1..9999) %}{% for j in (1..9999) %}{{ i }}{% endfor %}{% endfor %}';

  test('is not run again at once for the endpoint whose templates took too long', async () => {
    await expect(templates.render(slow, dataOf(payload, 'ep_slow'))).rejects.toThrow(/limit exceeded/);
    await expect(templates.render('{{ id }}', dataOf(payload, 'ep_slow'))).rejects.toThrow('a moment ago');
    expect(await templates.render('{{ id }}', dataOf(payload, 'ep_other'))).toBe('msg_1');
  });

  // LiquidJS looks at the clock between the parts of a template. Each of these is one part that takes minutes.
  const list = '{% assign list = (1..20000) %}';
  const conditions = Array.from({ length: 300 }, () => 'list contains 0').join(' or ');
  test.each([
    ['a filter with an expression', `${list}{{ list | where_exp: "i", "list contains -1" | size }}`],
    ['a condition', `${list}{% if ${conditions} %}x{% endif %}`],
  ])('does not hold up this process with %s', async (_what, text) => {
    let waitedMs = 0;
    let lastMs = performance.now();
    const ticking = setInterval(() => {
      waitedMs = Math.max(waitedMs, performance.now() - lastMs);
      lastMs = performance.now();
    }, 10);
    await expect(templates.render(text, dataOf(payload, `ep_${text.length}`))).rejects.toThrow(
      /a template failed/,
    );
    clearInterval(ticking);
    expect(waitedMs).toBeLessThan(longMs);
    await expect(templates.render('{{ id }}', dataOf(payload, `ep_${text.length}`))).rejects.toThrow(
      'a moment ago',
    );
    expect(await templates.render('{{ id }}', dataOf())).toBe('msg_1');
  });

  test('is filled with the payload of its own delivery, however many there are', async () => {
    const large = Array.from({ length: 8 }, (_, at) => dataOf({ at, text: 'x'.repeat(500_000) }));
    const rounds = [...large, ...large, ...large];
    const outputs = await Promise.all(rounds.map((data) => templates.render('{{ payload.at }}', data)));
    expect(outputs).toEqual(rounds.map((_, index) => String(index % large.length)));
  });

  test('shares its time with the others of its delivery', async () => {
    const startedMs = performance.now();
    const many = Array.from({ length: 100 }, (_, at) => `{% comment %}${at}{% endcomment %}${slow}`);
    await expect(templates.renderTree(many, dataOf())).rejects.toThrow(/a template failed/);
    expect(performance.now() - startedMs).toBeLessThan(longMs);
  });

  test('shares what may come out with the others of its delivery', async () => {
    const large = dataOf({ text: 'x'.repeat(100_000) });
    const many = Array.from({ length: 4_000 }, () => '{{ payload }}');
    await expect(templates.renderTree(many, large)).rejects.toThrow(/characters together/);
  });

  test('keeps a value whose white space is trimmed', async () => {
    expect(await templates.renderTree({ total: '{{- payload.total -}}' }, dataOf())).toEqual({ total: 12.5 });
  });

  test('sees own members of the payload only', async () => {
    expect(await templates.render('{{ payload.constructor }}{{ payload.__proto__ }}', dataOf())).toBe('');
  });

  test('sees the fields of a form, which are texts', async () => {
    const form = templateData({
      applicationId: 'app_1',
      messageId: 'msg_1',
      endpointId: 'ep_form',
      eventType: 'unknown',
      atMs: 0,
      payload: Buffer.from('token=42&text=a+b%26c'),
      contentType: 'application/x-www-form-urlencoded',
    });
    expect(await templates.render('{{ payload.token }} {{ payload.text }}', form)).toBe('42 a b&c');
  });
});
