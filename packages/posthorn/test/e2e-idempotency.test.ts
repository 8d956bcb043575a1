// An idempotency key whose message is not there, on a real process.
import pg from 'pg';
import { expect, test } from 'vitest';
import { testDatabase } from './support/end-to-end.ts';
import { startPosthorn, testToken } from './support/posthorn-process.ts';

test('a key of a message that was refused is free as soon as nothing refuses it any more', async () => {
  const databaseUrl = await testDatabase();
  const posthorn = await startPosthorn(databaseUrl);
  await posthorn.client.application.create({ name: 'Acme', uid: 'acme' });
  const send = (key: string) =>
    fetch(`${posthorn.url}/api/v1/app/acme/msg`, {
      method: 'POST',
      headers: {
        authorization: `Bearer ${testToken}`,
        'content-type': 'application/json',
        'idempotency-key': key,
      },
      body: JSON.stringify({ eventType: 'x', eventId: 'order-1', payload: {} }),
      signal: AbortSignal.timeout(120_000),
    });
  expect((await send('first')).status).toBe(202);
  expect((await send('second')).status).toBe(409);
  expect((await send('second')).status).toBe(409);
  // As retention does, a day later at the earliest; the second key is remembered for longer than that.
  const client = new pg.Client({ connectionString: databaseUrl });
  await client.connect();
  await client.query('truncate posthorn.message, posthorn.message_body, posthorn.message_event_id');
  await client.end();
  const [one, other] = [await send('second'), await send('second')];
  expect([one.status, other.status]).toEqual([202, 202]);
  expect(await other.json()).toEqual(await one.json());
  expect((await send('first')).status).toBe(409);
});
