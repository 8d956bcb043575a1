// Endpoints: what they are told to be, and that deliveries are so.
import { randomBytes } from 'node:crypto';
import { BackgroundTaskStatus, Webhook } from 'svix';
import { expect } from 'vitest';
import { waitFor } from '../support/wait.ts';
import { eventType, expectGone, idsOf } from './world.ts';
import type { Checks, World } from './world.ts';

const dayMs = 24 * 60 * 60 * 1_000;

function newSecret(): string {
  return `whsec_${randomBytes(32).toString('base64')}`;
}

/** A range that holds what the check did. */
function lately() {
  return { since: new Date(Date.now() - dayMs) };
}

async function finished({ client }: World, taskId: string): Promise<void> {
  await waitFor(
    async () => (await client.backgroundTask.get(taskId)).status === BackgroundTaskStatus.Finished,
    {
      what: `the end of ${taskId}`,
    },
  );
}

export const endpointChecks: Checks = {
  async 'Endpoint.list'({ client, application, endpoint }) {
    const { id: app } = await application();
    const made = [await endpoint(app), await endpoint(app), await endpoint(app)].map(({ id }) => id);
    const listed = await idsOf(
      (options) => client.endpoint.list(app, options),
      ({ id }) => id,
    );
    expect(listed).toEqual(made.toReversed());
  },
  async 'Endpoint.create'({ client, application, endpoint, message, received }) {
    const { id: app } = await application();
    const secret = newSecret();
    const made = await endpoint(app, { secret, eventTypes: [eventType], headers: { 'x-mine': 'yes' } });
    expect(await client.endpoint.get(app, made.id)).toEqual(made);
    const sent = await message(app);
    const [delivery] = await received(made);
    expect(delivery?.headers).toMatchObject({ 'webhook-id': sent.id, 'x-mine': 'yes' });
    const headers = delivery?.headers as Record<string, string>;
    expect(() => new Webhook(secret).verify(String(delivery?.body), headers)).not.toThrow();
    expect(() => new Webhook(newSecret()).verify(String(delivery?.body), headers)).toThrow();
  },
  async 'Endpoint.get'({ client, application, endpoint, unique }) {
    const { id: app } = await application();
    const uid = unique();
    const made = await endpoint(app, { uid });
    expect(await client.endpoint.get(app, uid)).toEqual(made);
    await expectGone(client.endpoint.get(app, 'nobody'));
  },
  async 'Endpoint.upsert'({ client, application, unique }) {
    const { id: app } = await application();
    const uid = unique();
    const url = 'http://127.0.0.1:9/one';
    const { id } = await client.endpoint.upsert(app, uid, { url, description: 'made' });
    await client.endpoint.upsert(app, uid, { url: 'http://127.0.0.1:9/two' });
    expect(await client.endpoint.get(app, id)).toMatchObject({
      uid,
      url: 'http://127.0.0.1:9/two',
      description: '',
    });
  },
  async 'Endpoint.delete'({ client, application, endpoint }) {
    const { id: app } = await application();
    const { id } = await endpoint(app);
    await client.endpoint.delete(app, id);
    await expectGone(client.endpoint.get(app, id));
  },
  async 'Endpoint.patch'({ client, application, endpoint }) {
    const { id: app } = await application();
    const { id, url } = await endpoint(app);
    await client.endpoint.patch(app, id, { disabled: true, description: 'patched' });
    expect(await client.endpoint.get(app, id)).toMatchObject({ url, disabled: true, description: 'patched' });
  },
  async 'Endpoint.getSecret'({ client, application, endpoint }) {
    const { id: app } = await application();
    const secret = newSecret();
    const { id } = await endpoint(app, { secret });
    expect(await client.endpoint.getSecret(app, id)).toEqual({ key: secret });
  },
  async 'Endpoint.rotateSecret'({ client, application, endpoint, message, received }) {
    const { id: app } = await application();
    const made = await endpoint(app, { secret: newSecret() });
    const key = newSecret();
    await client.endpoint.rotateSecret(app, made.id, { key });
    expect(await client.endpoint.getSecret(app, made.id)).toEqual({ key });
    await message(app);
    const [delivery] = await received(made);
    const headers = delivery?.headers as Record<string, string>;
    expect(() => new Webhook(key).verify(String(delivery?.body), headers)).not.toThrow();
  },
  async 'Endpoint.getHeaders'({ client, application, endpoint }) {
    const { id: app } = await application();
    const { id } = await endpoint(app, { headers: { 'x-mine': 'yes', 'x-api-key': 'hidden' } });
    expect(await client.endpoint.getHeaders(app, id)).toEqual({
      headers: { 'x-mine': 'yes' },
      sensitive: ['x-api-key'],
    });
  },
  async 'Endpoint.setHeaders'({ client, application, endpoint, message, received }) {
    const { id: app } = await application();
    const made = await endpoint(app, { headers: { 'x-before': 'yes' } });
    await client.endpoint.setHeaders(app, made.id, { headers: { 'x-after': 'yes' } });
    await message(app);
    const [delivery] = await received(made);
    expect(delivery?.headers['x-after']).toBe('yes');
    expect(delivery?.headers['x-before']).toBeUndefined();
  },
  async 'Endpoint.patchHeaders'({ client, application, endpoint }) {
    const { id: app } = await application();
    const { id } = await endpoint(app, { headers: { 'x-one': '1', 'x-two': '2' } });
    await client.endpoint.patchHeaders(app, id, { headers: { 'x-three': '3' }, deleteHeaders: ['x-one'] });
    expect((await client.endpoint.getHeaders(app, id)).headers).toEqual({ 'x-two': '2', 'x-three': '3' });
  },
};

export const endpointTaskChecks: Checks = {
  async 'Endpoint.getStats'({ client, delivered }) {
    const { app, endpoint } = await delivered();
    expect(await client.endpoint.getStats(app, endpoint.id)).toMatchObject({ success: 1, fail: 0 });
  },
  async 'Endpoint.sendExample'({ client, application, endpoint, received, unique }) {
    const { id: app } = await application();
    const made = await endpoint(app);
    const name = unique('example');
    const schemas = { '1': { type: 'object', examples: [{ n: 7 }] } };
    await client.eventType.create({ name, description: 'has an example', schemas });
    const sent = await client.endpoint.sendExample(app, made.id, { eventType: name });
    const [delivery] = await received(made);
    expect(delivery?.headers['webhook-id']).toBe(sent.id);
    expect(JSON.parse(String(delivery?.body))).toEqual({ n: 7 });
  },
  async 'Endpoint.recover'(world) {
    const { app, endpoint } = await world.delivered({ failing: true });
    const task = await world.client.endpoint.recover(app, endpoint.id, lately());
    await finished(world, task.id);
    await world.received(endpoint, 2);
  },
  async 'Endpoint.replayMissing'(world) {
    const { id: app } = await world.application();
    const sent = await world.message(app);
    const made = await world.endpoint(app);
    const task = await world.client.endpoint.replayMissing(app, made.id, lately());
    await finished(world, task.id);
    const [delivery] = await world.received(made);
    expect(delivery?.headers['webhook-id']).toBe(sent.id);
  },
  async 'Endpoint.bulkReplay'(world) {
    const { app, endpoint, message } = await world.delivered();
    const filter = { ...lately(), eventTypes: [eventType] };
    const task = await world.client.endpoint.bulkReplay(app, endpoint.id, filter);
    await finished(world, task.id);
    const deliveries = await world.received(endpoint, 2);
    expect(deliveries.map(({ headers }) => headers['webhook-id'])).toEqual([message.id, message.id]);
  },
};

const code = 'function handler(webhook) { webhook.payload = { changed: true }; return webhook; }';

async function expectTransformed({ message, received }: World, app: string, made: { url: string }) {
  await message(app);
  const [delivery] = await received(made as Parameters<World['received']>[0]);
  expect(JSON.parse(String(delivery?.body))).toEqual({ changed: true });
}

export const transformationChecks: Checks = {
  async 'Endpoint.transformationPartialUpdate'(world) {
    const { id: app } = await world.application();
    const made = await world.endpoint(app);
    await world.client.endpoint.transformationPartialUpdate(app, made.id, { code, enabled: true });
    await expectTransformed(world, app, made);
  },
  async 'EndpointTransformation.get'({ client, application, endpoint }) {
    const { id: app } = await application();
    const { id } = await endpoint(app);
    await client.endpoint.transformation.patch(app, id, { code, enabled: true });
    expect(await client.endpoint.transformation.get(app, id)).toMatchObject({ code, enabled: true });
  },
  async 'EndpointTransformation.patch'(world) {
    const { id: app } = await world.application();
    const made = await world.endpoint(app);
    await world.client.endpoint.transformation.patch(app, made.id, { code, enabled: true });
    await expectTransformed(world, app, made);
  },
};
