// What is set up in an environment, out and in again, with the official client.
import { afterAll, beforeAll, expect, test } from 'vitest';
import { ConnectorKind } from 'svix';
import { refusedPlaces, request, startTestApi } from './support/api.ts';
import type { TestApi } from './support/api.ts';

const importPath = '/api/v1/environment/import';
const settings = { unknownEventTypes: 'accept', messageRetentionDays: 90, attemptRetentionDays: 30 };

let posthorn: TestApi;
beforeAll(async () => {
  posthorn = await startTestApi();
});
afterAll(() => posthorn.stop());

const makeTenant = async () => ({ url: posthorn.url, ...(await posthorn.makeStranger()) });

test('an empty environment is exported as such', async () => {
  const { client } = await makeTenant();
  const exported = await client.environment.export();
  expect(exported).toMatchObject({ version: 1, eventTypes: [], connectors: [], settings });
  expect(exported.createdAt.getTime()).toBeGreaterThan(Date.now() - 60_000);
});

test('what was exported makes another environment the same', async () => {
  const one = await makeTenant();
  for (let n = 0; n < 45; n += 1) {
    await one.client.eventType.create({
      name: `type.${n}`,
      description: `number ${n}`,
      schemas: n % 10 === 0 ? { 1: { type: 'object' } } : null,
      groupName: 'type',
      featureFlags: ['f'],
      deprecated: n % 2 === 0,
    });
  }
  await one.client.eventType.delete('type.7');
  await request(one, 'PATCH', '/api/v1/event-type/type.8', { validation: 'reject' });
  await one.client.environment.import({ settings: { unknownEventTypes: 'reject', messageRetentionDays: 7 } });

  const { body } = await request(one, 'POST', '/api/v1/environment/export');
  const two = await makeTenant();
  expect((await request(two, 'POST', importPath, body)).status).toBe(204);
  const same = await two.client.environment.export();
  const { eventTypes } = await one.client.environment.export();
  const timeless = (list: typeof eventTypes) =>
    list.map((eventType) => ({ ...eventType, createdAt: null, updatedAt: null }));
  expect(timeless(same.eventTypes)).toEqual(timeless(eventTypes));
  expect(same.eventTypes).toHaveLength(45);
  expect(same.settings).toEqual({ ...settings, unknownEventTypes: 'reject', messageRetentionDays: 7 });
  const { body: strict } = await request(two, 'GET', '/api/v1/event-type/type.8');
  expect(strict.validation).toBe('reject');
});

test('connectors are exported and imported, and are not doubled by a second time', async () => {
  const one = await makeTenant();
  const named = { name: 'Slack', transformation: 'one', kind: ConnectorKind.Slack, uid: 'slack', logo: null };
  await one.client.connector.create(named);
  await one.client.connector.create({ ...named, name: 'Other', uid: null, featureFlags: ['beta'] });
  for (let n = 0; n < 20; n += 1) await one.client.connector.create({ name: `c${n}`, transformation: 'x' });
  const exported = await one.client.environment.export();
  expect(exported.connectors).toHaveLength(22);
  expect(exported.connectors).toEqual((await one.client.connector.list()).data);

  const two = await makeTenant();
  await two.client.connector.create({ ...named, transformation: 'old' });
  for (let times = 0; times < 2; times += 1) await two.client.environment.import(exported);
  const own = ({ connectors }: typeof exported) =>
    connectors.map(
      ({ id: _id, orgId: _org, createdAt: _at, updatedAt: _up, transformationUpdatedAt: _t, ...rest }) =>
        rest,
    );
  expect(own(await two.client.environment.export())).toEqual(own(exported));
});

test('an import adds and updates, and deletes nothing', async () => {
  const tenant = await makeTenant();
  const { client } = tenant;
  await client.eventType.create({ name: 'stays', description: 'as it is' });
  await client.eventType.create({ name: 'changes', description: 'before', groupName: 'g' });
  await client.environment.import({
    eventTypes: [
      { name: 'changes', description: 'after' },
      { name: 'comes', description: 'new', archived: true },
    ],
    settings: { 'of.svix': true },
  });
  const { data } = await client.eventType.list({ includeArchived: true });
  expect(data.map(({ name, description, archived }) => [name, description, archived])).toEqual([
    ['changes', 'after', false],
    ['comes', 'new', true],
    ['stays', 'as it is', false],
  ]);
  expect((await client.environment.export()).settings).toEqual(settings);
});

test('without anything in it an import changes nothing', async () => {
  const { client } = await makeTenant();
  await client.environment.import();
  await client.environment.import({ eventTypes: null, settings: null, connectors: null });
  expect((await client.environment.export()).eventTypes).toEqual([]);
});

const good = { name: 'good', description: '' };
const refused: [string, object, string[]][] = [
  [
    'a name that is none',
    { eventTypes: [good, { name: 'a b', description: '' }] },
    ['eventTypes', '1', 'name'],
  ],
  [
    'a schema that is none',
    { eventTypes: [good, { ...good, name: 'bad', schemas: { 1: { type: 'x' } } }] },
    ['eventTypes', '1', 'schemas', '1', 'type'],
  ],
  ['event types that are no list', { eventTypes: { good } }, ['eventTypes']],
  ['an event type that is none', { eventTypes: [good, 7] }, ['eventTypes', '1']],
  [
    'a setting that is none',
    { eventTypes: [good], settings: { unknownEventTypes: 'maybe' } },
    ['settings', 'unknownEventTypes'],
  ],
  ['a connector that is none', { eventTypes: [good], connectors: [{}] }, ['connectors', '0', 'name']],
  [
    'a connector whose logo is none',
    { eventTypes: [good], connectors: [{ name: 'x', transformation: 'y', logo: 'javascript:1' }] },
    ['connectors', '0', 'logo'],
  ],
];
test.each(refused)('%s: refused by its place, and nothing is imported', async (_name, body, place) => {
  const tenant = await makeTenant();
  const answer = await request(tenant, 'POST', importPath, body);
  expect(answer.status).toBe(422);
  expect(refusedPlaces(answer)[0]).toEqual(['body', ...place]);
  expect((await tenant.client.eventType.list()).data).toEqual([]);
});

test('an environment holds 5,000 event types at most', async () => {
  const tenant = await makeTenant();
  const eventTypes = Array.from({ length: 5_000 }, (_, n) => ({ name: `n${n}`, description: '' }));
  expect((await request(tenant, 'POST', importPath, { eventTypes })).status).toBe(204);
  const oneMore = await request(tenant, 'POST', '/api/v1/event-type', { name: 'more', description: '' });
  expect([oneMore.status, oneMore.body.code]).toEqual([400, 'limit_reached']);
  const known = await request(tenant, 'PUT', '/api/v1/event-type/n7', { description: 'changed' });
  expect(known.status).toBe(200);
});
