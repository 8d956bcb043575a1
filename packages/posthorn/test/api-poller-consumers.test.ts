// Fetching messages as a consumer that confirms by offset: with the official client's AutoConfigConsumer, and by hand.
import pg from 'pg';
import { AutoConfig, AutoConfigConsumer } from 'svix';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { refusedPlaces, request } from './support/api.ts';
import { createTestDatabase } from './support/database.ts';
import type { TestDatabase } from './support/database.ts';
import { endAllPosthorn, startPosthorn, testToken } from './support/posthorn-process.ts';
import type { PosthornProcess } from './support/posthorn-process.ts';

let database: TestDatabase;
let pool: pg.Pool;
let posthorn: PosthornProcess & { token: string };
let app: string;
beforeAll(async () => {
  database = await createTestDatabase();
  pool = new pg.Pool({ connectionString: database.url, max: 2 });
  posthorn = { ...(await startPosthorn(database.url)), token: testToken };
});
afterAll(async () => {
  await endAllPosthorn();
  await pool.end();
  await database.drop();
});
beforeEach(async () => {
  ({ id: app } = await posthorn.client.application.create({ name: 'Acme' }));
});

const make = () => posthorn.client.autoconfigSubscription.create(app);
const send = async (eventType = 'a') =>
  (await posthorn.client.message.create(app, { eventType, payload: { eventType } })).id;
const accessOf = (token: string) => {
  const content = Buffer.from(token.replace('auto_v2_', ''), 'base64').toString();
  return { url: posthorn.url, token: (JSON.parse(content) as { tok: string }).tok };
};
const subscriptionPath = (id: string) => `/api/v1/app/${app}/autoconfig/${id}`;
const consumerPath = (poller: string, consumer = 'mine') =>
  `/api/v1/app/${app}/polling-endpoint/${poller}/consumer/${consumer}`;
/** Time is not waited for. */
const endLeases = () =>
  pool.query("update posthorn.poller_consumer set leased_until = now() - interval '1 second'");
const offsetsOf = ({ data }: { data: { offset: number; id: string }[] }) =>
  data.map(({ offset, id }) => [offset, id]);

/** A consumer that has subscribed. */
async function subscribed(options: ConstructorParameters<typeof AutoConfigConsumer>[1] = {}) {
  const { id, token } = await make();
  const consumer = new AutoConfigConsumer(token, options);
  return { subscription: id, token, consumer, poller: (await consumer.subscribe()).id };
}

describe('AutoConfigConsumer', () => {
  test('makes a poller, receives what was sent, and confirms it', async () => {
    const { id, token } = await make();
    const consumer = new AutoConfigConsumer(token, { eventTypes: ['a'], metadata: { team: 'x' } });
    await expect(consumer.receive('mine')).rejects.toThrow('pending');
    const made = await consumer.subscribe();
    expect(made).toMatchObject({
      id: expect.stringMatching(/^poll_[0-9A-Za-z]{22}$/),
      type: 'pollingEndpoint',
      config: {},
      status: 'enabled',
      eventTypes: ['a'],
      channels: [],
      metadata: { team: 'x' },
    });
    const pollers = await request(posthorn, 'GET', `/api/v1/app/${app}/polling-endpoint`);
    expect(pollers.body.data).toMatchObject([{ id: made.id, eventTypes: ['a'], metadata: { team: 'x' } }]);
    expect((await request(accessOf(token), 'GET', subscriptionPath(id))).body).toMatchObject({
      status: 'active',
      endpId: null,
      destId: made.id,
    });
    const [first, , third] = [await send('a'), await send('b'), await send('a')];
    const later = new AutoConfigConsumer(token, {});
    const received = await later.receive('mine');
    expect(offsetsOf(received)).toEqual([
      [1, first],
      [2, third],
    ]);
    expect(received).toMatchObject({
      done: true,
      data: [
        { eventType: 'a', payload: { eventType: 'a' }, headers: { 'content-type': 'application/json' } },
        {},
      ],
    });
    await later.commit('mine', 2);
    await endLeases();
    expect(await later.receive('mine')).toEqual({ data: [], done: true });
    expect(offsetsOf(await later.receive('another'))).toEqual([
      [1, first],
      [2, third],
    ]);
  });

  test('changes its poller by subscribing again, once for all who ask at the same time', async () => {
    const { token } = await make();
    const all = await Promise.all(
      Array.from({ length: 4 }, () => new AutoConfigConsumer(token, { channels: ['x'] }).subscribe()),
    );
    expect(new Set(all.map(({ id }) => id)).size).toBe(1);
    const changed = await new AutoConfigConsumer(token, { eventTypes: ['b'] }).subscribe();
    expect(changed).toMatchObject({ id: all[0]?.id, eventTypes: ['b'], channels: [] });
    const { body } = await request(posthorn, 'GET', `/api/v1/app/${app}/polling-endpoint`);
    expect(body.data).toHaveLength(1);
  });

  test('fetches from its own poller alone', async () => {
    const [mine, other] = [await subscribed(), await subscribed()];
    const by = accessOf(mine.token);
    expect((await request(by, 'GET', consumerPath(mine.poller))).status).toBe(200);
    expect((await request(by, 'GET', consumerPath(other.poller))).status).toBe(404);
    expect((await request(by, 'POST', `${consumerPath(other.poller)}/commit`, { offset: 0 })).status).toBe(
      404,
    );
    expect((await request(by, 'GET', `/api/v1/app/${app}/poller/${mine.poller}`)).status).toBe(403);
    expect((await request(by, 'DELETE', `/api/v1/app/${app}/polling-endpoint/${mine.poller}`)).status).toBe(
      403,
    );
    const { token } = await posthorn.client.authentication.appPortalAccess(app);
    expect((await request({ url: posthorn.url, token }, 'GET', consumerPath(mine.poller))).status).toBe(403);
  });

  test('shares its subscription with no endpoint, and ends with its poller and with itself', async () => {
    const url = 'https://consumer.example.com/hook';
    const { subscription, token, consumer, poller } = await subscribed();
    await expect(new AutoConfig(token, { url }).subscribe()).rejects.toMatchObject({ code: 409 });
    const taken = (await make()).token;
    await new AutoConfig(taken, { url }).subscribe();
    await expect(new AutoConfigConsumer(taken, {}).subscribe()).rejects.toMatchObject({ code: 409 });
    await request(posthorn, 'DELETE', `/api/v1/app/${app}/polling-endpoint/${poller}`);
    await expect(consumer.receive('mine')).rejects.toMatchObject({ code: 404 });
    await expect(consumer.subscribe()).rejects.toMatchObject({ code: 409 });
    await request(posthorn, 'DELETE', subscriptionPath(subscription));
    await expect(consumer.receive('mine')).rejects.toMatchObject({ code: 401 });
  });

  test.each([
    ['another type', { type: 'sqs' }, 'type'],
    ['a disabled poller', { type: 'pollingEndpoint', status: 'disabled' }, 'status'],
    ['an event type that is no name', { type: 'pollingEndpoint', eventTypes: ['a b'] }, 'eventTypes'],
  ])('is refused %s', async (_, body, field) => {
    const { id, token } = await make();
    const answer = await request(accessOf(token), 'PUT', `${subscriptionPath(id)}/destination`, body);
    expect(answer.status).toBe(422);
    expect(refusedPlaces(answer)[0]?.slice(0, 2)).toEqual(['body', field]);
  });
});

describe('a lease', () => {
  test('keeps messages from being handed out twice, and lets them come again when it is over', async () => {
    const { consumer } = await subscribed();
    const ids = [await send(), await send(), await send(), await send()];
    const numbered = ids.map((id, index) => [index + 1, id]);
    const first = await consumer.receive('mine', { limit: 2 });
    expect([offsetsOf(first), first.done]).toEqual([numbered.slice(0, 2), false]);
    expect(offsetsOf(await consumer.receive('mine'))).toEqual(numbered.slice(2));
    expect((await consumer.receive('mine')).data).toEqual([]);
    await endLeases();
    expect(offsetsOf(await consumer.receive('mine'))).toEqual(numbered);
    await consumer.commit('mine', 3);
    expect((await consumer.receive('mine')).data).toEqual([]);
    await endLeases();
    expect(offsetsOf(await consumer.receive('mine'))).toEqual(numbered.slice(3));
    await consumer.commit('mine', 4);
    const fifth = await send();
    expect(offsetsOf(await consumer.receive('mine'))).toEqual([[5, fifth]]);
  });

  test('lasts for as long as was asked', async () => {
    const { consumer } = await subscribed();
    await send();
    await consumer.receive('mine', { leaseDurationMs: 3_600_000 });
    const { rows } = await pool.query(
      `select extract(epoch from leased_until - now())::float8 as left from posthorn.poller_consumer
       join posthorn.poller on poller.id = poller_id where application_id = $1`,
      [app],
    );
    expect(rows).toEqual([{ left: expect.closeTo(3_600, -2) }]);
  });

  test('hands messages of one moment out one by one, and confirms no more than it is told', async () => {
    const { consumer } = await subscribed();
    for (let count = 0; count < 3; count += 1) await send();
    await pool.query(
      `update posthorn.message_feed set place = (
         select max(place) from posthorn.message_feed where application_id = $1
       ) where application_id = $1`,
      [app],
    );
    const [one, two, three] = offsetsOf(await consumer.receive('mine'));
    await consumer.commit('mine', 1);
    await endLeases();
    expect(offsetsOf(await consumer.receive('mine', { limit: 1 }))).toEqual([two]);
    await consumer.commit('mine', 2);
    await endLeases();
    expect(offsetsOf(await consumer.receive('mine'))).toEqual([three]);
    expect(one?.[0]).toBe(1);
  });

  test('is shared by requests at the same time: each message is in one of them', async () => {
    const { consumer } = await subscribed();
    const ids = [await send(), await send(), await send()];
    const all = await Promise.all(ids.map(() => consumer.receive('mine', { limit: 1 })));
    expect(all.flatMap(({ data }) => data.map(({ id }) => id)).toSorted()).toEqual(ids.toSorted());
  });

  test('moves on over what its poller does not want', async () => {
    const { consumer, poller } = await subscribed({ eventTypes: ['wanted'] });
    await send('other');
    expect((await consumer.receive('mine')).data).toEqual([]);
    const place = async () =>
      (
        await pool.query<{ message_id: string }>(
          'select message_id from posthorn.poller_consumer where poller_id = $1',
          [poller],
        )
      ).rows[0]?.message_id;
    expect(await place()).toMatch(/^msg_/);
    const id = await send('wanted');
    const passed = await send('other');
    expect(offsetsOf(await consumer.receive('mine'))).toEqual([[1, id]]);
    await consumer.commit('mine', 1);
    expect(await place()).toBe(passed);
  });
});

describe('an offset', () => {
  test('can be confirmed again, and not before it was handed out', async () => {
    const { consumer } = await subscribed();
    await expect(consumer.commit('mine', 1)).rejects.toMatchObject({ code: 422 });
    await send();
    await consumer.receive('mine');
    await expect(consumer.commit('mine', 2)).rejects.toMatchObject({ code: 422 });
    await consumer.commit('mine', 1);
    await consumer.commit('mine', 1);
    await consumer.commit('mine', 0);
  });

  test('leaves no entry in the audit log when it is confirmed', async () => {
    const { consumer } = await subscribed();
    await consumer.commit('mine', 0);
    const { rows } = await pool.query(
      "select route from posthorn.audit_log where application_id = $1 and route like '%/commit'",
      [app],
    );
    expect(rows).toEqual([]);
  });

  test('goes together with the iterators of the other way', async () => {
    const { consumer, poller } = await subscribed();
    const ids = [await send(), await send()];
    await consumer.receive('mine');
    await consumer.commit('mine', 1);
    const { poller: polling } = posthorn.client.message;
    expect((await polling.consumerPoll(app, poller, 'mine')).data.map(({ id }) => id)).toEqual([ids[1]]);
    await polling.consumerSeek(app, poller, 'mine', { after: new Date(0) });
    expect(offsetsOf(await consumer.receive('mine'))).toEqual([
      [2, ids[0]],
      [3, ids[1]],
    ]);
  });
});

test('a new consumer can begin at the end', async () => {
  const { consumer, poller, token } = await subscribed();
  await send();
  const path = `${consumerPath(poller)}?starting_position=latest`;
  expect((await request(accessOf(token), 'GET', path)).body).toEqual({ data: [], done: true });
  const { rows } = await pool.query<{ past: boolean }>(
    `select c.place >= f.place as past from posthorn.poller_consumer c, posthorn.message_feed f
     where c.poller_id = $1 and f.application_id = $2`,
    [poller, app],
  );
  expect(rows).toEqual([{ past: true }]);
  expect((await consumer.receive('mine')).data).toEqual([]);
});
