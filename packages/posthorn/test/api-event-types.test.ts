// Event types through the official client, and what it cannot say through raw requests.
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { refusedPlaces, request, startTestApi } from './support/api.ts';
import type { TestApi } from './support/api.ts';

const path = '/api/v1/event-type';
const schemas = { 1: { type: 'object', properties: { id: { type: 'string' } } } };

let posthorn: TestApi;
beforeAll(async () => {
  posthorn = await startTestApi();
});
afterAll(() => posthorn.stop());

test('an event type is what was sent, with times', async () => {
  const eventType = await posthorn.client.eventType.create({
    name: 'user.created',
    description: 'A user signed up',
    schemas,
    groupName: 'user',
    featureFlags: ['beta', 'eu'],
    deprecated: true,
  });
  expect(eventType).toMatchObject({
    name: 'user.created',
    description: 'A user signed up',
    schemas,
    groupName: 'user',
    featureFlags: ['beta', 'eu'],
    featureFlag: 'beta',
    deprecated: true,
    archived: false,
  });
  expect(eventType.createdAt.getTime()).toBeGreaterThan(Date.now() - 60_000);
  expect(await posthorn.client.eventType.get('user.created')).toEqual(eventType);
});

test('featureFlag is the older form of featureFlags', async () => {
  const { body } = await request(posthorn, 'POST', path, {
    name: 'flag',
    description: '',
    featureFlag: 'beta',
  });
  expect(body).toMatchObject({ featureFlag: 'beta', featureFlags: ['beta'] });
});

test('a name that exists is a conflict with its own code', async () => {
  await posthorn.client.eventType.create({ name: 'twice', description: 'first' });
  const { status, body } = await request(posthorn, 'POST', path, { name: 'twice', description: 'second' });
  expect(status).toBe(409);
  expect(body.code).toBe('event_type_exists');
  expect((await posthorn.client.eventType.get('twice')).description).toBe('first');
});

test('names belong to the environment', async () => {
  await posthorn.client.eventType.create({ name: 'mine', description: '' });
  const stranger = await posthorn.makeStranger();
  expect(await stranger.client.eventType.create({ name: 'mine', description: 'theirs' })).toMatchObject({
    description: 'theirs',
  });
});

describe('list', () => {
  test('is by name, without schemas and archived ones unless asked for', async () => {
    const { client, token } = await posthorn.makeStranger();
    for (const name of ['c', 'a', 'B', 'd'])
      await client.eventType.create({ name, description: '', schemas });
    await client.eventType.delete('d');
    const plain = await client.eventType.list();
    expect(plain.data.map(({ name }) => name)).toEqual(['B', 'a', 'c']);
    expect(plain).toMatchObject({ iterator: 'c', prevIterator: '-B', done: true });
    expect(plain.data.every((eventType) => eventType.schemas === null)).toBe(true);
    const full = await client.eventType.list({ includeArchived: true, withContent: true });
    expect(full.data.map(({ name, archived }) => [name, archived])).toEqual([
      ['B', false],
      ['a', false],
      ['c', false],
      ['d', true],
    ]);
    expect(full.data[0]?.schemas).toEqual(schemas);
    const bad = await request({ ...posthorn, token }, 'GET', `${path}?include_archived=maybe`);
    expect(refusedPlaces(bad)).toEqual([['query', 'include_archived']]);
  });
});

describe('archive', () => {
  test('deleting archives, creating brings it back with the new content', async () => {
    const { eventType } = posthorn.client;
    await eventType.create({ name: 'old', description: 'before', schemas });
    await eventType.delete('old');
    expect(await eventType.get('old')).toMatchObject({ archived: true, description: 'before' });
    const revived = await request(posthorn, 'POST', path, { name: 'old', description: 'after' });
    expect(revived.status).toBe(201);
    expect(revived.body).toMatchObject({ archived: false, description: 'after', schemas: null });
  });

  test('expunge removes it', async () => {
    await posthorn.client.eventType.create({ name: 'gone', description: '' });
    await posthorn.client.eventType.delete('gone', { expunge: true });
    expect((await request(posthorn, 'GET', `${path}/gone`)).status).toBe(404);
    expect((await request(posthorn, 'DELETE', `${path}/gone?expunge=true`)).status).toBe(404);
    expect((await request(posthorn, 'DELETE', `${path}/gone`)).status).toBe(404);
  });
});

describe('put and patch', () => {
  test('an unknown name is created, a known one replaced', async () => {
    const made = await request(posthorn, 'PUT', `${path}/put.me`, { description: 'one', schemas });
    expect(made.status).toBe(201);
    expect(made.body).toMatchObject({ name: 'put.me', description: 'one', schemas });
    const replaced = await request(posthorn, 'PUT', `${path}/put.me`, { description: 'two' });
    expect(replaced.status).toBe(200);
    expect(replaced.body).toMatchObject({ description: 'two', schemas: null });
    expect(await posthorn.client.eventType.upsert('put.me', { description: 'three' })).toMatchObject({
      description: 'three',
    });
  });

  test('twenty concurrent puts make one event type', async () => {
    const answers = await Promise.all(
      Array.from({ length: 20 }, () => request(posthorn, 'PUT', `${path}/race`, { description: '' })),
    );
    expect(answers.map(({ status }) => status).toSorted((a, b) => a - b)).toEqual([
      ...Array(19).fill(200),
      201,
    ]);
  });

  test('absent leaves alone, null clears', async () => {
    const { eventType } = posthorn.client;
    await eventType.create({
      name: 'patch.me',
      description: 'd',
      schemas,
      groupName: 'g',
      featureFlags: ['f'],
    });
    expect(await eventType.patch('patch.me', { deprecated: true })).toMatchObject({
      description: 'd',
      schemas,
      groupName: 'g',
      featureFlags: ['f'],
      deprecated: true,
    });
    expect(
      await eventType.patch('patch.me', { schemas: null, groupName: null, featureFlags: null }),
    ).toMatchObject({
      description: 'd',
      schemas: null,
      groupName: null,
      featureFlags: null,
      featureFlag: null,
    });
    expect((await request(posthorn, 'PATCH', `${path}/missing`, {})).status).toBe(404);
  });
});

const refused: [string, object, string[][]][] = [
  ['a space', { name: 'a b', description: '' }, [['name']]],
  ['257 characters', { name: 'n'.repeat(257), description: '' }, [['name']]],
  ['no name and no description', {}, [['name'], ['description']]],
  ['schemas that are a list', { name: 'n', description: '', schemas: [] }, [['schemas']]],
  ['a schema that is a text', { name: 'n', description: '', schemas: { 1: 'x' } }, [['schemas', '1']]],
];
test.each(refused)('%s is refused by name', async (_name, body, places) => {
  const answer = await request(posthorn, 'POST', path, body);
  expect(answer.status).toBe(422);
  expect(refusedPlaces(answer)).toEqual(places.map((place) => ['body', ...place]));
});

test('a name of 256 characters works, a PUT to a name that cannot be one is refused', async () => {
  const name = 'n'.repeat(256);
  await posthorn.client.eventType.create({ name, description: 'long' });
  expect(await posthorn.client.eventType.get(name)).toMatchObject({ description: 'long' });
  const answer = await request(posthorn, 'PUT', `${path}/a%20b`, { description: '' });
  expect(answer.status).toBe(422);
  expect(refusedPlaces(answer)).toEqual([['path', 'name']]);
});
