// Messages that are to be delivered later, on real processes: not before, whatever happens, and in their place.
import { messageInRaw, MessageStatus, type Svix } from 'svix';
import { expect, test } from 'vitest';
import { request } from './support/api.ts';
import { type PosthornProcess, startPosthorn, testToken } from './support/posthorn-process.ts';
import { type Recorder } from './support/recorder.ts';
import { testDatabase, testRecorder } from './support/end-to-end.ts';
import { waitFor } from './support/wait.ts';

const numbers = ({ requests }: Recorder) =>
  requests.map(({ body }) => (JSON.parse(body.toString()) as { n: number }).n);

async function send({ client }: PosthornProcess, n: number, deliverAt?: Date) {
  return client.message.create('acme', {
    eventType: 'x',
    payload: { n },
    application: { name: 'Acme' },
    ...(deliverAt ? { deliverAt } : {}),
  });
}

const inMs = (ms: number) => new Date(Date.now() + ms);

test('a later delivery survives kill -9, is not made before its time, and is shown as pending', async () => {
  const databaseUrl = await testDatabase();
  const receiver = await testRecorder();
  const first = await startPosthorn(databaseUrl);
  await first.client.application.create({ name: 'Acme', uid: 'acme' });
  const { id: endpoint } = await first.client.endpoint.create('acme', { url: receiver.url });
  const deliverAt = inMs(20_000);
  const later = await send(first, 1, deliverAt);
  await send(first, 2);
  await waitFor(() => receiver.answeredCount() === 1, { what: 'the message without a time' });
  const { data } = await first.client.messageAttempt.listAttemptedDestinations('acme', later.id);
  expect(data).toMatchObject([{ id: endpoint, status: MessageStatus.Pending, nextAttempt: deliverAt }]);
  await first.end('SIGKILL');

  await startPosthorn(databaseUrl);
  await waitFor(() => receiver.answeredCount() === 2, { what: 'the later one' });
  expect(numbers(receiver)).toEqual([2, 1]);
  expect(receiver.requests[1]?.atMs).toBeGreaterThanOrEqual(deliverAt.getTime());
  expect(receiver.requests[1]?.headers['webhook-id']).toBe(later.id);
});

const expunges: [string, (client: Svix, id: string) => Promise<unknown>][] = [
  ['one content', (client, id) => client.message.expungeContent('acme', id)],
  ['contents by their names', (client, id) => client.message.bulkExpungeContent('acme', { ids: [id] })],
];
test.each(expunges)('deleting %s cancels what waits, at once', async (_what, expunge) => {
  const receiver = await testRecorder();
  const posthorn = await startPosthorn(await testDatabase());
  await posthorn.client.application.create({ name: 'Acme', uid: 'acme' });
  await posthorn.client.endpoint.create('acme', { url: receiver.url });
  const never = await send(posthorn, 1, inMs(10_000));
  const kept = await send(posthorn, 2, inMs(10_500));
  await expunge(posthorn.client, never.id);
  const { data } = await posthorn.client.messageAttempt.listAttemptedDestinations('acme', never.id);
  expect(data).toMatchObject([{ status: MessageStatus.Canceled, nextAttempt: null }]);
  const shown = await request(
    { url: posthorn.url, token: testToken },
    'GET',
    `/api/v1/app/acme/msg/${never.id}/endpoint`,
  );
  expect(shown.body.data).toMatchObject([{ cancelReason: 'content_gone' }]);
  await waitFor(() => receiver.answeredCount() === 1, { what: 'the other one' });
  expect(receiver.requests.map(({ headers }) => headers['webhook-id'])).toEqual([kept.id]);
});

test.each(['block', 'skip'] as const)(
  'in an order (%s) a later message takes its place at its time, and holds nobody up until then',
  async (onFailure) => {
    const receiver = await testRecorder();
    const posthorn = await startPosthorn(await testDatabase());
    await posthorn.client.application.create({ name: 'Acme', uid: 'acme' });
    const ordering = { mode: 'fifo', onFailure };
    const headers = { authorization: `Bearer ${testToken}` };
    const made = await fetch(`${posthorn.url}/api/v1/app/acme/endpoint`, {
      method: 'POST',
      headers: { ...headers, 'content-type': 'application/json' },
      body: JSON.stringify({ url: receiver.url, ordering }),
    });
    expect(made.status).toBe(201);
    const at = inMs(15_000);
    await send(posthorn, 10, at);
    await send(posthorn, 11, at);
    const removed = await send(posthorn, 12, inMs(14_000));
    for (const n of [1, 2, 3]) await send(posthorn, n);
    await posthorn.client.message.expungeContent('acme', removed.id);
    await waitFor(() => receiver.answeredCount() === 3, { what: 'those without a time' });
    await waitFor(() => receiver.answeredCount() === 5, { what: 'all of them' });
    await send(posthorn, 4);
    await waitFor(() => receiver.answeredCount() === 6, { what: 'the one after them' });
    expect(numbers(receiver)).toEqual([1, 2, 3, 10, 11, 4]);
    expect(receiver.requests[3]?.atMs).toBeGreaterThanOrEqual(at.getTime());
  },
);

test('a raw payload arrives as the characters that were sent, with its content type', async () => {
  const receiver = await testRecorder();
  const posthorn = await startPosthorn(await testDatabase());
  await posthorn.client.application.create({ name: 'Acme', uid: 'acme' });
  await posthorn.client.endpoint.create('acme', { url: receiver.url });
  const raw = '<a>\u00e9 \ud834\udd1e</a>\r\n';
  const contentType = 'text/xml; charset=utf-8';
  await posthorn.client.message.create('acme', messageInRaw('x', raw, contentType));
  await posthorn.client.message.create('acme', {
    ...messageInRaw('x', raw, contentType),
    deliverAt: inMs(500),
  });
  await waitFor(() => receiver.answeredCount() === 2, { what: 'both' });
  // One went from memory, the other one through the database.
  for (const { body, headers } of receiver.requests) {
    expect(body.toString()).toBe(raw);
    expect(headers['content-type']).toBe(contentType);
  }
});
