// docs/providers.md is made of the rows, and stays what they say: after a change, run this test with -u.
import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';
import { describeProvider } from '../../src/provider/describe-provider.ts';
import type { Provider } from '../../src/provider/provider.ts';
import { providers } from '../../src/providers/all.ts';
import type { Evidence, ProviderSample } from '../support/provider-sample.ts';

const page = fileURLToPath(new URL('../../../../docs/providers.md', import.meta.url));
const command = 'npm test -- packages/webhooks/test/providers/table.test.ts -u';
const folder = new URL('../provider-samples/', import.meta.url);
const modules = await Promise.all(
  readdirSync(folder)
    .filter((name) => name.endsWith('.ts'))
    .map((name) => import(new URL(name, folder).href) as Promise<{ samples: readonly ProviderSample[] }>),
);
const samples = modules.flatMap((module) => module.samples);

const evidenceWords: Readonly<Record<Evidence, string>> = {
  vector: 'its own vectors',
  sdk: 'its own SDK',
  others: 'vectors of others',
  document: 'its document',
};
const head = [
  '| name | provider | grade | scheme | secret | event id | retries | handshake | checked with |',
  '|---|---|---|---|---|---|---|---|---|',
];

function cell(text: string): string {
  return text.replaceAll('|', String.raw`\|`).replaceAll('\n', ' ');
}

function lineOf(provider: Provider): string {
  const { name, title, docs, grade, secret, schemes, eventId, retry, handshake } = describeProvider(provider);
  const evidence = new Set(
    samples.filter((sample) => sample.provider.name === name).map((sample) => evidenceWords[sample.evidence]),
  );
  const settings = (provider.settings ?? []).map(
    ({ name: setting, optional = false }) => `${optional ? 'optional ' : ''}setting \`${setting}\``,
  );
  const cells = [
    `\`${name}\``,
    `[${title}](${docs})`,
    grade,
    schemes.map(inCode).join('; else '),
    [secret, ...settings].join(', '),
    eventId === '' ? 'none' : eventId,
    retry,
    handshake === '' ? 'none' : handshake,
    [...evidence].sort().join(', '),
  ];
  return `| ${cells.map(cell).join(' | ')} |`;
}

/** Braces of a template are code, not text. */
function inCode(scheme: string): string {
  return scheme.replaceAll(/ of (\S*\{.+?\}[^,]*)/g, ' of `$1`');
}

function tableOf(): string {
  const rows = [...providers.values()].sort((left, right) => (left.name < right.name ? -1 : 1));
  return `# Providers

Whose webhooks \`@posthorn/webhooks\` and Posthorn verify, made of the rows in [packages/webhooks/src/providers](../packages/webhooks/src/providers). \`posthorn providers NAME\` tells more of one; [\`posthorn verify\`](cli.md#verify) tries one on a saved request.

- **grade**: \`A\` was read in the provider's own document or SDK, or checked with its vectors; \`B\` was read in a good secondary source; \`experimental\` is neither.
- **scheme**: what is signed stands in braces. Of several, the first whose headers are there is the one that is verified.
- **event id**: the same on every retry; duplicates are found by it.
- **checked with**: a test runs signatures that are fixed in the provider's document or in tests of its own libraries (\`its own vectors\`), asks its library for Node or that of the standard it follows (\`its own SDK\`), runs signatures that another's library or a receiver has published (\`vectors of others\`), or computes them anew with \`node:crypto\` as the document says (\`its document\`).

${rows.length} providers:

${[...head, ...rows.map(lineOf)].join('\n')}
`;
}

it('docs/providers.md is what the rows say', async () => {
  expect(providers.size).toBeGreaterThan(3);
  await expect(tableOf(), `docs/providers.md is stale: run ${command}`).toMatchFileSnapshot(page);
});

it('the README says how many there are', () => {
  const readme = readFileSync(new URL('../../../../README.md', import.meta.url), 'utf8');
  expect(readme).toContain(`the webhooks of ${providers.size} providers`);
});

it('every provider has a line, and every line its cells', () => {
  const lines = tableOf()
    .split('\n')
    .filter((line) => line.startsWith('| `'));
  expect(lines).toHaveLength(providers.size);
  for (const line of lines) {
    const cells = line.split(/(?<!\\)\|/).slice(1, -1);
    expect(cells, line).toHaveLength(9);
    for (const text of cells) expect(text.trim(), line).not.toBe('');
  }
});
