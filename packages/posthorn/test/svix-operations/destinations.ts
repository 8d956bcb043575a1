// Destinations: endpoints of the reference's types, in order.
import { randomUUID } from 'node:crypto';
import { DestinationStatus } from 'svix';
import type { DestinationIn } from 'svix';
import { expect } from 'vitest';
import { eventType, expectGone, idsOf } from './world.ts';
import type { Checks, World } from './world.ts';

/** A destination whose receiver keeps what it gets, made of an endpoint that the world knows how to ask. */
async function fifo(world: World, app: string): Promise<{ body: DestinationIn; url: string }> {
  const { id, url } = await world.endpoint(app);
  await world.client.endpoint.delete(app, id);
  return { url, body: { type: 'fifoEndpoint', config: { url } } };
}

const rabbit: DestinationIn = {
  type: 'rabbitMq',
  config: { uri: 'amqp://hooks:secret@127.0.0.1:5672/', routingKey: 'orders' },
};

const code = 'function handler(webhook) { webhook.payload = { changed: true }; return webhook; }';

export const destinationChecks: Checks = {
  async 'Destination.list'({ client, application, endpoint }) {
    const { id: app } = await application();
    await endpoint(app);
    const made = [
      await client.destination.create(app, rabbit),
      await client.destination.create(app, { type: 'fifoEndpoint', config: { url: 'http://127.0.0.1:9/' } }),
    ].map(({ id }) => id);
    const listed = await idsOf(
      (options) => client.destination.list(app, options),
      ({ id }) => id,
    );
    expect(listed).toEqual(made.toReversed());
  },
  async 'Destination.create'(world) {
    const { client } = world;
    const { id: app } = await world.application();
    const { body, url } = await fifo(world, app);
    const made = await client.destination.create(app, { ...body, eventTypes: [eventType] });
    expect(made).toMatchObject({ type: 'fifoEndpoint', config: { url }, status: DestinationStatus.Enabled });
    const sent = await world.message(app);
    const [delivery] = await world.received({ url } as Parameters<World['received']>[0]);
    expect(delivery?.headers['webhook-id']).toBe(sent.id);
    const queue = await client.destination.create(app, rabbit);
    expect(queue).toMatchObject({ type: 'rabbitMq', config: { routingKey: 'orders' } });
    expect(JSON.stringify(await client.endpoint.get(app, queue.id))).not.toContain('secret@');
  },
  async 'Destination.get'(world) {
    const { client } = world;
    const { id: app } = await world.application();
    const uid = world.unique();
    const made = await client.destination.create(app, { ...rabbit, uid });
    expect(await client.destination.get(app, uid)).toEqual(made);
    await expectGone(client.destination.get(app, 'nobody'));
    // An endpoint without an order is none.
    await expectGone(client.destination.get(app, (await world.endpoint(app)).id));
  },
  async 'Destination.upsert'({ client, application, unique }) {
    const { id: app } = await application();
    const uid = unique();
    const { id } = await client.destination.upsert(app, uid, rabbit);
    await client.destination.upsert(app, uid, {
      type: 'fifoEndpoint',
      config: { url: 'http://127.0.0.1:9/two' },
    });
    expect(await client.destination.get(app, id)).toMatchObject({
      uid,
      type: 'fifoEndpoint',
      config: { url: 'http://127.0.0.1:9/two' },
    });
  },
  async 'Destination.delete'({ client, application }) {
    const { id: app } = await application();
    const { id } = await client.destination.create(app, rabbit);
    await client.destination.delete(app, id);
    await expectGone(client.destination.get(app, id));
  },
  async 'Destination.patch'({ client, application }) {
    const { id: app } = await application();
    const { id } = await client.destination.create(app, rabbit);
    await client.destination.patch(app, id, {
      type: 'rabbitMq',
      config: { routingKey: 'invoices' },
      metadata: { team: 'billing' },
    });
    expect(await client.destination.get(app, id)).toMatchObject({
      type: 'rabbitMq',
      config: { routingKey: 'invoices' },
      metadata: { team: 'billing' },
    });
  },
  async 'DestinationTransformation.get'({ client, application }) {
    const { id: app } = await application();
    const { id } = await client.destination.create(app, rabbit);
    expect(await client.destination.transformation.get(app, id)).toEqual({ code: null, enabled: false });
    await client.destination.transformation.patch(app, id, { code });
    expect(await client.destination.transformation.get(app, id)).toEqual({ code, enabled: true });
  },
  async 'DestinationTransformation.patch'(world) {
    const { client } = world;
    const { id: app } = await world.application();
    const { body, url } = await fifo(world, app);
    const { id } = await client.destination.create(app, body);
    await client.destination.transformation.patch(app, id, { code });
    await world.message(app, { eventId: randomUUID() });
    const [delivery] = await world.received({ url } as Parameters<World['received']>[0]);
    expect(JSON.parse(String(delivery?.body))).toEqual({ changed: true });
  },
};
