// Usage by application, as the official client asks for it: counted by a background task, over rows as the engine writes them.
import { BackgroundTaskStatus } from 'svix';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { idFloor } from '../src/lib/ids.ts';
import { systemClock } from '../src/lib/clock.ts';
import { createTaskRunner } from '../src/tasks/runner.ts';
import { refusedPlaces, request, startTestApi } from './support/api.ts';
import type { TestApi } from './support/api.ts';
import { waitFor } from './support/wait.ts';

const hourMs = 3_600_000;
const hoursAgo = (hours: number) => new Date(Date.now() - hours * hourMs);

let posthorn: TestApi;
beforeAll(async () => {
  posthorn = await startTestApi();
});
afterAll(() => posthorn.stop());
beforeEach(() => posthorn.db.pool.query('delete from posthorn.background_task'));

const ignore = () => {};
function runner(chunkMessagesMax: number) {
  const log = { debug: ignore, info: ignore, warn: ignore, error: ignore };
  return createTaskRunner({
    db: posthorn.db,
    clock: systemClock,
    log,
    wake: ignore,
    chunkMessagesMax,
    replayRequest: () => Promise.resolve({ kind: 'unknown_request' }),
  });
}

/** What the task found, with chunks of so many rows. */
async function found(id: string, rowsMax = 2, client = posthorn.client): Promise<Record<string, unknown>> {
  const by = runner(rowsMax);
  const task = await waitFor(
    async () => {
      await by.runOnce();
      const now = await client.backgroundTask.get(id);
      return now.status === BackgroundTaskStatus.Running ? undefined : now;
    },
    { what: 'the end of the task' },
  );
  expect(task.status).toBe('finished');
  return task.data as Record<string, unknown>;
}

interface Attempt {
  app: string;
  message: string;
  endpoint: string;
  at: Date;
}

let serial = 0;
async function attempt({ app, message, endpoint, at }: Attempt): Promise<void> {
  serial += 1;
  const id = `${idFloor('atmpt_', at.getTime())}${String(serial).padStart(14, '0')}`;
  await posthorn.db.pool.query(
    `insert into posthorn.attempt
       (application_id, id, message_id, endpoint_id, trigger, url, outcome, duration_ms, started_at)
     values ($1, $2, $3, $4, 'scheduled', 'https://example.com/', 'accepted', 1, $5)`,
    [app, id, message, endpoint, at],
  );
}

const makeApplication = async (uid?: string) =>
  (await posthorn.client.application.create({ name: 'x', ...(uid === undefined ? {} : { uid }) })).id;

describe('usage by application', () => {
  test('counts a message once for each endpoint, and every attempt, in the range', async () => {
    const [busy, idle, other] = [
      await makeApplication('busy'),
      await makeApplication(),
      await makeApplication(),
    ];
    const once = { app: busy, message: 'msg_1', endpoint: 'ep_1' };
    await attempt({ ...once, at: hoursAgo(30) });
    for (const at of [hoursAgo(3), hoursAgo(2), hoursAgo(1)]) await attempt({ ...once, at });
    await attempt({ ...once, endpoint: 'ep_2', at: hoursAgo(3) });
    await attempt({ ...once, message: 'msg_2', at: hoursAgo(2) });
    await attempt({ ...once, message: 'msg_3', at: hoursAgo(0.1) });
    await attempt({ ...once, app: other, at: hoursAgo(2) });
    const started = await posthorn.client.statistics.aggregateAppStats({
      since: hoursAgo(4),
      until: hoursAgo(0.5),
    });
    expect(started).toMatchObject({
      id: expect.stringMatching(/^qtask_/),
      status: 'running',
      task: 'application.stats',
      unresolvedAppIds: [],
    });
    for (const rowsMax of [1, 2, 1_000]) {
      const { id } = await posthorn.client.statistics.aggregateAppStats({
        since: hoursAgo(4),
        until: hoursAgo(0.5),
      });
      const { appStats } = await found(id, rowsMax);
      expect(appStats).toEqual(
        expect.arrayContaining([
          { appId: busy, appUid: 'busy', messageDestinations: 3, attempts: 5 },
          { appId: idle, appUid: null, messageDestinations: 0, attempts: 0 },
          { appId: other, appUid: null, messageDestinations: 1, attempts: 1 },
        ]),
      );
    }
  });

  test('is of the applications that are named, and says which of them are not there', async () => {
    const [one, two] = [await makeApplication('named'), await makeApplication()];
    await makeApplication();
    const range = { since: hoursAgo(1), until: hoursAgo(-1) };
    const { id, unresolvedAppIds } = await posthorn.client.statistics.aggregateAppStats({
      ...range,
      appIds: ['named', two, 'nobody'],
    });
    expect(unresolvedAppIds).toEqual(['nobody']);
    const { appStats } = await found(id);
    expect((appStats as { appId: string }[]).map(({ appId }) => appId)).toEqual([one, two].toSorted());
    await expect(
      posthorn.client.statistics.aggregateAppStats({ ...range, appIds: ['nobody'] }),
    ).rejects.toMatchObject({ code: 422 });
  });

  test('shows nothing of another environment', async () => {
    const mine = await makeApplication('shared-name');
    await attempt({ app: mine, message: 'msg_1', endpoint: 'ep_1', at: hoursAgo(1) });
    const { client } = await posthorn.makeStranger();
    const theirs = (await client.application.create({ name: 'y' })).id;
    const range = { since: hoursAgo(2), until: hoursAgo(0) };
    const { id } = await client.statistics.aggregateAppStats(range);
    await expect(posthorn.client.backgroundTask.get(id)).rejects.toMatchObject({ code: 404 });
    expect((await found(id, 1_000, client)).appStats).toEqual([
      { appId: theirs, appUid: null, messageDestinations: 0, attempts: 0 },
    ]);
    await expect(
      client.statistics.aggregateAppStats({ ...range, appIds: ['shared-name', mine] }),
    ).rejects.toMatchObject({ code: 422 });
  });

  test.each([
    ['a start in the future', { since: hoursAgo(-1), until: hoursAgo(-2) }, 'since'],
    ['no length', { since: hoursAgo(1), until: hoursAgo(1) }, 'until'],
    ['no time', { since: '2026-02-30T00:00:00Z', until: hoursAgo(0) }, 'since'],
    ['no end', { since: hoursAgo(1) }, 'until'],
    ['no application', { since: hoursAgo(1), until: hoursAgo(0), appIds: [] }, 'appIds'],
  ])('refuses %s', async (_, body, field) => {
    const answer = await request(posthorn, 'POST', '/api/v1/stats/usage/app', body);
    expect(answer.status).toBe(422);
    expect(refusedPlaces(answer)).toEqual([['body', field]]);
  });

  test('is listed without what it found', async () => {
    const { id } = await posthorn.client.statistics.aggregateAppStats({
      since: hoursAgo(1),
      until: hoursAgo(0),
    });
    await found(id);
    const { body } = await request(posthorn, 'GET', '/api/v1/background-task?task=application.stats');
    const [listed] = body.data as { id: string; data: object }[];
    expect(listed?.id).toBe(id);
    expect(Object.keys(listed?.data ?? {}).toSorted()).toEqual(['attemptsChecked', 'since', 'until']);
  });

  test('is forgotten with its task', async () => {
    const { id } = await posthorn.client.statistics.aggregateAppStats({
      since: hoursAgo(1),
      until: hoursAgo(0),
    });
    await found(id);
    await posthorn.db.pool.query('delete from posthorn.background_task');
    const { rows } = await posthorn.db.pool.query('select from posthorn.background_task_result');
    expect(rows).toEqual([]);
  });
});

describe('event types by application', () => {
  test('are those that endpoints name, and whether one takes all', async () => {
    const { endpoint, statistics, application } = posthorn.client;
    const url = 'https://example.com/';
    const [picky, open, empty] = [
      await makeApplication('picky'),
      await makeApplication(),
      await makeApplication(),
    ];
    await endpoint.create(picky, { url, eventTypes: ['user.deleted', 'user.created'] });
    await endpoint.create(picky, { url, eventTypes: ['user.created', 'a'], disabled: true });
    const gone = await endpoint.create(picky, { url, eventTypes: ['gone'] });
    await endpoint.delete(picky, gone.id);
    await endpoint.create(open, { url });
    await endpoint.create(open, { url, eventTypes: ['b'] });
    const deleted = await makeApplication();
    await application.delete(deleted);
    const started = await statistics.aggregateEventTypes();
    expect(started).toMatchObject({ status: 'running', task: 'event-type.aggregate' });
    const { event_types } = await found(started.id, 1);
    const named = ['a', 'user.created', 'user.deleted'];
    expect(event_types).toEqual(
      expect.arrayContaining([
        { appId: picky, appUid: 'picky', explicitlySubscribedEventTypes: named, hasCatchAllEndpoint: false },
        { appId: open, appUid: null, explicitlySubscribedEventTypes: ['b'], hasCatchAllEndpoint: true },
        { appId: empty, appUid: null, explicitlySubscribedEventTypes: [], hasCatchAllEndpoint: false },
      ]),
    );
    expect(JSON.stringify(event_types)).not.toContain(deleted);
  });
});
