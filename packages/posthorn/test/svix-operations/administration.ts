// What concerns the whole environment: access, background tasks, usage, export and import, operational webhooks.
import { expect } from 'vitest';
import { ApiException, BackgroundTaskStatus } from 'svix';
import { waitFor } from '../support/wait.ts';
import { expectGone, idsOf } from './world.ts';
import type { Checks, World } from './world.ts';

const dayMs = 24 * 60 * 60 * 1_000;

async function finishedTask({ client }: World, id: string) {
  await waitFor(async () => (await client.backgroundTask.get(id)).status === BackgroundTaskStatus.Finished, {
    what: `the end of ${id}`,
  });
  return client.backgroundTask.get(id);
}

async function statusOf(call: Promise<unknown>): Promise<number> {
  return call.then(
    () => 200,
    (error: unknown) => (error instanceof ApiException ? error.code : 0),
  );
}

export const accessChecks: Checks = {
  async 'Authentication.appPortalAccess'({ client, clientWith, application }) {
    const [mine, other] = [await application(), await application()];
    const { token, url } = await client.authentication.appPortalAccess(mine.id, {});
    expect(url).toContain(mine.id);
    const portal = clientWith(token);
    expect((await portal.application.get(mine.id)).id).toBe(mine.id);
    expect(await statusOf(portal.application.get(other.id))).toBeGreaterThanOrEqual(401);
  },
  async 'Authentication.logout'({ client, clientWith, application }) {
    const { id } = await application();
    const { token } = await client.authentication.appPortalAccess(id, {});
    const portal = clientWith(token);
    expect(await statusOf(portal.application.get(id))).toBe(200);
    await portal.authentication.logout();
    expect(await statusOf(portal.application.get(id))).toBe(401);
  },
  async 'Authentication.expireAll'({ client, clientWith, application }) {
    const [mine, other] = [await application(), await application()];
    const { token } = await client.authentication.appPortalAccess(mine.id, {});
    const { token: kept } = await client.authentication.appPortalAccess(other.id, {});
    await client.authentication.expireAll(mine.id, {});
    expect(await statusOf(clientWith(token).application.get(mine.id))).toBe(401);
    expect(await statusOf(clientWith(kept).application.get(other.id))).toBe(200);
  },
};

export const taskChecks: Checks = {
  async 'BackgroundTask.list'(world) {
    const { client } = world;
    const { id: app } = await world.application();
    const { id } = await client.message.expungeAllContents(app);
    await finishedTask(world, id);
    const listed = await idsOf(
      (options) => client.backgroundTask.list({ ...options, status: BackgroundTaskStatus.Finished }),
      (task) => task.id,
    );
    expect(listed).toContain(id);
  },
  async 'BackgroundTask.get'(world) {
    const { id: app } = await world.application();
    const { id } = await world.client.message.expungeAllContents(app);
    expect(await finishedTask(world, id)).toMatchObject({ id, task: 'application.purge_content' });
    await expectGone(world.client.backgroundTask.get('nobody'));
  },
};

export const statisticsChecks: Checks = {
  async 'Statistics.aggregateAppStats'(world) {
    const { id } = await world.application();
    await world.message(id);
    const task = await world.client.statistics.aggregateAppStats({
      since: new Date(Date.now() - dayMs),
      until: new Date(Date.now() + dayMs),
      appIds: [id, 'nobody'],
    });
    expect(task.unresolvedAppIds).toEqual(['nobody']);
    const { data } = await finishedTask(world, task.id);
    expect(JSON.stringify(data)).toContain(id);
  },
  async 'Statistics.aggregateEventTypes'(world) {
    const { id } = await world.application();
    await world.message(id);
    const task = await world.client.statistics.aggregateEventTypes();
    const { data } = await finishedTask(world, task.id);
    expect(data).toBeTruthy();
  },
};

export const environmentChecks: Checks = {
  async 'Environment.export'({ client, unique }) {
    const name = unique('exported');
    await client.eventType.create({ name, description: 'exported' });
    const { eventTypes } = await client.environment.export();
    expect(eventTypes.map((eventType) => eventType.name)).toContain(name);
  },
  async 'Environment.import'({ client, unique }) {
    const name = unique('imported');
    await client.environment.import({ eventTypes: [{ name, description: 'imported' }] });
    expect(await client.eventType.get(name)).toMatchObject({ description: 'imported' });
  },
};

const url = 'http://127.0.0.1:9/operations';

export const operationalChecks: Checks = {
  async 'OperationalWebhookEndpoint.list'({ client }) {
    const { endpoint } = client.operationalWebhook;
    const made = [await endpoint.create({ url }), await endpoint.create({ url })].map(({ id }) => id);
    const listed = await idsOf(
      (options) => endpoint.list(options),
      ({ id }) => id,
    );
    expect(listed).toEqual(expect.arrayContaining(made));
    for (const id of made) await endpoint.delete(id);
  },
  async 'OperationalWebhookEndpoint.create'({ client, endpoint, application, received }) {
    // Its receiver's URL is taken from an ordinary endpoint, which is what the receiver waits for.
    const { id: app } = await application();
    const ordinary = await endpoint(app);
    const created = 'endpoint.created';
    const made = await client.operationalWebhook.endpoint.create({
      url: ordinary.url,
      eventTypes: [created],
    });
    await endpoint(app);
    const [delivery] = await received(ordinary);
    expect(JSON.parse(String(delivery?.body))).toMatchObject({ type: created });
    await client.operationalWebhook.endpoint.delete(made.id);
  },
  async 'OperationalWebhookEndpoint.get'({ client, unique }) {
    const uid = unique();
    const made = await client.operationalWebhook.endpoint.create({ url, uid, description: 'got' });
    expect(await client.operationalWebhook.endpoint.get(made.id)).toEqual(made);
    await client.operationalWebhook.endpoint.delete(made.id);
  },
  async 'OperationalWebhookEndpoint.upsert'({ client }) {
    const { id } = await client.operationalWebhook.endpoint.create({ url, description: 'before' });
    await client.operationalWebhook.endpoint.upsert(id, { url: `${url}/after` });
    const read = await client.operationalWebhook.endpoint.get(id);
    expect(read).toMatchObject({ url: `${url}/after`, description: '' });
    await client.operationalWebhook.endpoint.delete(id);
  },
  async 'OperationalWebhookEndpoint.delete'({ client }) {
    const { id } = await client.operationalWebhook.endpoint.create({ url });
    await client.operationalWebhook.endpoint.delete(id);
    await expectGone(client.operationalWebhook.endpoint.get(id));
  },
  async 'OperationalWebhookEndpoint.getSecret'({ client }) {
    const { id } = await client.operationalWebhook.endpoint.create({ url });
    expect((await client.operationalWebhook.endpoint.getSecret(id)).key).toMatch(/^whsec_/);
    await client.operationalWebhook.endpoint.delete(id);
  },
  async 'OperationalWebhookEndpoint.rotateSecret'({ client }) {
    const { endpoint } = client.operationalWebhook;
    const { id } = await endpoint.create({ url });
    const before = await endpoint.getSecret(id);
    await endpoint.rotateSecret(id, {});
    expect((await endpoint.getSecret(id)).key).not.toBe(before.key);
    await endpoint.delete(id);
  },
  async 'OperationalWebhookEndpoint.getHeaders'({ client }) {
    const { endpoint } = client.operationalWebhook;
    const { id } = await endpoint.create({ url, headers: { 'x-mine': 'yes' } });
    expect(await endpoint.getHeaders(id)).toMatchObject({ headers: { 'x-mine': 'yes' } });
    await endpoint.delete(id);
  },
  async 'OperationalWebhookEndpoint.setHeaders'({ client }) {
    const { endpoint } = client.operationalWebhook;
    const { id } = await endpoint.create({ url, headers: { 'x-before': 'yes' } });
    await endpoint.setHeaders(id, { headers: { 'x-after': 'yes' } });
    expect((await endpoint.getHeaders(id)).headers).toEqual({ 'x-after': 'yes' });
    await endpoint.delete(id);
  },
};
