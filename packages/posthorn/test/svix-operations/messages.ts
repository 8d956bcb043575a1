// Messages, their attempts, and what is done with many of them.
import { MessageStatus, StatusCodeClass } from 'svix';
import { expect } from 'vitest';
import { waitFor } from '../support/wait.ts';
import { eventType, expectGone, idsOf } from './world.ts';
import type { Checks, World } from './world.ts';

const expired = { expired: true };

async function payloadOf({ client }: World, app: string, id: string): Promise<unknown> {
  return (await client.message.get(app, id, { withContent: true })).payload;
}

export const messageChecks: Checks = {
  async 'Message.list'({ client, application, message }) {
    const { id: app } = await application();
    const made = [await message(app), await message(app), await message(app)].map(({ id }) => id);
    const listed = await idsOf(
      (options) => client.message.list(app, options),
      ({ id }) => id,
    );
    expect(listed).toEqual(made.toReversed());
    const { data } = await client.message.list(app, { withContent: true, eventTypes: [eventType] });
    expect(data.map(({ payload }) => payload)).toEqual([{ n: 1 }, { n: 1 }, { n: 1 }]);
  },
  async 'Message.create'({ client, application, endpoint, received }) {
    const { id: app } = await application();
    const made = await endpoint(app);
    const sent = await client.message.create(app, { eventType, payload: { exact: 1.5 }, tags: ['mine'] });
    const [delivery] = await received(made);
    expect(delivery?.headers['webhook-id']).toBe(sent.id);
    expect(String(delivery?.body)).toBe('{"exact":1.5}');
  },
  async 'Message.get'({ client, application, message, unique }) {
    const { id: app } = await application();
    const eventId = unique();
    const { id } = await message(app, { eventId });
    expect(await client.message.get(app, eventId, { withContent: true })).toMatchObject({
      id,
      eventType,
      payload: { n: 1 },
    });
    await expectGone(client.message.get(app, 'nobody'));
  },
  async 'Message.expungeContent'(world) {
    const { id: app } = await world.application();
    const { id } = await world.message(app);
    await world.client.message.expungeContent(app, id);
    expect(await payloadOf(world, app, id)).toEqual(expired);
  },
  async 'Message.precheck'({ client, application, endpoint }) {
    const { id: app } = await application();
    expect(await client.message.precheck(app, { eventType })).toEqual({ active: false });
    await endpoint(app, { eventTypes: [eventType] });
    expect(await client.message.precheck(app, { eventType })).toEqual({ active: true });
    expect(await client.message.precheck(app, { eventType: 'other.one' })).toEqual({ active: false });
  },
  async 'Message.bulkExpungeContent'(world) {
    const { id: app } = await world.application();
    const [first, second, kept] = [
      await world.message(app),
      await world.message(app),
      await world.message(app),
    ];
    const { results } = await world.client.message.bulkExpungeContent(app, { ids: [first.id, second.id] });
    expect(Object.keys(results).toSorted()).toEqual([first.id, second.id].toSorted());
    for (const { id } of [first, second]) expect(await payloadOf(world, app, id)).toEqual(expired);
    expect(await payloadOf(world, app, kept.id)).toEqual({ n: 1 });
  },
  async 'Message.expungeAllContents'(world) {
    const { id: app } = await world.application();
    const made = [await world.message(app), await world.message(app)];
    await world.client.message.expungeAllContents(app);
    for (const { id } of made) {
      await waitFor(async () => JSON.stringify(await payloadOf(world, app, id)) === JSON.stringify(expired), {
        what: `the end of the payload of ${id}`,
      });
    }
  },
};

export const attemptChecks: Checks = {
  async 'MessageAttempt.listByEndpoint'({ client, delivered }) {
    const { app, endpoint, message, attemptId } = await delivered();
    const options = { withContent: true, withMsg: true, status: MessageStatus.Success };
    const { data } = await client.messageAttempt.listByEndpoint(app, endpoint.id, options);
    expect(data).toMatchObject([
      {
        id: attemptId,
        msgId: message.id,
        status: 0,
        responseStatusCode: 200,
        response: 'seen',
        msg: { id: message.id },
      },
    ]);
  },
  async 'MessageAttempt.listByMsg'({ client, delivered }) {
    const { app, endpoint, message } = await delivered({ failing: true });
    const { data } = await client.messageAttempt.listByMsg(app, message.id, {
      statusCodeClass: StatusCodeClass.Code5xx,
    });
    expect(data).toMatchObject([{ endpointId: endpoint.id, status: 2, responseStatusCode: 500 }]);
    const { data: none } = await client.messageAttempt.listByMsg(app, message.id, {
      statusCodeClass: StatusCodeClass.Code2xx,
    });
    expect(none).toEqual([]);
  },
  async 'MessageAttempt.listAttemptedMessages'({ client, delivered }) {
    const { app, endpoint, message } = await delivered();
    const { data } = await client.messageAttempt.listAttemptedMessages(app, endpoint.id);
    expect(data).toMatchObject([{ id: message.id, status: 0, nextAttempt: null }]);
  },
  async 'MessageAttempt.listAttemptedDestinations'({ client, delivered }) {
    const { app, endpoint, message } = await delivered();
    const { data } = await client.messageAttempt.listAttemptedDestinations(app, message.id);
    expect(data).toMatchObject([{ id: endpoint.id, url: endpoint.url, status: 0 }]);
  },
  async 'MessageAttempt.get'({ client, delivered }) {
    const { app, endpoint, message, attemptId } = await delivered();
    expect(await client.messageAttempt.get(app, message.id, attemptId)).toMatchObject({
      id: attemptId,
      endpointId: endpoint.id,
      msgId: message.id,
      response: 'seen',
    });
  },
  async 'MessageAttempt.expungeContent'({ client, delivered }) {
    const { app, message, attemptId } = await delivered();
    await client.messageAttempt.expungeContent(app, message.id, attemptId);
    const { response } = await client.messageAttempt.get(app, message.id, attemptId);
    expect(response).toBe('EXPUNGED');
  },
  async 'MessageAttempt.resend'({ client, delivered, received }) {
    const { app, endpoint, message } = await delivered();
    await client.messageAttempt.resend(app, message.id, endpoint.id);
    const deliveries = await received(endpoint, 2);
    expect(deliveries.map(({ headers }) => headers['webhook-id'])).toEqual([message.id, message.id]);
  },
};
