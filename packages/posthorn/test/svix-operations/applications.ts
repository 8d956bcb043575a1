// Applications, event types and health.
import { expect } from 'vitest';
import { expectGone, idsOf } from './world.ts';
import type { Checks } from './world.ts';

const schemas = { '1': { type: 'object', properties: { n: { type: 'integer' } }, required: ['n'] } };

export const applicationChecks: Checks = {
  async 'Application.list'({ client, application }) {
    const made = [await application(), await application(), await application()].map(({ id }) => id);
    const listed = await idsOf(
      (options) => client.application.list(options),
      ({ id }) => id,
    );
    expect(listed.filter((id) => made.includes(id))).toEqual(made);
  },
  async 'Application.create'({ client, unique }) {
    const uid = unique();
    const made = await client.application.create({ name: 'Acme', uid, metadata: { plan: 'pro' } });
    expect(made).toMatchObject({ name: 'Acme', uid, metadata: { plan: 'pro' } });
    expect(await client.application.get(uid)).toEqual(made);
  },
  async 'Application.getOrCreate'({ client, unique }) {
    const uid = unique();
    const made = await client.application.getOrCreate({ name: 'first', uid });
    expect(await client.application.getOrCreate({ name: 'second', uid })).toEqual(made);
  },
  async 'Application.get'({ client, application }) {
    const made = await application();
    expect(await client.application.get(made.id)).toEqual(made);
    await expectGone(client.application.get('nobody'));
  },
  async 'Application.upsert'({ client, unique }) {
    const uid = unique();
    const { id } = await client.application.upsert(uid, { name: 'made', metadata: { a: 'b' } });
    await client.application.upsert(uid, { name: 'replaced' });
    expect(await client.application.get(id)).toMatchObject({ uid, name: 'replaced', metadata: {} });
  },
  async 'Application.delete'({ client, application }) {
    const { id } = await application();
    await client.application.delete(id);
    await expectGone(client.application.get(id));
  },
  async 'Application.patch'({ client, application }) {
    const { id, uid } = await application();
    await client.application.patch(id, { name: 'patched' });
    expect(await client.application.get(id)).toMatchObject({ uid, name: 'patched' });
  },
};

export const eventTypeChecks: Checks = {
  async 'EventType.list'({ client, unique }) {
    const names = [unique('list.a'), unique('list.b'), unique('list.c')];
    for (const name of names) await client.eventType.create({ name, description: 'listed' });
    const listed = await idsOf(
      (options) => client.eventType.list(options),
      ({ name }) => name,
    );
    expect(listed.filter((name) => names.includes(name))).toEqual(names);
  },
  async 'EventType.create'({ client, unique }) {
    const name = unique('made');
    await client.eventType.create({ name, description: 'made', schemas, groupName: 'group' });
    expect(await client.eventType.get(name)).toMatchObject({
      name,
      description: 'made',
      schemas,
      groupName: 'group',
    });
  },
  async 'EventType.get'({ client, unique }) {
    const name = unique('got');
    const made = await client.eventType.create({ name, description: 'got' });
    expect(await client.eventType.get(name)).toEqual(made);
    await expectGone(client.eventType.get('nobody'));
  },
  async 'EventType.upsert'({ client, unique }) {
    const name = unique('put');
    await client.eventType.upsert(name, { description: 'made', deprecated: true });
    await client.eventType.upsert(name, { description: 'replaced' });
    expect(await client.eventType.get(name)).toMatchObject({ description: 'replaced', deprecated: false });
  },
  async 'EventType.delete'({ client, unique }) {
    const name = unique('deleted');
    await client.eventType.create({ name, description: 'deleted' });
    await client.eventType.delete(name);
    expect((await client.eventType.get(name)).archived).toBe(true);
    await client.eventType.delete(name, { expunge: true });
    await expectGone(client.eventType.get(name));
  },
  async 'EventType.patch'({ client, unique }) {
    const name = unique('patched');
    await client.eventType.create({ name, description: 'before', groupName: 'group' });
    await client.eventType.patch(name, { description: 'after' });
    expect(await client.eventType.get(name)).toMatchObject({ description: 'after', groupName: 'group' });
  },
  async 'EventType.importOpenapi'({ client, unique }) {
    const name = unique('imported');
    const schema = schemas['1'];
    const post = {
      summary: 'imported',
      requestBody: { content: { 'application/json': { schema } } },
      responses: { '200': { description: 'ok' } },
    };
    const spec = {
      openapi: '3.1.0',
      info: { title: 'events', version: '1' },
      webhooks: { [name]: { post } },
    };
    const { data } = await client.eventType.importOpenapi({ spec });
    expect(data.modified).toEqual([name]);
    expect((await client.eventType.get(name)).schemas).toMatchObject({ '1': { required: ['n'] } });
  },
};

export const healthChecks: Checks = {
  async 'Health.get'({ client, observed }) {
    await client.health.get();
    expect(observed.at(-1)).toMatchObject({ path: '/api/v1/health', status: 204 });
  },
};
