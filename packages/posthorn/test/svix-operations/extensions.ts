// Integrations, connectors and polling.
import { expect } from 'vitest';
import { expectGone, idsOf } from './world.ts';
import type { Checks } from './world.ts';

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

export const connectorChecks: Checks = {
  async 'Connector.create'({ client, unique }) {
    const made = await client.connector.create({
      name: unique(),
      transformation: 'function handler(w) { return w; }',
    });
    expect(await client.connector.get(made.id)).toEqual(made);
  },
  async 'Connector.list'({ client, unique }) {
    const { id } = await client.connector.create({ name: unique(), transformation: '' });
    const listed = await idsOf(
      (options) => client.connector.list(options),
      (connector) => connector.id,
    );
    expect(listed).toContain(id);
  },
  async 'Connector.get'({ client, unique }) {
    const made = await client.connector.create({ name: unique(), transformation: '' });
    expect(await client.connector.get(made.id)).toEqual(made);
    await expectGone(client.connector.get('nobody'));
  },
  async 'Connector.delete'({ client, unique }) {
    const { id } = await client.connector.create({ name: unique(), transformation: '' });
    await client.connector.delete(id);
    await expectGone(client.connector.get(id));
  },
};
