// Integrations, connectors and polling.
import { AutoConfig } from 'svix';
import { expect } from 'vitest';
import { request } from '../support/api.ts';
import { waitFor } from '../support/wait.ts';
import { expectGone, idsOf } from './world.ts';
import type { Checks, World } from './world.ts';

const hourMs = 60 * 60 * 1_000;

/** An application with a poller, which the client has no function to make, and a message for it. */
async function polling(world: World): Promise<{ app: string; sink: string; message: string }> {
  const { id: app } = await world.application();
  const made = await request(world, 'POST', `/api/v1/app/${app}/polling-endpoint`, {});
  expect(made.status).toBe(201);
  const { id: message } = await world.message(app);
  return { app, sink: String(made.body.id), message };
}

export const pollerChecks: Checks = {
  async 'MessagePoller.poll'(world) {
    const { app, sink, message } = await polling(world);
    const { poller } = world.client.message;
    const page = await waitFor(
      async () => {
        const answer = await poller.poll(app, sink);
        return answer.data.length > 0 ? answer : undefined;
      },
      { what: 'a message in the poller' },
    );
    expect(page.data.map(({ id }) => id)).toEqual([message]);
    expect((await poller.poll(app, sink, { iterator: page.iterator })).data).toEqual([]);
  },
  async 'MessagePoller.consumerPoll'(world) {
    const { app, sink, message } = await polling(world);
    const { poller } = world.client.message;
    const page = await waitFor(
      async () => {
        const answer = await poller.consumerPoll(app, sink, 'mine');
        return answer.data.length > 0 ? answer : undefined;
      },
      { what: 'a message for the consumer' },
    );
    expect(page.data.map(({ id }) => id)).toEqual([message]);
    await poller.consumerPoll(app, sink, 'mine', { iterator: page.iterator });
    expect((await poller.consumerPoll(app, sink, 'mine')).data).toEqual([]);
  },
  async 'MessagePoller.consumerSeek'(world) {
    const { app, sink } = await polling(world);
    const { poller } = world.client.message;
    await poller.consumerSeek(app, sink, 'mine', { after: new Date(Date.now() + hourMs) });
    expect((await poller.consumerPoll(app, sink, 'mine')).data).toEqual([]);
  },
};

export const integrationChecks: Checks = {
  async 'Integration.list'({ client, application }) {
    const { id: app } = await application();
    const made = [
      await client.integration.create(app, { name: 'one' }),
      await client.integration.create(app, { name: 'two' }),
    ].map(({ id }) => id);
    const listed = await idsOf(
      (options) => client.integration.list(app, options),
      ({ id }) => id,
    );
    expect(listed.toSorted()).toEqual(made.toSorted());
  },
  async 'Integration.create'({ client, application }) {
    const { id: app } = await application();
    const made = await client.integration.create(app, { name: 'made' });
    expect(await client.integration.get(app, made.id)).toEqual(made);
  },
  async 'Integration.get'({ client, application }) {
    const { id: app } = await application();
    const { id } = await client.integration.create(app, { name: 'got' });
    expect(await client.integration.get(app, id)).toMatchObject({ id, name: 'got' });
    await expectGone(client.integration.get(app, 'nobody'));
  },
  async 'Integration.update'({ client, application }) {
    const { id: app } = await application();
    const { id } = await client.integration.create(app, { name: 'before' });
    await client.integration.update(app, id, { name: 'after' });
    expect((await client.integration.get(app, id)).name).toBe('after');
  },
  async 'Integration.delete'({ client, application }) {
    const { id: app } = await application();
    const { id } = await client.integration.create(app, { name: 'deleted' });
    await client.integration.delete(app, id);
    await expectGone(client.integration.get(app, id));
  },
  async 'Integration.rotateKey'({ client, clientWith, application }) {
    const { id: app } = await application();
    const { id } = await client.integration.create(app, { name: 'rotated' });
    const first = await client.integration.rotateKey(app, id);
    const second = await client.integration.rotateKey(app, id);
    expect(second.key).not.toBe(first.key);
    expect((await clientWith(second.key).application.get(app)).id).toBe(app);
  },
};

/** The client of a third party, on a receiver that is there already. */
async function subscribed({ endpoint, application }: World, token: string) {
  const { url } = await endpoint((await application()).id);
  const client = new AutoConfig(token, { url });
  return { url, client, made: await client.subscribe() };
}

export const autoconfigChecks: Checks = {
  async 'AutoconfigSubscription.create'(world) {
    const { id: app } = await world.application();
    const { token } = await world.client.autoconfigSubscription.create(app);
    const { url, client, made } = await subscribed(world, token);
    expect(await world.client.endpoint.get(app, made.id)).toEqual(made);
    await world.message(app);
    const [delivery] = await world.received({ url });
    const headers = delivery?.headers as Record<string, string>;
    expect(() => client.verify(String(delivery?.body), headers)).not.toThrow();
  },
  async 'AutoconfigSubscription.rotate'(world) {
    const { id: app } = await world.application();
    const { id, token } = await world.client.autoconfigSubscription.create(app);
    const old = await subscribed(world, token);
    const rotated = await world.client.autoconfigSubscription.rotate(app, id, {
      signingSecret: { gracePeriodSeconds: 0 },
    });
    await expect(old.client.subscribe()).rejects.toMatchObject({ code: 401 });
    const { url, client, made } = await subscribed(world, rotated.token);
    expect(made.id).toBe(old.made.id);
    await world.message(app);
    const [delivery] = await world.received({ url });
    const headers = delivery?.headers as Record<string, string>;
    expect(() => client.verify(String(delivery?.body), headers)).not.toThrow();
    expect(() => old.client.verify(String(delivery?.body), headers)).toThrow();
  },
};

export const connectorChecks: Checks = {
  async 'Connector.upsert'({ client, unique }) {
    const uid = unique();
    const transformation = 'function handler(w) { return w; }';
    const made = await client.connector.upsert(uid, { transformation, description: 'first' });
    expect(made).toMatchObject({ uid, name: uid, description: 'first' });
    const replaced = await client.connector.upsert(uid, { name: 'named', transformation });
    expect(replaced).toMatchObject({ id: made.id, name: 'named', description: '' });
    expect(await client.connector.get(made.id)).toEqual(replaced);
  },
  async 'Connector.patch'({ client, unique }) {
    const made = await client.connector.create({
      name: unique(),
      description: 'kept',
      transformation: 'function handler(w) { return w; }',
    });
    const patched = await client.connector.patch(made.id, { name: 'patched' });
    expect(patched).toMatchObject({ id: made.id, name: 'patched', description: 'kept' });
    expect(await client.connector.get(made.id)).toEqual(patched);
  },
  async 'Connector.create'({ client, unique }) {
    const made = await client.connector.create({
      name: unique(),
      transformation: 'function handler(w) { return w; }',
    });
    expect(await client.connector.get(made.id)).toEqual(made);
  },
  async 'Connector.list'({ client, unique }) {
    const { id } = await client.connector.create({
      name: unique(),
      transformation: 'function handler(webhook) { return webhook; }',
    });
    const listed = await idsOf(
      (options) => client.connector.list(options),
      (connector) => connector.id,
    );
    expect(listed).toContain(id);
  },
  async 'Connector.get'({ client, unique }) {
    const made = await client.connector.create({
      name: unique(),
      transformation: 'function handler(webhook) { return webhook; }',
    });
    expect(await client.connector.get(made.id)).toEqual(made);
    await expectGone(client.connector.get('nobody'));
  },
  async 'Connector.delete'({ client, unique }) {
    const { id } = await client.connector.create({
      name: unique(),
      transformation: 'function handler(webhook) { return webhook; }',
    });
    await client.connector.delete(id);
    await expectGone(client.connector.get(id));
  },
};
