// Resend: one more attempt by hand, without breaking the chain of automatic ones.
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { requestResend } from '../src/store/resend.ts';
import { request, startTestApi } from './support/api.ts';
import type { TestApi } from './support/api.ts';
import { insertDelivery, readDelivery } from './support/delivery-rows.ts';
import type { DeliveryKey } from './support/delivery-rows.ts';
import { waitFor } from './support/wait.ts';

const hourMs = 3_600_000;
let test: TestApi;
let key: DeliveryKey;

beforeAll(async () => {
  test = await startTestApi();
});
afterAll(() => test.stop());
beforeEach(async () => {
  const { id: applicationId } = await test.client.application.create({ name: 'Acme' });
  const endpoint = await test.client.endpoint.create(applicationId, {
    url: 'http://127.0.0.1:9/',
    uid: 'one',
  });
  const message = await test.client.message.create(applicationId, {
    eventType: 'a',
    eventId: 'order-1',
    payload: { a: 1 },
  });
  key = { applicationId, messageId: message.id, endpointId: endpoint.id };
});

const resend = ({ messageId, endpointId } = key) =>
  test.client.messageAttempt.resend(key.applicationId, messageId, endpointId);
const resendRaw = ({ messageId, endpointId } = key) =>
  request(test, 'POST', `/api/v1/app/${key.applicationId}/msg/${messageId}/endpoint/${endpointId}/resend`);

/** Where the delivery stands; times in whole hours from now. */
async function standing() {
  const row = await readDelivery(test, key);
  // Adding 0 makes a zero of a negative zero.
  const hours = (time: Date | null | undefined) =>
    time && Math.round((time.getTime() - Date.now()) / hourMs) + 0;
  return {
    state: row?.state,
    trigger: row?.trigger,
    attempts: row?.attempts,
    next: hours(row?.next_attempt_at),
    resume: hours(row?.resume_at),
  };
}

async function dueHours(endpointId = key.endpointId): Promise<number[]> {
  const { rows } = await test.db.pool.query<{ hours: string; application_id: string }>(
    `select round(extract(epoch from due_at - now()) / 3600) as hours, application_id
     from posthorn.endpoint_due where endpoint_id = $1`,
    [endpointId],
  );
  for (const row of rows) expect(row.application_id).toBe(key.applicationId);
  return rows.map((row) => Number(row.hours));
}

async function isSomeoneWaitingForALock(): Promise<boolean> {
  const { rows } = await test.db.pool.query(
    `select from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'`,
  );
  return rows.length > 0;
}

describe('a resend is scheduled at once', () => {
  it('for a message that was never meant for the endpoint', async () => {
    expect(await resend()).toEqual({});
    expect(await standing()).toEqual({
      state: 'pending',
      trigger: 'manual',
      attempts: 0,
      next: 0,
      resume: null,
    });
    expect(await dueHours()).toEqual([0]);
  });

  it.each(['succeeded', 'exhausted', 'cancelled'] as const)('for a delivery that is %s', async (state) => {
    await insertDelivery(test, key, state, { attempts: 3, resumeInMs: hourMs });
    expect((await resendRaw()).status).toBe(202);
    expect(await standing()).toEqual({
      state: 'pending',
      trigger: 'manual',
      attempts: 3,
      next: 0,
      resume: null,
    });
  });

  it.each(['pending', 'retrying'] as const)(
    'for one that is %s, whose chain goes on later',
    async (state) => {
      await insertDelivery(test, key, state, { attempts: 2, nextInMs: 5 * hourMs });
      await resend();
      expect(await standing()).toEqual({
        state: 'pending',
        trigger: 'manual',
        attempts: 2,
        next: 0,
        resume: 5,
      });
      expect(await dueHours()).toEqual([0]);
    },
  );

  it('and a second one before the attempt changes nothing', async () => {
    await insertDelivery(test, key, 'retrying', { attempts: 2, nextInMs: 5 * hourMs });
    await resend();
    const before = await readDelivery(test, key);
    await resend();
    const after = await readDelivery(test, key);
    expect(after).toEqual({ ...before, updated_at: expect.any(Date) });
  });

  it('and keeps an earlier due time of the endpoint, but not a later one', async () => {
    const setDue = (hours: number) =>
      test.db.pool.query(
        `insert into posthorn.endpoint_due values ($1, $2, now() + $3 * interval '1 hour')
         on conflict (endpoint_id) do update set due_at = excluded.due_at`,
        [key.endpointId, key.applicationId, hours],
      );
    await setDue(5);
    await resend();
    expect(await dueHours()).toEqual([0]);
    await setDue(-5);
    await resend();
    expect(await dueHours()).toEqual([-5]);
  });

  it('by eventId and the uid of the endpoint', async () => {
    await resend({ ...key, messageId: 'order-1', endpointId: 'one' });
    expect((await standing()).trigger).toBe('manual');
  });

  it('once, when twenty are asked for at the same time', async () => {
    const answers = await Promise.all(Array.from({ length: 20 }, () => resendRaw()));
    expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([202]));
    expect(await standing()).toMatchObject({ state: 'pending', trigger: 'manual', resume: null });
  });
});

describe('a resend is refused', () => {
  const untouched = async (then: () => Promise<void>) => {
    const before = await readDelivery(test, key);
    await then();
    expect(await readDelivery(test, key)).toEqual(before);
    expect(await dueHours()).toEqual([]);
  };

  it('while the delivery is under way', async () => {
    await insertDelivery(test, key, 'delivering');
    await untouched(async () => {
      const answer = await resendRaw();
      expect(answer.status).toBe(409);
      expect(answer.body).toEqual({ code: 'delivery_in_progress', detail: expect.any(String) });
    });
  });

  it('for a disabled endpoint, saying how to enable it', async () => {
    await insertDelivery(test, key, 'exhausted');
    await test.client.endpoint.patch(key.applicationId, key.endpointId, { disabled: true });
    await untouched(async () => {
      const answer = await resendRaw();
      expect(answer.status).toBe(400);
      expect(answer.body).toEqual({
        code: 'endpoint_disabled',
        detail: expect.stringContaining('"disabled": false'),
      });
    });
  });

  it('for a message without content', async () => {
    await insertDelivery(test, key, 'succeeded');
    await test.client.message.expungeContent(key.applicationId, key.messageId);
    await untouched(async () => {
      const answer = await resendRaw();
      expect(answer.status).toBe(400);
      expect(answer.body.code).toBe('missing_payload');
    });
  });

  it('for what does not exist, is deleted, or belongs to someone else', async () => {
    expect((await resendRaw({ ...key, messageId: 'nothing' })).status).toBe(404);
    expect((await resendRaw({ ...key, endpointId: 'nothing' })).status).toBe(404);
    const other = await test.client.application.create({ name: 'Other' });
    const theirs = await test.client.endpoint.create(other.id, { url: 'http://127.0.0.1:9/' });
    expect((await resendRaw({ ...key, endpointId: theirs.id })).status).toBe(404);
    const foreign = await test.client.message.create(other.id, { eventType: 'a', payload: {} });
    expect((await resendRaw({ ...key, messageId: foreign.id })).status).toBe(404);
    const stranger = { ...(await test.makeStranger()), url: test.url };
    const { applicationId, messageId, endpointId } = key;
    const path = `/api/v1/app/${applicationId}/msg/${messageId}/endpoint/${endpointId}/resend`;
    expect((await request(stranger, 'POST', path)).status).toBe(404);
    await test.client.endpoint.delete(applicationId, endpointId);
    expect((await resendRaw()).status).toBe(404);
    expect(await readDelivery(test, key)).toBeUndefined();
    expect(await dueHours(theirs.id)).toEqual([]);
  });

  it('by the statement itself, whatever was looked up before', async () => {
    const ask = (more: Partial<DeliveryKey>) => requestResend(test.db.queries, { ...key, ...more });
    const other = await test.client.application.create({ name: 'Other' });
    const theirs = await test.client.endpoint.create(other.id, { url: 'http://127.0.0.1:9/' });
    expect(await ask({ messageId: 'msg_none' })).toBe('no_message');
    expect(await ask({ applicationId: other.id })).toBe('no_message');
    expect(await ask({ endpointId: theirs.id })).toBe('no_endpoint');
    await test.client.endpoint.delete(key.applicationId, key.endpointId);
    expect(await ask({})).toBe('no_endpoint');
  });

  it('when a claim takes the delivery at the same moment', async () => {
    await insertDelivery(test, key, 'retrying', { nextInMs: 0 });
    const claim = await test.db.pool.connect();
    try {
      await claim.query('begin');
      await claim.query(
        `update posthorn.delivery set state = 'delivering', lease_owner = 1, lease_seq = lease_seq + 1,
           next_attempt_at = null where endpoint_id = $1`,
        [key.endpointId],
      );
      const asked = requestResend(test.db.queries, key);
      await waitFor(isSomeoneWaitingForALock, { what: 'the resend waiting for the claim' });
      await claim.query('commit');
      expect(await asked).toBe('in_progress');
    } finally {
      claim.release();
    }
    expect(await readDelivery(test, key)).toMatchObject({
      state: 'delivering',
      trigger: 'scheduled',
      lease_seq: 1,
    });
  });
});
