// What bad input, a bad day and a bad connection get: always JSON of one shape, never a 500, never a stack trace.
import { connect, createServer } from 'node:net';
import type { AddressInfo, Server, Socket } from 'node:net';
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { parsePage } from '../src/api/pagination.ts';
import { isDatabaseUnavailable, isUniqueViolation, passesByItself } from '../src/store/availability.ts';
import { refusedPlaces, request, startTestApi } from './support/api.ts';
import type { TestApi } from './support/api.ts';
import { waitFor } from './support/wait.ts';

let posthorn: TestApi;
let app: string;
const lines: string[] = [];
beforeAll(async () => {
  posthorn = await startTestApi({ logTo: { write: (line) => void lines.push(line) } });
  app = (await posthorn.client.application.create({ name: 'Acme', uid: 'acme' })).id;
  await posthorn.client.eventType.create({ name: 'known', description: '' });
});
afterAll(() => posthorn.stop());

/** Sends bytes over a socket of its own; resolves with all that comes back. */
async function sendRaw(text: string): Promise<string> {
  const { port } = new URL(posthorn.url);
  const socket = connect(Number(port), '127.0.0.1');
  let answer = '';
  socket.setEncoding('utf8').on('data', (chunk: string) => {
    answer += chunk;
  });
  socket.write(text);
  await new Promise<void>((resolve, reject) => {
    socket.on('close', () => resolve()).on('error', reject);
  });
  return answer;
}

const deep = (depth: number) => '['.repeat(depth) + ']'.repeat(depth);
const nested = (depth: number) => '{"a":'.repeat(depth) + '1' + '}'.repeat(depth);
const common = ['uid', 'metadata', 'throttleRate', 'rateLimit'];
const fieldsOf = {
  app: ['name', ...common],
  endpoint: [
    'url',
    'description',
    'eventTypes',
    'filterTypes',
    'channels',
    'disabled',
    'signatureStyle',
    'secret',
    'headers',
    ...common,
  ],
  headers: ['headers', 'deleteHeaders'],
  rotate: ['key', 'gracePeriodSeconds'],
  msg: [
    'eventType',
    'payload',
    'data',
    'eventId',
    'channels',
    'tags',
    'application',
    'transformationsParams',
    'payloadRetentionPeriod',
    'payloadRetentionHours',
    'deliverAt',
    'orderKey',
    'eventAt',
  ],
  'event-type': [
    'name',
    'description',
    'schemas',
    'archived',
    'deprecated',
    'groupName',
    'featureFlags',
    'featureFlag',
  ],
  token: ['name', 'expiresAt'],
};
type Noun = keyof typeof fieldsOf;
const allFields = [...new Set(Object.values(fieldsOf).flat())];

const values: Record<string, string> = {
  null: 'null',
  true: 'true',
  number: '12',
  'negative number': '-1',
  'huge number': '1e999',
  'long number': '9'.repeat(400),
  'too large integer': '99999999999999999999',
  'empty text': '""',
  text: '"x"',
  'text with NUL': '"a\\u0000b"',
  'half a surrogate pair': '"\\ud800"',
  'long text': `"${'x'.repeat(100_000)}"`,
  SQL: '"\'; drop table posthorn.token; --"',
  list: '[]',
  'list of lists': '[[[]]]',
  'list of NUL': '["a\\u0000b"]',
  'list of nulls': '[null]',
  'long list': `[${'"a",'.repeat(5_000)}"a"]`,
  object: '{}',
  'object with odd values': '{"a":1,"b":null,"c":{}}',
  'object with a NUL name': '{"a\\u0000b":"c"}',
  'object with a NUL value': '{"x-a":"b\\u0000c"}',
  'object with half a surrogate pair': '{"x-a":"\\udfff"}',
  'name with a line break': '{"a\\nb":1}',
  'prototype names': '{"__proto__":{"admin":true},"constructor":{"prototype":{"admin":true}},"toString":"x"}',
  'prototype texts': '{"__proto__":"x","constructor":"y","hasOwnProperty":"z"}',
  'deep list': deep(2_000),
  'deep object': nested(2_000),
  'very deep list': deep(200_000),
};

/** The text of an object with these members as they are, names twice included. */
const objectOf = (members: Record<string, string>) =>
  `{${Object.entries(members)
    .map(([name, value]) => `"${name}":${value}`)
    .join(',')}}`;

const wholeBodies: [string, string | Uint8Array][] = [
  ['nothing', ''],
  ['a space', ' '],
  ['not JSON', '{name: 1}'],
  ['half a JSON', '{"name": "x'],
  ['two JSONs', '{}{}'],
  ['a byte order mark', '\ufeff{}'],
  ['bytes that are not UTF-8', Uint8Array.of(0x7b, 0x22, 0xff, 0xfe, 0x22, 0x3a, 0x31, 0x7d)],
  ['NUL bytes', '\0\0\0\0'],
  ['null', 'null'],
  ['a number', '1'],
  ['a text', '"x"'],
  ['a list', '[]'],
  ['an empty object', '{}'],
  ['a polluted prototype', '{"__proto__":{"name":"x"}}'],
  ['a polluted constructor', '{"constructor":{"prototype":{"name":"x"}}}'],
  ['200,000 brackets', deep(200_000)],
  ['unfinished brackets', '['.repeat(200_000)],
  ['100,000 levels of objects', nested(100_000)],
  ...Object.entries(values).map(([name, value]): [string, string] => [
    `every field: ${name}`,
    objectOf(Object.fromEntries(allFields.map((field) => [field, value]))),
  ]),
];

// Right in all but one field, so that the hostile one reaches as far as it can.
const rightBodies: Record<string, Record<string, string>> = {
  'POST /api/v1/app': { name: '"x"' },
  'PATCH /api/v1/app/:app': {},
  'PUT /api/v1/app/:app': { name: '"x"' },
  'POST /api/v1/app/:app/endpoint': { url: '"https://example.com/"' },
  'PUT /api/v1/app/:app/endpoint/:endpoint': { url: '"https://example.com/"' },
  'PATCH /api/v1/app/:app/endpoint/:endpoint': {},
  'PUT /api/v1/app/:app/endpoint/:endpoint/headers': { headers: '{}' },
  'PATCH /api/v1/app/:app/endpoint/:endpoint/headers': { headers: '{}' },
  'POST /api/v1/app/:app/endpoint/:endpoint/secret/rotate': { gracePeriodSeconds: '0' },
  'POST /api/v1/app/:app/msg': { eventType: '"known"', payload: '{}' },
  'POST /api/v1/event-type': { name: '"hostile"', description: '""' },
  'PUT /api/v1/event-type/:name': { description: '""' },
  'PATCH /api/v1/event-type/:name': {},
  'POST /api/v1/token': { name: '"x"' },
};

async function makeTarget(path: string): Promise<string> {
  const target = await posthorn.client.application.create({ name: 'target' });
  const { id } = await posthorn.client.endpoint.create(target.id, { url: 'https://example.com/' });
  return path.replace(':app', target.id).replace(':endpoint', id).replace(':name', 'known');
}

describe.each(Object.keys(rightBodies))('%s', (route) => {
  const [method = '', path = ''] = route.split(' ');
  const right = rightBodies[route] ?? {};
  // The last part of the path that is not a parameter.
  const noun = path.split('/').findLast((part) => !part.startsWith(':')) as Noun;

  test('no hostile body is an error of the server', async () => {
    const target = await makeTarget(path);
    for (const [name, body] of wholeBodies) {
      const answer = await request(posthorn, method, target, body);
      expect(answer.status, name).toBeLessThan(500);
      if (answer.status < 400) continue;
      expect(answer.body, name).toEqual({ code: expect.any(String), detail: expect.anything() });
      expect(answer.text, name).not.toMatch(/\bat .*\.[jt]s:\d/);
    }
  });

  test('no hostile field is an error of the server, and what was taken can be read again', async () => {
    for (const field of fieldsOf[noun]) {
      const target = await makeTarget(path);
      for (const [name, value] of Object.entries(values)) {
        const answer = await request(posthorn, method, target, objectOf({ ...right, [field]: value }));
        expect(answer.status, `${field}: ${name}`).toBeLessThan(500);
      }
      const written = await request(posthorn, 'GET', target.replace(/\/rotate$/, ''));
      expect(written.status, `reading after ${field}`).toBe(200);
    }
  });

  test('fields that it does not know are not looked at', async () => {
    const target = await makeTarget(path);
    const known = new Set(fieldsOf[noun]);
    const unknown = allFields.filter((field) => !known.has(field));
    for (const [name, value] of Object.entries(values)) {
      const odd = Object.fromEntries(unknown.map((field) => [field, value]));
      const answer = await request(posthorn, method, target, objectOf({ ...odd, ...right }));
      expect(answer.status, name).toBeLessThan(500);
    }
  });
});

test('prototypes stay clean', () => {
  expect(Reflect.get({}, 'admin')).toBeUndefined();
  expect(Reflect.get({}, 'name')).toBeUndefined();
});

describe('hostile paths and queries', () => {
  const hostile = [
    '%00',
    'a%00b',
    '%ff',
    '%zz',
    '%',
    '..%2f..',
    "'",
    '%27%20or%201=1',
    '%F0%9F%93%AF',
    '%0d%0aa:b',
  ];
  const routes = ['/api/v1/app/*', '/api/v1/app/*/endpoint', '/api/v1/event-type/*', '/api/v1/token/*'];
  test.each(hostile)('%s is not found, or refused', async (text) => {
    const paths = [
      ...routes,
      `/api/v1/app/${app}/endpoint/*`,
      `/api/v1/app/${app}/endpoint/*/secret`,
      `/api/v1/app/${app}/msg/*`,
    ];
    for (const path of paths) {
      for (const method of ['GET', 'DELETE']) {
        const answer = await request(posthorn, method, path.replace('*', text));
        expect([400, 404, 422], `${method} ${path}`).toContain(answer.status);
        expect(answer.body).toMatchObject({ code: expect.any(String) });
      }
      const put = await request(posthorn, 'PUT', path.replace('*', text), {
        name: 'x',
        description: '',
        url: 'https://example.com/',
      });
      expect([400, 404, 422], `PUT ${path}`).toContain(put.status);
    }
  });

  test.each([
    'limit',
    'iterator',
    'order',
    'get_if_exists',
    'include_archived',
    'with_content',
    'expunge',
    'before',
    'event_types',
  ])('a hostile %s is refused or ignored', async (name) => {
    for (const value of [
      '%00',
      'a%00',
      '%ED%A0%80',
      '-',
      '~',
      '',
      '1e999',
      '[]',
      '9'.repeat(400),
      '__proto__',
    ]) {
      for (const path of [
        '/api/v1/app',
        '/api/v1/event-type',
        `/api/v1/app/${app}/endpoint`,
        `/api/v1/app/${app}/msg`,
      ]) {
        const answer = await request(posthorn, 'GET', `${path}?${name}=${value}&${name}[]=${value}`);
        expect([200, 422], `${path} ${name}=${value}`).toContain(answer.status);
      }
    }
  });

  test('a parameter of 100,000 characters is not found', async () => {
    const answer = await request(posthorn, 'GET', `/api/v1/app/${'x'.repeat(10_000)}`);
    expect(answer.status).toBe(404);
    expect(answer.body).toEqual({ code: 'not_found', detail: expect.any(String) });
  });
});

describe('the shape of a refusal', () => {
  test('names every wrong field with its place and reason', async () => {
    const answer = await request(posthorn, 'POST', `/api/v1/app/${app}/endpoint`, {
      uid: 1,
      channels: ['ok', 'not ok', 3],
      disabled: 'yes',
      metadata: { a: 1, b: {} },
    });
    expect(answer.status).toBe(422);
    expect(answer.body).toEqual({
      code: 'validation_error',
      detail: expect.arrayContaining([
        { loc: ['body', 'disabled'], msg: 'must be boolean', type: 'type_error' },
      ]),
    });
    expect(
      refusedPlaces(answer)
        .map((place) => place.slice(1).join('.'))
        .sort(),
    ).toEqual(['channels.1', 'channels.2', 'disabled', 'metadata.a', 'metadata.b', 'uid']);
  });

  test('says which field is missing', async () => {
    const answer = await request(posthorn, 'POST', `/api/v1/app/${app}/endpoint`, { description: 'no URL' });
    expect(answer.status).toBe(422);
    expect(answer.body.detail).toEqual([
      { loc: ['body', 'url'], msg: 'is required', type: 'value_error.missing' },
    ]);
  });

  test('says which values a field can have', async () => {
    const answer = await request(posthorn, 'GET', '/api/v1/app?order=up');
    expect(answer.body.detail).toEqual([
      expect.objectContaining({ msg: 'must be one of: ascending, descending' }),
    ]);
  });

  test('malformed JSON says where, and repeats nothing of it', async () => {
    const answer = await request(posthorn, 'POST', '/api/v1/app', '{"name": "hunter2" x}');
    expect(answer.status).toBe(422);
    expect(answer.body.detail).toEqual([
      {
        loc: ['body'],
        msg: expect.stringMatching(/not valid JSON, at position \d+$/),
        type: 'value_error.jsondecode',
      },
    ]);
    expect(answer.text).not.toContain('hunter');
  });

  test('another content type is 415 with the fix', async () => {
    for (const type of ['text/plain', 'application/x-www-form-urlencoded', 'application/xml', 'nonsense']) {
      const answer = await request(posthorn, 'POST', '/api/v1/app', '{"name":"x"}', { 'content-type': type });
      expect(answer.status, type).toBe(415);
      expect(answer.body).toEqual({
        code: 'unsupported_media_type',
        detail: expect.stringContaining('content-type: application/json'),
      });
    }
    const charset = { 'content-type': 'application/json; charset=utf-8' };
    expect((await request(posthorn, 'POST', '/api/v1/app', { name: 'x' }, charset)).status).toBe(201);
  });

  test('a body over the limit is 413', async () => {
    const body = JSON.stringify({ name: 'x'.repeat(2 * 1024 * 1024) });
    const answer = await request(posthorn, 'POST', '/api/v1/app', body);
    expect(answer.status).toBe(413);
    expect(answer.body).toEqual({ code: 'payload_too_large', detail: expect.any(String) });
  });

  test('an unknown path and an unknown method are 404, with and without a token', async () => {
    for (const who of [posthorn, { url: posthorn.url }]) {
      for (const [method, path] of [
        ['GET', '/api/v1/nothing'],
        ['GET', '/'],
        ['POST', '/api/v1/health'],
        ['DELETE', '/api/v1/app'],
      ] as const) {
        const answer = await request(who, method, path);
        expect(answer.status).toBe(404);
        expect(answer.body).toEqual({ code: 'not_found', detail: `${method} ${path} does not exist` });
      }
    }
  });

  test('a trailing slash changes nothing', async () => {
    expect((await request(posthorn, 'GET', '/api/v1/app/acme/')).body.id).toBe(app);
    expect((await request(posthorn, 'GET', '/api/v1/app/?limit=1')).status).toBe(200);
    expect((await request(posthorn, 'POST', '/api/v1/app/', { name: 'slash' })).status).toBe(201);
  });
});

describe('on the wire', () => {
  test('every answer has a request id of its own', async () => {
    const answers = await Promise.all([
      request(posthorn, 'GET', '/api/v1/app'),
      request({ url: posthorn.url }, 'GET', '/api/v1/app'),
      request(posthorn, 'GET', '/nothing'),
      request(posthorn, 'GET', '/api/v1/app/%zz'),
      request(posthorn, 'POST', '/api/v1/app', '{'),
      request(posthorn, 'POST', '/api/v1/app', 'x', { 'content-type': 'text/plain' }),
      request(posthorn, 'GET', '/api/v1/health'),
    ]);
    const requestIds = answers.map(({ headers }) => headers.get('x-request-id'));
    expect(requestIds.every((id) => /^[0-9a-f-]{36}$/.test(id ?? ''))).toBe(true);
    expect(new Set(requestIds).size).toBe(answers.length);
  });

  test('what is not HTTP gets a 400 of the same shape', async () => {
    const answer = await sendRaw('HELLO\r\n\r\n');
    expect(answer).toMatch(/^HTTP\/1\.1 400 Bad Request\r\n/);
    expect(JSON.parse(answer.slice(answer.indexOf('\r\n\r\n')))).toEqual({
      code: 'bad_request',
      detail: expect.any(String),
    });
  });

  test('headers over the limit get a 431 of the same shape', async () => {
    const answer = await sendRaw(`GET / HTTP/1.1\r\nhost: x\r\nx: ${'y'.repeat(70_000)}\r\n\r\n`);
    expect(answer).toMatch(/^HTTP\/1\.1 431 /);
    expect(answer).toContain('"code":"headers_too_large"');
  });

  test('the server has limits on how long a request may take to arrive', () => {
    const { server } = posthorn.api;
    expect(server.headersTimeout).toBe(10_000);
    expect(server.requestTimeout).toBe(30_000);
    expect(server.keepAliveTimeout).toBe(65_000);
    expect(server.maxConnections).toBe(10_000);
  });

  test('the log knows routes and statuses, and neither tokens nor bodies nor query strings', async () => {
    lines.length = 0;
    const body = { name: 'hunter2', metadata: { password: 'hunter3' } };
    const answer = await request(posthorn, 'POST', '/api/v1/app?note=hunter4', body);
    const requestId = answer.headers.get('x-request-id');
    const line = await waitFor(() => lines.find((text) => text.includes(requestId ?? 'none')), {
      what: 'log line',
    });
    expect(JSON.parse(line)).toMatchObject({
      reqId: requestId,
      method: 'POST',
      route: '/api/v1/app',
      status: 201,
    });
    expect(lines.join('')).not.toMatch(/hunter/);
    expect(lines.join('')).not.toContain(posthorn.token);
  });
});

describe('an unexpected error', () => {
  test('is a 500 without details, logged with the request id', async () => {
    await posthorn.db.pool.query('alter table posthorn.event_type rename to event_type_away');
    try {
      lines.length = 0;
      const answer = await request(posthorn, 'GET', '/api/v1/event-type');
      expect(answer.status).toBe(500);
      expect(answer.body).toEqual({ code: 'server_error', detail: 'an unexpected error occurred' });
      const logged = lines.map((line) => JSON.parse(line)).find(({ level }) => level === 50);
      expect(logged).toMatchObject({ reqId: answer.headers.get('x-request-id'), error: { code: '42P01' } });
      expect(logged.error.stack).toContain('event-type');
    } finally {
      await posthorn.db.pool.query('alter table posthorn.event_type_away rename to event_type');
    }
  });
});

describe('health', () => {
  test('is 204 with nothing in it, also for the official client', async () => {
    for (const path of ['/api/v1/health', '/api/v1/health/', '/api/v1/health/ping']) {
      for (const method of ['GET', 'HEAD']) {
        const answer = await request({ url: posthorn.url }, method, path);
        expect([answer.status, answer.text]).toEqual([204, '']);
      }
    }
    await posthorn.client.health.get();
  });
});

/** A way to the database that can be closed: connections are cut, new ones refused. */
async function startGate(): Promise<{
  urlOf(databaseUrl: string): string;
  close(): Promise<void>;
  open(): Promise<void>;
}> {
  let target = { host: '', port: 0 };
  const sockets = new Set<Socket>();
  const server: Server = createServer((incoming) => {
    const { host, port } = target;
    const outgoing = host.startsWith('/') ? connect(`${host}/.s.PGSQL.${port}`) : connect(port, host);
    for (const [from, to] of [
      [incoming, outgoing],
      [outgoing, incoming],
    ] as const) {
      sockets.add(from);
      from
        .on('error', () => to.destroy())
        .on('close', () => {
          sockets.delete(from);
          to.destroy();
        });
      from.pipe(to);
    }
  });
  const listen = (port: number) =>
    new Promise<void>((resolve) => {
      server.listen(port, '127.0.0.1', resolve);
    });
  await listen(0);
  const { port } = server.address() as AddressInfo;
  return {
    urlOf(databaseUrl) {
      const client = new pg.Client({ connectionString: databaseUrl });
      target = { host: client.host, port: client.port };
      const { user = '', password, database } = client;
      const secret = password ? `:${encodeURIComponent(password)}` : '';
      return `postgres://${encodeURIComponent(user)}${secret}@127.0.0.1:${port}/${database}`;
    },
    async close() {
      const closed = new Promise((resolve) => {
        server.close(resolve);
      });
      for (const socket of sockets) socket.destroy();
      await closed;
    },
    open: () => listen(port),
  };
}

describe('without its database', () => {
  test('every route is 503 with Retry-After, ping still answers, and it recovers by itself', async () => {
    const gate = await startGate();
    const away = await startTestApi({ reachThrough: gate.urlOf });
    try {
      await away.client.application.create({ name: 'before', uid: 'before' });
      await gate.close();
      for (const [method, path, body] of [
        ['GET', '/api/v1/health', undefined],
        ['GET', '/api/v1/app', undefined],
        ['POST', '/api/v1/app', { name: 'x' }],
        ['POST', '/api/v1/app/before/endpoint', { url: 'https://example.com/' }],
        ['DELETE', '/api/v1/app/before', undefined],
        ['POST', '/api/v1/app/before/msg', { eventType: 'x', payload: {} }],
      ] as const) {
        const answer = await request(away, method, path, body);
        expect(answer.status, path).toBe(503);
        expect(answer.body).toEqual({ code: 'database_unavailable', detail: expect.any(String) });
        expect(Number(answer.headers.get('retry-after'))).toBeGreaterThanOrEqual(1);
        expect(Number(answer.headers.get('retry-after'))).toBeLessThanOrEqual(5);
      }
      expect((await request({ url: away.url }, 'GET', '/api/v1/health/ping')).status).toBe(204);
      // Not known to be wrong: a token is neither accepted nor refused while it cannot be looked up.
      expect((await request({ url: away.url, token: 'phk_unknown' }, 'GET', '/api/v1/app')).status).toBe(503);
      await gate.open();
      await waitFor(async () => (await request(away, 'GET', '/api/v1/health')).status === 204, {
        what: 'health',
      });
      expect(await away.client.application.get('before')).toMatchObject({ name: 'before' });
    } finally {
      await away.stop();
      await gate.close();
    }
  });

  test('a transaction whose connection is cut is a 503 and leaves the process alive', async () => {
    const gate = await startGate();
    const away = await startTestApi({ reachThrough: gate.urlOf });
    try {
      await away.client.application.create({ name: 'before', uid: 'before' });
      // The lock makes the transaction wait in its middle, where the connection is then cut.
      const holder = new pg.Client({ connectionString: away.databaseUrl });
      await holder.connect();
      await holder.query("begin; select from posthorn.application where uid = 'before' for update");
      const waiting = request(away, 'POST', '/api/v1/app/before/endpoint', { url: 'https://example.com/' });
      await waitFor(
        async () =>
          (await holder.query("select from pg_stat_activity where wait_event_type = 'Lock'")).rowCount === 1,
        { what: 'the transaction waiting' },
      );
      await holder.query(
        "select pg_terminate_backend(pid) from pg_stat_activity where wait_event_type = 'Lock'",
      );
      const answer = await waiting;
      expect(answer.status).toBe(503);
      await holder.query('rollback');
      await holder.end();
      expect(
        (await request(away, 'POST', '/api/v1/app/before/endpoint', { url: 'https://example.com/' })).status,
      ).toBe(201);
    } finally {
      await away.stop();
      await gate.close();
    }
  });
});

describe('errors of the database', () => {
  const coded = (code: string, more = {}) => Object.assign(new Error('x'), { code, ...more });
  test.each([
    coded('57P01'),
    coded('57P03'),
    coded('53300'),
    coded('08006'),
    coded('58030'),
    coded('40P01'),
    coded('25006'),
    coded('57014'),
    coded('ECONNREFUSED', { syscall: 'connect' }),
    coded('ECONNRESET', { syscall: 'read' }),
    coded('ENOENT', { syscall: 'connect' }),
    coded('ENOTFOUND', { syscall: 'getaddrinfo' }),
    new AggregateError([coded('ECONNREFUSED', { syscall: 'connect' })], 'all failed'),
    new Error('timeout exceeded when trying to connect'),
    new Error('Connection terminated unexpectedly'),
    new Error('Connection terminated due to connection timeout'),
    new Error('Query read timeout'),
  ])('%s means try again', (error) => {
    expect(isDatabaseUnavailable(error)).toBe(true);
  });

  test.each([
    coded('42P01'),
    coded('23505'),
    coded('22021'),
    coded('ENOENT', { syscall: 'open' }),
    coded('EACCES'),
    new Error('x'),
    new TypeError('timeout'),
    undefined,
    null,
    'ECONNREFUSED',
    { code: '57P01' },
  ])('%s does not', (error) => {
    expect(isDatabaseUnavailable(error)).toBe(false);
  });

  test('a login that is refused means try again, but a start does not wait for it', () => {
    const refused = Object.assign(new pg.DatabaseError('no', 0, 'error'), {
      severity: 'FATAL',
      code: '28P01',
    });
    const secured = coded('DEPTH_ZERO_SELF_SIGNED_CERT');
    expect([refused, secured].map(isDatabaseUnavailable)).toEqual([true, true]);
    expect([refused, secured].map(passesByItself)).toEqual([false, false]);
  });

  test('a unique violation is told by its constraint', () => {
    const error = coded('23505', { constraint: 'application_uid' });
    expect(isUniqueViolation(error)).toBe(true);
    expect(isUniqueViolation(error, 'application_uid')).toBe(true);
    expect(isUniqueViolation(error, 'endpoint_uid')).toBe(false);
    expect(isUniqueViolation(coded('23503'))).toBe(false);
  });
});

test('a page of a list that was never walked starts where its order starts', () => {
  expect(parsePage({}, { order: 'ascending', key: 'app_' }).keyset).toEqual({ rowsMax: 51, ascending: true });
});
