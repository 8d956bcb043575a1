// PostgreSQL goes away under the gateway: nothing is promised, providers are asked to come again, and then all is well.
import { randomUUID } from 'node:crypto';
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
