// Templates: what they can name, and what they cannot do to the process that fills them.
import { beforeAll, describe, expect, test } from 'vitest';
import { systemClock } from '../src/lib/clock.ts';
import { type TemplateData, Templates } from '../src/delivery/connectors/templates.ts';

const data: TemplateData = {
  id: 'msg_1',
  eventType: 'order.paid',
  timestamp: '2026-01-02T03:04:05.000Z',
  payload: { total: 12.5, name: 'Ada & <Co>', tags: ['a', 'b'], nested: { yes: true }, none: null },
};
const templates = new Templates(systemClock);
/** A template may run so long, and be so late on a busy machine. */
const longMs = 2_000;

beforeAll(() => templates.problemOf('{{ id }}'));

describe('a template', () => {
  test.each([
    ['plain', 'plain'],
    ['{{ eventType }} {{ payload.total }}', 'order.paid 12.5'],
    ['{% for tag in payload.tags %}[{{ tag }}]{% endfor %}', '[a][b]'],
    ['{{ payload.nested | json }}', '{"yes":true}'],
    ['{{ payload.missing.deeper }}|', '|'],
    ['{% if payload.total > 10 %}much{% endif %}', 'much'],
  ])('%s', async (text, output) => {
    expect(await templates.render(text, data)).toBe(output);
  });

  test('escapes for where it goes', async () => {
    expect(await templates.render('{{ payload.name }}', data, 'url')).toBe('Ada%20%26%20%3CCo%3E');
    expect(await templates.render('<!here> {{ payload.name }}', data, 'slack')).toBe(
      '<!here> Ada &amp; &lt;Co&gt;',
    );
  });

  test('keeps the types of values that stand alone in JSON', async () => {
    const tree = {
      total: '{{ payload.total }}',
      list: ['{{ payload.tags }}', 'x {{ id }}'],
      none: '{{ payload.x }}',
    };
    expect(await templates.renderTree(tree, data)).toEqual({
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
    await expect(templates.render(text, data)).rejects.toThrow(/a template/);
    expect(performance.now() - startedMs).toBeLessThan(longMs);
  });

  test('is not run again at once when it took too long', async () => {
    const text = '{% for i in (1..9999) %}{% for j in (1..9999) %}{{ i }}{% endfor %}{% endfor %}';
    await expect(templates.render(text, data)).rejects.toThrow(/limit exceeded/);
    await expect(templates.render(text, data)).rejects.toThrow('a moment ago');
  });

  test('sees own members of the payload only', async () => {
    expect(await templates.render('{{ payload.constructor }}{{ payload.__proto__ }}', data)).toBe('');
  });
});
