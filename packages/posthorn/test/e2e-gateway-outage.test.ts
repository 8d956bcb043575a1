// PostgreSQL goes away under the gateway: nothing is promised, providers are asked to come again, and then all is well.
// Or a row of one source is locked, which is no other source's business.
import { randomUUID } from 'node:crypto';
import pg from 'pg';
import { expect, test } from 'vitest';
import { startDatabaseGate } from './support/database-gate.ts';
import { cleanups, testDatabase, testRecorder } from './support/end-to-end.ts';
import { gatewayClient } from './support/gateway.ts';
import { startPosthorn } from './support/posthorn-process.ts';
import { waitFor } from './support/wait.ts';

test('a request is answered 503 with Retry-After while the database is away, and stored once it is back', async () => {
  const gate = await startDatabaseGate(await testDatabase());
  cleanups.push(gate.stop);
  const receiver = await testRecorder();
  const gateway = gatewayClient(await startPosthorn(gate.url));
  const source = await gateway.source();
  await gateway.endpoint(source, { url: receiver.url });
  expect((await gateway.push(source)).status).toBe(204);
  gate.shut();
  const delivery = randomUUID();
  const refused = await gateway.push(source, { delivery });
  expect(refused.status).toBe(503);
  expect(Number(refused.headers.get('retry-after'))).toBeGreaterThan(0);
  // Also a wrong one: whether its source was mended cannot be known.
  expect((await gateway.push(source, { secret: 'wrong' })).status).toBe(503);
  gate.open();
  await waitFor(async () => (await gateway.push(source, { delivery })).status === 204, { what: 'a 204' });
  await waitFor(() => receiver.requests.length === 2, { what: 'two deliveries' });
  expect(await gateway.messages(source)).toHaveLength(2);
});

test('while a row of one source is locked, the requests of others are stored', async () => {
  const database = await testDatabase();
  const receiver = await testRecorder();
  const gateway = gatewayClient(await startPosthorn(database));
  const [held, free] = [await gateway.source(), await gateway.source()];
  // With an order, every delivery waits in the database first.
  const inOrder = { url: receiver.url, ordering: { mode: 'fifo', onFailure: 'block' } };
  const endpoint = await gateway.endpoint(held, inOrder);
  await gateway.endpoint(free, inOrder);
  for (const source of [held, free]) expect((await gateway.push(source)).status).toBe(204);
  const other = new pg.Client({ connectionString: database });
  cleanups.push(() => other.end());
  await other.connect();
  await other.query('begin');
  await other.query(
    `insert into posthorn.endpoint_due (endpoint_id, application_id, due_at) values ($1, $2, now())
     on conflict (endpoint_id) do update set due_at = excluded.due_at`,
    [endpoint.id, held.id],
  );
  const startedMs = performance.now();
  const heldAnswers: Promise<{ status: number }>[] = [];
  for (let round = 0; round < 10; round += 1) {
    heldAnswers.push(gateway.push(held));
    expect((await gateway.push(free)).status).toBe(204);
  }
  // A statement that waits until its timeout waits for 15 s; in each round, for a second.
  expect(performance.now() - startedMs).toBeLessThan(8_000);
  await other.query('rollback');
  expect((await Promise.all(heldAnswers)).map(({ status }) => status)).toEqual(Array(10).fill(204));
});
