// Event types from an OpenAPI document and back into one, with the official client.
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import type { Svix } from 'svix';
import { refusedPlaces, request, startTestApi } from './support/api.ts';
import type { TestApi } from './support/api.ts';

const path = '/api/v1/event-type';
const draft2020 = 'https://json-schema.org/draft/2020-12/schema';

const yaml = `
openapi: 3.1.0
info: {title: Pets, version: 1.0.0}
webhooks:
  pet.new:
    post:
      description: A pet was born
      x-svix-group-name: pet
      x-svix-feature-flags: [beta]
      requestBody:
        content:
          application/json:
            schema: {$ref: '#/components/schemas/Pet'}
  pet.gone:
    post: {summary: A pet ran away, deprecated: true}
components:
  schemas:
    Pet:
      type: object
      required: [id]
      properties:
        id: {type: integer}
        parent: {$ref: '#/components/schemas/Pet'}
        tag: {$ref: '#/components/schemas/Tag'}
    Tag: {type: string}
`;
const petSchema = {
  $schema: draft2020,
  type: 'object',
  required: ['id'],
  properties: { id: { type: 'integer' }, parent: { $ref: '#' }, tag: { $ref: '#/$defs/Tag' } },
  $defs: { Tag: { type: 'string' } },
};

let posthorn: TestApi;
let tenant: { url: string; token: string; client: Svix };
beforeAll(async () => {
  posthorn = await startTestApi();
});
afterAll(() => posthorn.stop());
beforeEach(async () => {
  tenant = { url: posthorn.url, ...(await posthorn.makeStranger()) };
});

describe('import', () => {
  test('of YAML makes event types, and names them', async () => {
    const { eventType } = tenant.client;
    const { data } = await eventType.importOpenapi({ specRaw: yaml });
    expect(data).toEqual({ modified: ['pet.gone', 'pet.new'], toModify: undefined });
    expect(await eventType.get('pet.new')).toMatchObject({
      description: 'A pet was born',
      schemas: { 1: petSchema },
      groupName: 'pet',
      featureFlags: ['beta'],
      deprecated: false,
      archived: false,
    });
    expect(await eventType.get('pet.gone')).toMatchObject({
      description: 'A pet ran away',
      schemas: null,
      deprecated: true,
    });
  });

  test('of a JSON document, also a large one', async () => {
    const big = { description: 'x'.repeat(100_000) };
    const spec = {
      openapi: '3.0.0',
      'x-webhooks': {
        'a.b': { post: { requestBody: { content: { 'application/json': { schema: { type: 'object' } } } } } },
      },
      components: { schemas: Object.fromEntries(Array.from({ length: 10 }, (_, n) => [`S${n}`, big])) },
    };
    expect((await tenant.client.eventType.importOpenapi({ spec })).data.modified).toEqual(['a.b']);
    expect(await tenant.client.eventType.get('a.b')).toMatchObject({ schemas: { 1: { type: 'object' } } });
  });

  test('a dry run says what would change, and changes nothing', async () => {
    const { eventType } = tenant.client;
    await eventType.create({ name: 'old', description: '' });
    const options = { specRaw: yaml, dryRun: true, replaceAll: true };
    const { data } = await eventType.importOpenapi(options);
    expect(data.modified).toEqual([]);
    expect(data.toModify).toEqual([
      {
        name: 'pet.new',
        description: 'A pet was born',
        schemas: { 1: petSchema },
        deprecated: false,
        groupName: 'pet',
        featureFlags: ['beta'],
      },
      {
        name: 'pet.gone',
        description: 'A pet ran away',
        schemas: null,
        deprecated: true,
        groupName: null,
        featureFlags: null,
      },
    ]);
    const raw = await request(tenant, 'POST', `${path}/import/openapi`, options);
    expect(raw.body.data).toMatchObject({ archived: [], to_archive: ['old'] });
    expect((await eventType.list()).data.map(({ name }) => name)).toEqual(['old']);
  });

  test('a second time only what differs is modified; archived ones come back', async () => {
    const { eventType } = tenant.client;
    await eventType.importOpenapi({ specRaw: yaml });
    expect((await eventType.importOpenapi({ specRaw: yaml })).data.modified).toEqual([]);
    await eventType.delete('pet.gone');
    await eventType.patch('pet.new', { description: 'changed by hand' });
    const { data } = await eventType.importOpenapi({ specRaw: yaml });
    expect(data.modified).toEqual(['pet.gone', 'pet.new']);
    expect(await eventType.get('pet.gone')).toMatchObject({ archived: false });
    expect(await eventType.get('pet.new')).toMatchObject({ description: 'A pet was born' });
  });

  test('what the document does not name stays: group, flags and validation', async () => {
    const { eventType } = tenant.client;
    await eventType.create({ name: 'pet.gone', description: '', groupName: 'pets', featureFlags: ['f'] });
    await request(tenant, 'PATCH', `${path}/pet.gone`, { validation: 'reject' });
    await eventType.importOpenapi({ specRaw: yaml });
    expect((await request(tenant, 'GET', `${path}/pet.gone`)).body).toMatchObject({
      description: 'A pet ran away',
      groupName: 'pets',
      featureFlags: ['f'],
      validation: 'reject',
    });
  });

  test('replaceAll archives the others', async () => {
    const { eventType } = tenant.client;
    for (const name of ['old', 'older']) await eventType.create({ name, description: '' });
    await eventType.importOpenapi({ specRaw: yaml });
    expect((await eventType.list()).data).toHaveLength(4);
    const { body } = await request(tenant, 'POST', `${path}/import/openapi`, {
      specRaw: yaml,
      replaceAll: true,
    });
    expect(body.data).toMatchObject({ modified: [], archived: ['old', 'older'] });
    expect((await eventType.list()).data.map(({ name }) => name)).toEqual(['pet.gone', 'pet.new']);
  });

  test('is of one environment', async () => {
    const stranger = await posthorn.makeStranger();
    await stranger.client.eventType.create({ name: 'theirs', description: '' });
    await tenant.client.eventType.importOpenapi({ specRaw: yaml, replaceAll: true });
    expect((await stranger.client.eventType.list()).data.map(({ name }) => name)).toEqual(['theirs']);
  });

  test.each([{}, { spec: null }, { spec: {}, specRaw: '' }])(
    '%j is one document too few or too many',
    async (body) => {
      const answer = await request(tenant, 'POST', `${path}/import/openapi`, body);
      expect([answer.status, answer.body.code]).toEqual([400, 'bad_request']);
    },
  );

  test.each([
    ['no YAML', { specRaw: 'a: [' }, ['body', 'specRaw']],
    ['no document', { spec: [1] }, ['body', 'spec']],
    [
      'a schema that is none',
      { specRaw: yaml.replace('type: object', 'type: pet') },
      ['body', 'specRaw', 'webhooks', 'pet.new', 'type'],
    ],
    [
      'a schema of another server',
      { specRaw: yaml.replace('#/components/schemas/Tag', 'http://127.0.0.1:9/t') },
      ['body', 'specRaw', 'webhooks', 'pet.new', 'properties', 'tag', '$ref'],
    ],
    [
      'half of a character, which cannot be stored',
      { specRaw: yaml.replace('type: string', 'type: string, title: "\\ud800"') },
      ['body', 'specRaw', 'webhooks', 'pet.new'],
    ],
    [
      'U+0000, which cannot be stored',
      { spec: { openapi: '3.1.0', webhooks: { 'a.b': { post: { description: 'a\0b' } } } } },
      ['body', 'spec', 'webhooks', 'a.b'],
    ],
  ])('%s is refused by its place, and nothing is imported', async (_name, body, place) => {
    const answer = await request(tenant, 'POST', `${path}/import/openapi`, body);
    expect(answer.status).toBe(422);
    expect(refusedPlaces(answer)[0]).toEqual(place);
    expect((await tenant.client.eventType.list()).data).toEqual([]);
  });
});

describe('catalog', () => {
  test('has what is not archived, and imports as it is', async () => {
    const { eventType } = tenant.client;
    await eventType.importOpenapi({ specRaw: yaml });
    await eventType.create({ name: 'gone', description: '' });
    await eventType.delete('gone');
    const answer = await request(tenant, 'GET', `${path}/openapi.json`);
    expect(answer.status).toBe(200);
    expect(answer.headers.get('content-type')).toBe('application/json; charset=utf-8');
    expect(answer.body).toMatchObject({
      openapi: '3.1.0',
      info: { title: expect.stringMatching(/^Webhooks of /) },
    });
    expect(Object.keys(answer.body.webhooks as object)).toEqual(['pet.gone', 'pet.new']);
    expect(answer.body.components).toMatchObject({
      schemas: { 'pet.new': { properties: { tag: { $ref: '#/components/schemas/pet.new/$defs/Tag' } } } },
    });

    const other = await posthorn.makeStranger();
    await other.client.eventType.importOpenapi({ specRaw: answer.text });
    const again = await request({ ...tenant, token: other.token }, 'GET', `${path}/openapi.json`);
    expect([again.body.webhooks, again.body.components]).toEqual([
      answer.body.webhooks,
      answer.body.components,
    ]);
    expect((await other.client.eventType.get('pet.new')).schemas).toEqual({ 1: petSchema });
  });

  test('of more event types than are read at once is whole', async () => {
    const webhooks = Object.fromEntries(Array.from({ length: 65 }, (_, n) => [`e${n}`, { post: {} }]));
    await tenant.client.eventType.importOpenapi({ spec: { openapi: '3.1.0', webhooks } });
    const { body } = await request(tenant, 'GET', `${path}/openapi.json`);
    expect(Object.keys(body.webhooks as object)).toHaveLength(65);
  });

  test('needs a token', async () => {
    expect((await request({ url: posthorn.url }, 'GET', `${path}/openapi.json`)).status).toBe(401);
  });
});
