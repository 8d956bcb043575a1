// PostgreSQL is away for a moment: what waits in memory stays there, and goes on when it is back.
import pg from 'pg';
import { expect, test } from 'vitest';
import { startDatabaseGate } from './support/database-gate.ts';
import { cleanups, testDatabase, testRecorder } from './support/end-to-end.ts';
import { startPosthorn } from './support/posthorn-process.ts';
import { waitFor } from './support/wait.ts';

const messageCount = 200;
// By then the configuration in memory is older than a delivery may go by.
const awayMs = 2_000;

test('an outage of two seconds gives nothing back that waits in memory', async () => {
  const databaseUrl = await testDatabase();
  const gate = await startDatabaseGate(databaseUrl);
  cleanups.push(gate.stop);
  const pool = new pg.Pool({ connectionString: databaseUrl, max: 1 });
  cleanups.push(() => pool.end());
  const receiver = await testRecorder();
  let release = () => {};
  const released = new Promise<void>((resolve) => {
    release = resolve;
  });
  receiver.answer = () => ({ status: 200, until: released });
  const { client } = await startPosthorn(gate.url);
  await client.application.create({ name: 'Acme', uid: 'acme' });
  await client.endpoint.create('acme', { url: receiver.url });
  const message = { eventType: 'x', payload: {} };
  await Promise.all(Array.from({ length: messageCount }, () => client.message.create('acme', message)));
  await waitFor(() => receiver.requests.length === 10, { what: 'as many as an endpoint gets at a time' });

  gate.shut();
  const shutAtMs = performance.now();
  await waitFor(() => performance.now() - shutAtMs > awayMs / 2, { what: 'an old configuration' });
  release();
  await waitFor(() => performance.now() - shutAtMs > awayMs, { what: 'the end of the outage' });
  gate.open();

  const succeeded = async () => {
    const { rows } = await pool.query<{ count: number; leases: number }>(
      `select count(*)::integer as count, max(lease_seq) as leases from posthorn.delivery where state = 'succeeded'`,
    );
    return rows[0]?.count === messageCount && rows[0];
  };
  const { leases } = await waitFor(succeeded, { what: 'all delivered' });
  // A delivery that is given back gets another lease when it is claimed.
  expect(leases).toBe(1);
  expect(receiver.requests).toHaveLength(messageCount);
});
