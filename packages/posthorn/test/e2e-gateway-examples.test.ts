// Every payload that GitHub's users have collected goes through a source: verified, stored and delivered as it came, and
// to those endpoints that asked for its event.
import { createRequire } from 'node:module';
import pg from 'pg';
import { expect, test } from 'vitest';
import { cleanups, testDatabase, testRecorder } from './support/end-to-end.ts';
import { gatewayClient } from './support/gateway.ts';
import { startPosthorn } from './support/posthorn-process.ts';
import { waitFor } from './support/wait.ts';

interface Example {
  name: string;
  examples: { action?: unknown }[];
}

const collected = createRequire(import.meta.url)('@octokit/webhooks-examples') as Example[];
// Two spaces an indentation: whoever parses and writes anew writes less.
const requests = collected.flatMap(({ name, examples }) =>
  examples.map((payload, index) => ({
    delivery: `${name}-${index}`,
    event: name,
    type: typeof payload.action === 'string' ? `${name}.${payload.action}` : name,
    body: JSON.stringify(payload, undefined, 2),
  })),
);
const wantedTypes = [...new Set(requests.map(({ type }) => type))].filter((type) =>
  /^(?:issues|pull)/.test(type),
);
const atOnce = 8;
const waitMs = 120_000;

test('all collected payloads of GitHub: verified, stored and delivered byte for byte, routed by event type', async () => {
  const databaseUrl = await testDatabase();
  const database = new pg.Client({ connectionString: databaseUrl });
  await database.connect();
  cleanups.push(() => database.end());
  const [everything, some] = [await testRecorder(), await testRecorder()];
  const gateway = gatewayClient(await startPosthorn(databaseUrl));
  const source = await gateway.source();
  await gateway.endpoint(source, { url: everything.url });
  await gateway.endpoint(source, { url: some.url, eventTypes: wantedTypes });
  const left = [...requests];
  const work = async () => {
    for (let next = left.shift(); next; next = left.shift()) {
      const { delivery, event, body } = next;
      const answer = await gateway.push(source, { delivery, body, headers: { 'x-github-event': event } });
      expect(answer.status, delivery).toBe(204);
    }
  };
  await Promise.all(Array.from({ length: atOnce }, work));

  const { rows } = await database.query<{ id: string; type: string; body: string; verdict: string }>(
    `select e.event_id as id, m.event_type as type, convert_from(b.payload, 'UTF8') as body, r.verdict
     from posthorn.message m
     join posthorn.message_event_id e on e.application_id = m.application_id and e.message_id = m.id
     join posthorn.message_body b on b.application_id = m.application_id and b.message_id = m.id
     join posthorn.request r on r.application_id = m.application_id and r.id = m.request_id`,
  );
  const expected = requests.map(({ delivery, type, body }) => [
    delivery,
    { type, body, verdict: 'accepted' },
  ]);
  expect(rows).toHaveLength(requests.length);
  expect(new Map(rows.map(({ id, ...stored }) => [id, stored]))).toEqual(new Map(expected as never));

  const wanted = requests.filter(({ type }) => wantedTypes.includes(type));
  expect(wanted.length).toBeGreaterThan(50);
  const isAllThere = () =>
    everything.requests.length >= requests.length && some.requests.length >= wanted.length;
  await waitFor(isAllThere, { what: 'every delivery', timeoutMs: waitMs });
  const bodies = (list: readonly { body: string | Buffer }[]) =>
    list.map(({ body }) => String(body)).toSorted();
  expect(bodies(everything.requests)).toEqual(bodies(requests));
  expect(bodies(some.requests)).toEqual(bodies(wanted));
}, 180_000);
