// Background tasks as the official client starts and follows them, on the API and the runner, without deliveries.
import pg from 'pg';
import { ApiException, BackgroundTaskStatus } from 'svix';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { systemClock } from '../src/lib/clock.ts';
import type { DeliveryState } from '../src/store/tables.ts';
import { createTaskRunner } from '../src/tasks/runner.ts';
import { refusedPlaces, request, startTestApi } from './support/api.ts';
import type { TestApi } from './support/api.ts';
import { insertAttempt, insertDelivery, readDelivery } from './support/delivery-rows.ts';
import { waitFor } from './support/wait.ts';

const hourMs = 3_600_000;
const dayMs = 24 * hourMs;

let test: TestApi;
let app: string;
let endpoint: string;
const logged: { fields: object; text: string }[] = [];
let wakes = 0;

beforeAll(async () => {
  test = await startTestApi();
});
afterAll(() => test.stop());
beforeEach(async () => {
  app = (await test.client.application.create({ name: 'Acme' })).id;
  endpoint = await newEndpoint();
  await test.db.pool.query(`delete from posthorn.background_task`);
  logged.length = 0;
});

const newEndpoint = async (more: object = {}, application = app) =>
  (await test.client.endpoint.create(application, { url: 'http://127.0.0.1:9/hook', ...more })).id;

const newMessage = async (more: object = {}) =>
  (await test.client.message.create(app, { eventType: 'a', payload: { a: 1 }, ...more })).id;

const key = (messageId: string, endpointId = endpoint) => ({ applicationId: app, messageId, endpointId });

/** A message with a delivery in this state. */
async function delivered(state: DeliveryState, more: object = {}): Promise<string> {
  const id = await newMessage(more);
  await insertDelivery(test, key(id), state, { nextInMs: hourMs });
  return id;
}

function runner(chunkMessagesMax = 2) {
  const log = (fields: object, text: string) => void logged.push({ fields, text });
  return createTaskRunner({
    db: test.db,
    clock: systemClock,
    log: { debug: log, info: log, warn: log, error: log },
    wake: () => {
      wakes += 1;
    },
    replayRequest: () => Promise.resolve({ kind: 'unknown_request' }),
    chunkMessagesMax,
  });
}

/** Chunk after chunk until the task has ended. */
async function finish(id: string, by = runner()) {
  return waitFor(
    async () => {
      await by.runOnce();
      const task = await test.client.backgroundTask.get(id);
      return task.status === BackgroundTaskStatus.Running ? undefined : task;
    },
    { what: 'the end of the task' },
  );
}

const standing = async (messageId: string, endpointId = endpoint) => {
  const row = await readDelivery(test, key(messageId, endpointId));
  return row && `${row.state} ${row.trigger}`;
};
const hoursAgo = (hours: number) => new Date(Date.now() - hours * hourMs);
const messageCount = async () => (await test.client.message.list(app)).data.length;
const endpointPath = (more: string) => `/api/v1/app/${app}/endpoint/${endpoint}${more}`;

async function accept(messageId: string, at: Date): Promise<void> {
  await test.db.pool.query('update posthorn.message set created_at = $2 where id = $1', [messageId, at]);
}

describe('recover', () => {
  it('sends again what has failed for good, and nothing else', async () => {
    const failed = [await delivered('exhausted'), await delivered('exhausted'), await delivered('exhausted')];
    const others = {
      succeeded: await delivered('succeeded'),
      retrying: await delivered('retrying'),
      cancelled: await delivered('cancelled'),
      delivering: await delivered('delivering'),
    };
    const elsewhere = await newEndpoint();
    await insertDelivery(test, key(failed[0]!, elsewhere), 'exhausted');
    const before = wakes;
    const started = await test.client.endpoint.recover(app, endpoint, { since: hoursAgo(1) });
    expect(started).toMatchObject({
      id: expect.stringMatching(/^qtask_/),
      status: 'running',
      task: 'endpoint.recover',
      updatedAt: expect.any(Date),
    });
    expect(await finish(started.id)).toMatchObject({
      status: 'finished',
      data: { messagesSent: 3, messagesSkipped: 0, messagesChecked: 7, endpointId: endpoint, appId: app },
    });
    for (const id of failed) expect(await standing(id)).toBe('pending manual');
    for (const [state, id] of Object.entries(others)) expect(await standing(id)).toBe(`${state} scheduled`);
    expect(await standing(failed[0]!, elsewhere)).toBe('exhausted scheduled');
    expect(wakes).toBeGreaterThan(before);
    const { rows } = await test.db.pool.query(
      'select from posthorn.endpoint_due where endpoint_id = $1 and due_at <= now()',
      [endpoint],
    );
    expect(rows).toHaveLength(1);
  });

  it('takes the messages that were accepted from since, before until', async () => {
    const at = hoursAgo(0.5);
    const [early, first, last, late] = [
      await delivered('exhausted'),
      await delivered('exhausted'),
      await delivered('exhausted'),
      await delivered('exhausted'),
    ];
    const after = (ms: number) => new Date(at.getTime() + ms);
    await accept(early, after(-1));
    await accept(first, at);
    await accept(last, after(999));
    await accept(late, after(1_000));
    const { id } = await test.client.endpoint.recover(app, endpoint, { since: at, until: after(1_000) });
    expect((await finish(id)).data).toMatchObject({
      messagesSent: 2,
      since: at.toISOString(),
      until: after(1_000).toISOString(),
    });
    expect(await Promise.all([early, first, last, late].map((one) => standing(one)))).toEqual([
      'exhausted scheduled',
      'pending manual',
      'pending manual',
      'exhausted scheduled',
    ]);
  });

  it('leaves out what is accepted while it runs', async () => {
    await delivered('exhausted');
    const { id } = await test.client.endpoint.recover(app, endpoint, {
      since: hoursAgo(1),
      until: hoursAgo(-1),
    });
    const later = await delivered('exhausted');
    expect((await finish(id)).data.messagesSent).toBe(1);
    expect(await standing(later)).toBe('exhausted scheduled');
  });

  it('counts as skipped what has no content any more', async () => {
    const gone = await delivered('exhausted');
    await test.client.message.expungeContent(app, gone);
    await delivered('exhausted');
    const { id } = await test.client.endpoint.recover(app, endpoint, { since: hoursAgo(1) });
    expect((await finish(id)).data).toMatchObject({ messagesSent: 1, messagesSkipped: 1 });
    expect(await standing(gone)).toBe('exhausted scheduled');
  });

  it.each([
    ['more than 14 days back', { since: hoursAgo(14 * 24 + 1) }, 'since'],
    ['in the future', { since: hoursAgo(-1) }, 'since'],
    ['of no length', { since: hoursAgo(1), until: hoursAgo(1.5) }, 'until'],
    ['that is no time', { since: '2026-02-30T00:00:00Z' }, 'since'],
    ['without a start', {}, 'since'],
  ])('refuses a range %s', async (_, range, field) => {
    const answer = await request(test, 'POST', endpointPath('/recover'), range);
    expect(answer.status).toBe(422);
    expect(refusedPlaces(answer)).toEqual([['body', field]]);
  });
});

describe('replay of what is missing', () => {
  it('sends what the endpoint wants and was never sent', async () => {
    const missing = [await newMessage(), await newMessage(), await newMessage()];
    const sent = await delivered('succeeded');
    const failed = await delivered('exhausted');
    const cancelledUntried = await delivered('cancelled');
    const cancelledTried = await delivered('cancelled');
    await insertAttempt(test, key(cancelledTried), { outcome: 'rejected', response_status: 500 });
    const refused = await delivered('cancelled');
    await test.db.pool.query(`update posthorn.delivery set cancel_reason = 'filter' where message_id = $1`, [
      refused,
    ]);
    const { id } = await test.client.endpoint.replayMissing(app, endpoint, { since: hoursAgo(1) });
    expect(await finish(id)).toMatchObject({
      status: 'finished',
      task: 'endpoint.replay',
      data: { messagesSent: 4, messagesSkipped: 0, messagesChecked: 8 },
    });
    expect(await standing(refused)).toBe('cancelled scheduled');
    for (const one of [...missing, cancelledUntried]) expect(await standing(one)).toBe('pending manual');
    expect(await standing(sent)).toBe('succeeded scheduled');
    expect(await standing(failed)).toBe('exhausted scheduled');
    expect(await standing(cancelledTried)).toBe('cancelled scheduled');
  });

  it('asks the endpoint for its event types and channels', async () => {
    const picky = await newEndpoint({ eventTypes: ['wanted'], channels: ['eu'] });
    const wanted = await newMessage({ eventType: 'wanted', channels: ['us', 'eu'] });
    const otherType = await newMessage({ eventType: 'other', channels: ['eu'] });
    const otherChannel = await newMessage({ eventType: 'wanted', channels: ['us'] });
    const { id } = await test.client.endpoint.replayMissing(app, picky, { since: hoursAgo(1) });
    expect((await finish(id)).data).toMatchObject({ messagesSent: 1, messagesChecked: 3 });
    expect(await standing(wanted, picky)).toBe('pending manual');
    expect(await standing(otherType, picky)).toBeUndefined();
    expect(await standing(otherChannel, picky)).toBeUndefined();
  });

  it('asks the endpoint for its filter, as it is now; what that keeps away is shown, with the reason', async () => {
    const large = await newEndpoint();
    const filter = 'payload.amount > 1000 && "vip" in tags && eventId != "e-3"';
    const patched = await request(test, 'PATCH', `/api/v1/app/${app}/endpoint/${large}`, { filter });
    expect(patched.status).toBe(200);
    const of = (amount: number, more: object = {}) =>
      newMessage({ payload: { amount }, tags: ['vip'], ...more });
    const [wanted, small] = [await of(2_000, { eventId: 'e-1' }), await of(1, { eventId: 'e-2' })];
    const [untagged, unclear] = [await of(2_000, { tags: ['x'] }), await newMessage({ tags: ['vip'] })];
    const gone = await of(2_000);
    await test.client.message.expungeContent(app, gone);
    const disabledThen = await of(2_000, { eventId: 'e-3' });
    await insertDelivery(test, key(disabledThen, large), 'cancelled', { nextInMs: hourMs });
    const { id } = await test.client.endpoint.replayMissing(app, large, { since: hoursAgo(1) });
    expect(await finish(id)).toMatchObject({
      status: 'finished',
      data: { messagesSent: 1, messagesSkipped: 5, messagesChecked: 6 },
    });
    expect(await standing(wanted, large)).toBe('pending manual');
    expect(await standing(gone, large)).toBeUndefined();
    for (const [kept, reason, detail] of [
      [small, 'filter', 'does not match'],
      [untagged, 'filter', 'does not match'],
      [unclear, 'filter_error', 'amount'],
      [disabledThen, 'filter', 'does not match'],
    ] as const) {
      expect(await standing(kept, large)).toBe('cancelled scheduled');
      const { data } = await test.client.messageAttempt.listAttemptedDestinations(app, kept);
      const shown = data.find((one) => one.id === large);
      expect(shown).toMatchObject({ id: large, statusText: 'canceled' });
      const { rows } = await test.db.pool.query(
        'select cancel_reason, cancel_detail from posthorn.delivery where message_id = $1 and endpoint_id = $2',
        [kept, large],
      );
      expect(rows).toEqual([{ cancel_reason: reason, cancel_detail: expect.stringContaining(detail) }]);
    }
    const again = await test.client.endpoint.replayMissing(app, large, { since: hoursAgo(1) });
    expect((await finish(again.id)).data).toMatchObject({ messagesSent: 0 });
  });

  it('takes nothing of another application', async () => {
    const mine = await newMessage();
    const other = (await test.client.application.create({ name: 'Other' })).id;
    const theirs = await newEndpoint({}, other);
    const { id } = await test.client.endpoint.replayMissing(other, theirs, { since: hoursAgo(1) });
    expect((await finish(id)).data).toMatchObject({ messagesSent: 0, messagesChecked: 0 });
    expect(await standing(mine, theirs)).toBeUndefined();
  });

  it('goes back 90 days at most', async () => {
    const answer = await request(test, 'POST', endpointPath('/replay-missing'), {
      since: new Date(Date.now() - 91 * dayMs),
    });
    expect(answer.status).toBe(422);
  });
});

describe('bulk replay', () => {
  const bulk = async (more: object = {}) =>
    finish((await test.client.endpoint.bulkReplay(app, endpoint, { since: hoursAgo(1), ...more })).id);
  const sent = async (ids: string[]) => {
    const states = await Promise.all(ids.map((id) => standing(id)));
    return ids.filter((_, index) => states[index] === 'pending manual');
  };

  it('sends all again that was tried, successful or not; the automatic chain stays open', async () => {
    const succeeded = await delivered('succeeded');
    const exhausted = await delivered('exhausted');
    const cancelled = await delivered('cancelled');
    const retrying = await delivered('retrying');
    const pending = await delivered('pending');
    const delivering = await delivered('delivering');
    const never = await newMessage();
    const task = await bulk();
    expect(task).toMatchObject({
      status: 'finished',
      task: 'endpoint.bulk-replay',
      data: { messagesSent: 4 },
    });
    const all = [succeeded, exhausted, cancelled, retrying, pending, delivering];
    expect(await sent(all)).toEqual([succeeded, exhausted, cancelled, retrying]);
    expect(await standing(never)).toBeUndefined();
    expect((await readDelivery(test, key(retrying)))?.resume_at).toBeInstanceOf(Date);
    expect((await readDelivery(test, key(succeeded)))?.resume_at).toBeNull();
  });

  it('filters by event types, channel and tag, all at once', async () => {
    const fits = { eventType: 'x', channels: ['eu'], tags: ['vip'] };
    const wanted = await delivered('succeeded', fits);
    const alsoWanted = await delivered('succeeded', { ...fits, eventType: 'y' });
    const others = [
      await delivered('succeeded', { ...fits, eventType: 'z' }),
      await delivered('succeeded', { ...fits, channels: ['us'] }),
      await delivered('succeeded', { ...fits, tags: ['other'] }),
    ];
    const task = await bulk({ eventTypes: ['x', 'y'], channel: 'eu', tag: 'vip' });
    expect(task.data).toMatchObject({ messagesSent: 2, messagesChecked: 5 });
    expect(await sent([wanted, alsoWanted, ...others])).toEqual([wanted, alsoWanted]);
  });

  it.each([
    [0, 'succeeded'],
    [1, 'pending'],
    [2, 'exhausted'],
    [3, 'retrying'],
    [4, 'cancelled'],
  ])('filters by the status %i', async (status, state) => {
    const ids = new Map<string, string>();
    for (const one of ['succeeded', 'pending', 'exhausted', 'retrying', 'cancelled'] as const)
      ids.set(one, await delivered(one));
    expect((await bulk({ status })).data.messagesSent).toBe(1);
    expect(await sent([...ids.values()])).toEqual([ids.get(state)]);
  });

  it('filters by the class of the last response', async () => {
    const answers = async (...statuses: (number | null)[]) => {
      const id = await delivered('exhausted');
      for (const status of statuses) {
        await insertAttempt(test, key(id), { outcome: 'rejected', response_status: status });
      }
      return id;
    };
    const last500 = await answers(404, 500);
    const last404 = await answers(599, 404);
    const none = await answers(500, null);
    const untried = await answers();
    await bulk({ statusCodeClass: 500 });
    expect(await sent([last500, last404, none, untried])).toEqual([last500]);
    await bulk({ statusCodeClass: 0 });
    expect(await sent([last500, last404, none, untried])).toEqual([last500, none]);
  });

  it('names every wrong field', async () => {
    const answer = await request(test, 'POST', endpointPath('/bulk-replay'), {
      since: hoursAgo(1),
      eventTypes: [],
      channel: '',
      tag: 7,
      status: 5,
      statusCodeClass: 201,
    });
    expect(answer.status).toBe(422);
    expect(
      refusedPlaces(answer)
        .map(([, field]) => field)
        .sort(),
    ).toEqual(['channel', 'eventTypes', 'status', 'statusCodeClass', 'tag']);
  });
});

describe('an endpoint that is sent nothing', () => {
  it.each(['recover', 'replay-missing', 'bulk-replay'])('refuses %s when it is disabled', async (route) => {
    await test.client.endpoint.patch(app, endpoint, { disabled: true });
    const answer = await request(test, 'POST', endpointPath(`/${route}`), { since: hoursAgo(1) });
    expect(answer.status).toBe(400);
    expect(answer.body).toMatchObject({
      code: 'endpoint_disabled',
      detail: expect.stringContaining('enable it'),
    });
    expect((await test.client.backgroundTask.list()).data).toEqual([]);
  });

  it.each([
    ['disabled', () => test.client.endpoint.patch(app, endpoint, { disabled: true }), 'endpoint_disabled'],
    ['deleted', () => test.client.endpoint.delete(app, endpoint), 'not_found'],
  ])('fails the task in the middle when it is %s', async (_, change, code) => {
    const ids = [await delivered('exhausted'), await delivered('exhausted'), await delivered('exhausted')];
    const { id } = await test.client.endpoint.recover(app, endpoint, { since: hoursAgo(1) });
    await runner().runOnce();
    await change();
    expect(await finish(id)).toMatchObject({
      status: 'failed',
      data: { messagesSent: 2, error: { code, detail: expect.any(String) } },
    });
    expect(await standing(ids[2]!)).toBe('exhausted scheduled');
  });
});

describe('contents', () => {
  const contents = async (ids: string[]) => {
    const { rows } = await test.db.pool.query<{ message_id: string }>(
      'select message_id from posthorn.message_body where message_id = any($1)',
      [ids],
    );
    const kept = new Set(rows.map((row) => row.message_id));
    return ids.map((id) => kept.has(id));
  };

  it('of all messages of an application are deleted, and of no other', async () => {
    const ids = [await newMessage(), await newMessage(), await newMessage()];
    await test.client.message.expungeContent(app, ids[1]!);
    const other = (await test.client.application.create({ name: 'Other' })).id;
    const theirs = await test.client.message.create(other, { eventType: 'a', payload: {} });
    const started = await test.client.message.expungeAllContents(app);
    expect(started).toMatchObject({ status: 'running', task: 'application.purge_content' });
    const later = await newMessage();
    expect(await finish(started.id)).toMatchObject({
      status: 'finished',
      data: { messagesPurged: 2, messagesChecked: 4 },
    });
    expect(await contents([...ids, later, theirs.id])).toEqual([false, false, false, true, true]);
    expect(await messageCount()).toBe(4);
  });

  it('of the messages that are named, by id or eventId, are deleted at once', async () => {
    const byId = await newMessage();
    const byEventId = await newMessage({ eventId: 'order-1' });
    const kept = await newMessage();
    const other = (await test.client.application.create({ name: 'Other' })).id;
    const theirs = (await test.client.message.create(other, { eventType: 'a', payload: {} })).id;
    const ids = [byId, 'order-1', 'order-2', theirs, byId];
    const results = {
      [byId]: 'expunged',
      'order-1': 'expunged',
      'order-2': 'not-found',
      [theirs]: 'not-found',
    };
    expect(await test.client.message.bulkExpungeContent(app, { ids })).toEqual({ results });
    expect(await contents([byId, byEventId, kept, theirs])).toEqual([false, false, true, true]);
    expect(await test.client.message.bulkExpungeContent(app, { ids })).toEqual({ results });
    expect(await test.client.message.bulkExpungeContent(app)).toEqual({ results: {} });
  });

  it('of more than 1,000 messages are not deleted in one request', async () => {
    const ids = Array.from({ length: 1_001 }, (_, index) => `e${index}`);
    const answer = await request(test, 'POST', `/api/v1/app/${app}/msg/bulk-expunge`, { ids });
    expect(answer.status).toBe(422);
  });

  it('can be deleted under any eventId, also one that names a part of every object', async () => {
    const { results } = await test.client.message.bulkExpungeContent(app, {
      ids: ['__proto__', 'constructor'],
    });
    expect(Object.keys(results)).toContain('constructor');
  });
});

describe('tasks', () => {
  const start = async (more: object = {}) =>
    test.client.endpoint.recover(app, endpoint, { since: hoursAgo(1), ...more });

  it('are listed newest first, both ways, by status and by kind', async () => {
    const ids: string[] = [];
    for (let i = 0; i < 5; i += 1) ids.unshift((await start()).id);
    const purge = (await test.client.message.expungeAllContents(app)).id;
    await finish(purge);
    const { backgroundTask } = test.client;
    const idsOf = ({ data }: { data: { id: string }[] }) => data.map(({ id }) => id);
    const first = await backgroundTask.list({ limit: 2, task: 'endpoint.recover' as never });
    expect(idsOf(first)).toEqual(ids.slice(0, 2));
    expect(first.done).toBe(false);
    const second = await backgroundTask.list({
      limit: 2,
      task: 'endpoint.recover' as never,
      iterator: first.iterator,
    });
    expect(idsOf(second)).toEqual(ids.slice(2, 4));
    const back = await backgroundTask.list({
      limit: 2,
      task: 'endpoint.recover' as never,
      iterator: second.prevIterator ?? null,
    });
    expect(idsOf(back)).toEqual(ids.slice(0, 2));
    expect(idsOf(await backgroundTask.list({ order: 'ascending' as never }))).toEqual([
      ...ids.toReversed(),
      purge,
    ]);
    expect(idsOf(await backgroundTask.list({ task: 'application.purge_content' as never }))).toEqual([purge]);
    const finished = idsOf(await backgroundTask.list({ status: 'finished' as never }));
    expect(finished).toContain(purge);
    expect(idsOf(await backgroundTask.list({ status: 'failed' as never }))).toEqual([]);
    const wrong = await request(test, 'GET', '/api/v1/background-task?status=done');
    expect(wrong.status).toBe(422);
  });

  it('take turns', async () => {
    for (let i = 0; i < 6; i += 1) await delivered('exhausted');
    const long = await start();
    const second = await newEndpoint();
    await insertDelivery(test, key(await newMessage(), second), 'exhausted');
    const short = await test.client.endpoint.recover(app, second, { since: hoursAgo(1) });
    const by = runner();
    await by.runOnce();
    await by.runOnce();
    expect((await test.client.backgroundTask.get(short.id)).status).toBe('finished');
    expect((await test.client.backgroundTask.get(long.id)).status).toBe('running');
  });

  it('are started once by a request that is repeated under its idempotency key', async () => {
    const path = endpointPath('/recover');
    const body = { since: hoursAgo(1) };
    const headers = { 'idempotency-key': 'recover-1' };
    const first = await request(test, 'POST', path, body, headers);
    const again = await request(test, 'POST', path, body, headers);
    expect([first.status, again.status]).toEqual([202, 202]);
    expect(again.body.id).toBe(first.body.id);
    expect((await test.client.backgroundTask.list()).data).toHaveLength(1);
  });

  it('are 20 at a time for an application', async () => {
    for (let i = 0; i < 20; i += 1) await start();
    const refused = await request(test, 'POST', endpointPath('/recover'), { since: hoursAgo(1) });
    expect(refused.status).toBe(400);
    expect(refused.body.code).toBe('limit_reached');
  });

  it('are cancelled after the chunk that is under way', async () => {
    const ids = [await delivered('exhausted'), await delivered('exhausted'), await delivered('exhausted')];
    const { id } = await start();
    await runner().runOnce();
    const path = `/api/v1/background-task/${id}/cancel`;
    const cancelled = await request(test, 'POST', path);
    expect(cancelled.status).toBe(200);
    expect(cancelled.body).toMatchObject({ id, status: 'cancelled', data: { messagesSent: 2 } });
    await runner().runOnce();
    expect(await standing(ids[2]!)).toBe('exhausted scheduled');
    expect((await request(test, 'POST', path)).body.status).toBe('cancelled');
    const done = await start();
    await finish(done.id);
    const late = await request(test, 'POST', `/api/v1/background-task/${done.id}/cancel`);
    expect([late.status, late.body.code]).toEqual([409, 'conflict']);
  });

  it('of another environment are not there', async () => {
    const { id } = await start();
    const stranger = await test.makeStranger();
    const as = { url: test.url, token: stranger.token };
    expect((await stranger.client.backgroundTask.list()).data).toEqual([]);
    expect((await request(as, 'GET', `/api/v1/background-task/${id}`)).status).toBe(404);
    expect((await request(as, 'POST', `/api/v1/background-task/${id}/cancel`)).status).toBe(404);
    for (const route of ['recover', 'replay-missing', 'bulk-replay']) {
      const answer = await request(as, 'POST', endpointPath(`/${route}`), { since: hoursAgo(1) });
      expect(answer.status).toBe(404);
    }
    for (const route of ['bulk-expunge', 'expunge-all-contents']) {
      expect((await request(as, 'POST', `/api/v1/app/${app}/msg/${route}`, {})).status).toBe(404);
    }
    expect((await request(as, 'GET', endpointPath('/stats'))).status).toBe(404);
    expect((await test.client.backgroundTask.get(id)).status).toBe('running');
    await expect(test.client.backgroundTask.get('qtask_none')).rejects.toThrow(ApiException);
  });
});

describe('a runner that dies', () => {
  it('in the middle of a chunk has done nothing of it; another one goes on, and each is sent once', async () => {
    for (let i = 0; i < 7; i += 1) await newMessage();
    const { data } = await test.client.message.list(app);
    const third = data.map(({ id }) => id).sort()[2]!;
    const { id } = await test.client.endpoint.replayMissing(app, endpoint, { since: hoursAgo(1) });
    const first = runner();
    await first.runOnce();
    // Somebody makes the delivery of a message of the second chunk: the chunk waits in its middle.
    const holder = new pg.Client({ connectionString: test.databaseUrl });
    await holder.connect();
    await holder.query('begin');
    await holder.query(
      `insert into posthorn.delivery (application_id, message_id, endpoint_id, state) values ($1, $2, $3, 'succeeded')`,
      [app, third, endpoint],
    );
    const dying = first.runOnce();
    const pid = await waitFor(
      async () => {
        const { rows } = await test.db.pool.query<{ pid: number }>(
          `select pid from pg_stat_activity
           where datname = current_database() and wait_event_type = 'Lock'`,
        );
        return rows[0]?.pid;
      },
      { what: 'the chunk waiting' },
    );
    // While it is held, nobody else takes it, and it is as it was after the first chunk.
    await runner().runOnce();
    expect((await test.client.backgroundTask.get(id)).data).toMatchObject({ messagesSent: 2 });
    await holder.query('select pg_terminate_backend($1)', [pid]);
    await dying.catch(() => {});
    await holder.query('rollback');
    await holder.end();
    expect((await test.client.backgroundTask.get(id)).data).toMatchObject({ messagesSent: 2 });
    await test.db.pool.query('update posthorn.background_task set next_at = now()');
    expect((await finish(id, runner())).data).toMatchObject({ messagesSent: 7, messagesChecked: 7 });
    const { rows } = await test.db.pool.query('select from posthorn.delivery where endpoint_id = $1', [
      endpoint,
    ]);
    expect(rows).toHaveLength(7);
  });

  it('leaves the task to others when both work on it at the same time', async () => {
    for (let i = 0; i < 30; i += 1) await newMessage();
    const { id } = await test.client.endpoint.replayMissing(app, endpoint, { since: hoursAgo(1) });
    const [one, two] = await Promise.all([finish(id, runner()), finish(id, runner())]);
    expect(one.data).toEqual(two.data);
    expect(one.data).toMatchObject({ messagesSent: 30, messagesChecked: 30 });
  });

  it('of a bug again and again fails the task, and says so', async () => {
    await delivered('exhausted');
    const { id } = await test.client.endpoint.recover(app, endpoint, { since: hoursAgo(1) });
    await test.db.pool.query(`alter table posthorn.endpoint_due rename to endpoint_due_away`);
    try {
      await waitFor(
        async () => {
          await test.db.pool.query('update posthorn.background_task set next_at = now()');
          await runner().runOnce();
          return (await test.client.backgroundTask.get(id)).status === BackgroundTaskStatus.Failed;
        },
        { what: 'the task failing' },
      );
    } finally {
      await test.db.pool.query(`alter table posthorn.endpoint_due_away rename to endpoint_due`);
    }
    expect(logged.filter(({ text }) => text.includes('chunk'))).toHaveLength(5);
    expect((await test.client.backgroundTask.get(id)).data).toMatchObject({
      messagesSent: 0,
      error: { code: 'server_error' },
    });
  });
});
