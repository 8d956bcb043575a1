// Who may call what: every route that is registered, tried with every kind of token, against a table written by hand.
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Capability, Scope } from '../src/core/access.ts';
import { capabilities } from '../src/core/access.ts';
import { createToken } from '../src/store/tokens.ts';
import { request, startTestApi } from './support/api.ts';
import type { TestApi } from './support/api.ts';

/**
 * `public`, a scope, or a scope and the capability with which an application's token may do it to its own application;
 * `shared` where it is not about one application, `application` alone where only such tokens may.
 */
type Who = 'public' | 'application' | Scope | `${Scope} ${Capability}` | `${Scope} ${Capability} shared`;
/** Who, the status of success, and a body that is right. A new route needs a row here. */
type Row = [who: Who, ok: number, body?: unknown];

const message = { eventType: 'user.created', payload: {} };
const endpoint = { url: 'https://example.com/' };
const source = { type: 'github', name: 'made' };
const destination = { type: 'fifoEndpoint', config: endpoint };
const reconcile = {
  kind: 'github',
  hookUrl: 'https://api.github.com/repos/a/b/hooks/1',
  token: 'made',
};
const since = { since: new Date(Date.now() - 3_600_000).toISOString() };

const table: Record<string, Row> = {
  'GET /api/v1/health': ['public', 204],
  'GET /api/v1/health/ping': ['public', 204],

  'GET /api/v1/openapi.json': ['public', 200],
  'GET /docs': ['public', 200],

  'GET /api/v1/token': ['read', 200],
  'POST /api/v1/token': ['manage', 201, { name: 'made' }],
  'DELETE /api/v1/token/:token': ['manage', 204],
  'GET /api/v1/audit-log': ['read', 200],

  'POST /api/v1/auth/app-portal-access/:app': ['manage', 200, {}],
  'POST /api/v1/auth/dashboard-access/:app': ['manage', 200],
  'POST /api/v1/auth/app/:app/expire-all': ['manage', 204, {}],
  'POST /api/v1/auth/logout': ['application', 204],

  'GET /api/v1/event-type': ['read ViewBase shared', 200],
  'POST /api/v1/event-type': ['manage', 201, { name: 'made', description: '' }],
  'GET /api/v1/event-type/:name': ['read ViewBase shared', 200],
  'PUT /api/v1/event-type/:name': ['manage', 200, { description: 'x' }],
  'PATCH /api/v1/event-type/:name': ['manage', 200, { description: 'x' }],
  'DELETE /api/v1/event-type/:name': ['manage', 204],

  'POST /api/v1/event-type/import/openapi': [
    'manage',
    200,
    { spec: { openapi: '3.1.0', info: { title: 'x', version: '1' }, webhooks: {} } },
  ],
  'GET /api/v1/event-type/openapi.json': ['read', 200],
  'POST /api/v1/environment/export': ['manage', 200],
  'POST /api/v1/environment/import': ['manage', 204, {}],
  'GET /api/v1/issue': ['read', 200],
  'GET /api/v1/app/:app/issue': ['read ViewBase', 200],
  'GET /api/v1/app/:app/issue/:issue': ['read ViewBase', 200],
  'POST /api/v1/app/:app/issue/:issue/resolve': ['manage ManageEndpoint', 200],
  'POST /api/v1/app/:app/issue/:issue/ignore': ['manage ManageEndpoint', 200],
  'POST /api/v1/app/:app/issue/:issue/replay': ['manage CreateAttempts', 202],
  'GET /api/v1/background-task': ['manage', 200],
  'GET /api/v1/background-task/:task': ['manage', 200],
  'POST /api/v1/background-task/:task/cancel': ['manage', 200],
  'POST /api/v1/stats/usage/app': ['manage', 202, { ...since, until: new Date().toISOString() }],
  'PUT /api/v1/stats/usage/event-types': ['manage', 202],
  'GET /api/v1/connector': ['manage', 200],
  'POST /api/v1/connector': ['manage', 201, { name: 'made', transformation: 'x' }],
  'GET /api/v1/connector/:connector': ['manage', 200],
  'PUT /api/v1/connector/:connector': ['manage', 200, { transformation: 'x' }],
  'PATCH /api/v1/connector/:connector': ['manage', 200, { name: 'x' }],
  'DELETE /api/v1/connector/:connector': ['manage', 204],
  // The token of a subscription may do the last three to its own (api-autoconfig.test.ts).
  'POST /api/v1/app/:app/autoconfig': ['manage', 201],
  'DELETE /api/v1/app/:app/autoconfig/:autoconfig': ['manage', 204],
  'POST /api/v1/app/:app/autoconfig/:autoconfig/rotate': ['manage', 200, {}],
  'GET /api/v1/app/:app/autoconfig/:autoconfig': ['manage', 200],
  'PUT /api/v1/app/:app/autoconfig/:autoconfig/endpoint': ['manage', 200, endpoint],
  'PUT /api/v1/app/:app/autoconfig/:autoconfig/destination': ['manage', 200, { type: 'pollingEndpoint' }],
  // Here, :endpoint is an operational one.
  'GET /api/v1/operational-webhook/endpoint': ['manage', 200],
  'POST /api/v1/operational-webhook/endpoint': ['manage', 201, endpoint],
  'GET /api/v1/operational-webhook/endpoint/:endpoint': ['manage', 200],
  'PUT /api/v1/operational-webhook/endpoint/:endpoint': ['manage', 200, endpoint],
  'DELETE /api/v1/operational-webhook/endpoint/:endpoint': ['manage', 204],
  'GET /api/v1/operational-webhook/endpoint/:endpoint/secret': ['manage', 200],
  'POST /api/v1/operational-webhook/endpoint/:endpoint/secret/rotate': ['manage', 204, {}],
  'GET /api/v1/operational-webhook/endpoint/:endpoint/headers': ['manage', 200],
  'PUT /api/v1/operational-webhook/endpoint/:endpoint/headers': ['manage', 204, { headers: {} }],

  // Here, :endpoint is one of the source's.
  'GET /ingest/api/v1/source': ['read', 200],
  'POST /ingest/api/v1/source': ['manage', 201, source],
  'GET /ingest/api/v1/source/:source': ['read', 200],
  'PUT /ingest/api/v1/source/:source': ['manage', 200, source],
  'PATCH /ingest/api/v1/source/:source': ['manage', 200, { name: 'x' }],
  'DELETE /ingest/api/v1/source/:source': ['manage', 204],
  'POST /ingest/api/v1/source/:source/token/rotate': ['manage', 200],
  'POST /ingest/api/v1/source/:source/dashboard': ['manage', 200, {}],
  'GET /ingest/api/v1/source/:source/secret': ['manage', 200],
  'POST /ingest/api/v1/source/:source/secret/rotate': ['manage', 204, { key: 'x' }],
  'GET /ingest/api/v1/source/:source/request': ['read', 200],
  'GET /ingest/api/v1/source/:source/request/:request': ['read', 200],
  'POST /ingest/api/v1/source/:source/request/:request/replay': ['manage', 200],
  'GET /ingest/api/v1/source/:source/reconcile': ['read', 200],
  'PUT /ingest/api/v1/source/:source/reconcile': ['manage', 200, reconcile],
  'DELETE /ingest/api/v1/source/:source/reconcile': ['manage', 204],
  'POST /ingest/api/v1/source/:source/reconcile/run': ['manage', 202],
  'GET /ingest/api/v1/source/:source/reconcile/missing': ['read', 200],
  'GET /ingest/api/v1/source/:source/endpoint': ['read', 200],
  'POST /ingest/api/v1/source/:source/endpoint': ['manage', 201, endpoint],
  'GET /ingest/api/v1/source/:source/endpoint/:endpoint': ['read', 200],
  'PUT /ingest/api/v1/source/:source/endpoint/:endpoint': ['manage', 200, endpoint],
  'PATCH /ingest/api/v1/source/:source/endpoint/:endpoint': ['manage', 200, { description: 'x' }],
  'DELETE /ingest/api/v1/source/:source/endpoint/:endpoint': ['manage', 204],
  'GET /ingest/api/v1/source/:source/endpoint/:endpoint/secret': ['manage', 200],
  'POST /ingest/api/v1/source/:source/endpoint/:endpoint/secret/rotate': ['manage', 204, {}],
  'GET /ingest/api/v1/source/:source/endpoint/:endpoint/headers': ['read', 200],
  'PUT /ingest/api/v1/source/:source/endpoint/:endpoint/headers': ['manage', 204, { headers: {} }],
  'GET /ingest/api/v1/source/:source/endpoint/:endpoint/transformation': ['manage', 200],
  'PATCH /ingest/api/v1/source/:source/endpoint/:endpoint/transformation': [
    'manage',
    204,
    { variables: { x: 'y' } },
  ],

  'GET /api/v1/app': ['read', 200],
  'POST /api/v1/app': ['manage', 201, { name: 'made' }],
  'GET /api/v1/app/:app': ['read ViewBase', 200],
  'PUT /api/v1/app/:app': ['manage', 200, { name: 'x' }],
  'PATCH /api/v1/app/:app': ['manage', 200, { name: 'x' }],
  'DELETE /api/v1/app/:app': ['manage', 204],

  'GET /api/v1/app/:app/endpoint': ['read ViewBase', 200],
  'POST /api/v1/app/:app/endpoint': ['manage ManageEndpoint', 201, endpoint],
  'GET /api/v1/app/:app/endpoint/:endpoint': ['read ViewBase', 200],
  'PUT /api/v1/app/:app/endpoint/:endpoint': ['manage ManageEndpoint', 200, endpoint],
  'PATCH /api/v1/app/:app/endpoint/:endpoint': ['manage ManageEndpoint', 200, { description: 'x' }],
  'DELETE /api/v1/app/:app/endpoint/:endpoint': ['manage ManageEndpoint', 204],
  'GET /api/v1/app/:app/endpoint/:endpoint/secret': ['manage ViewEndpointSecret', 200],
  'POST /api/v1/app/:app/endpoint/:endpoint/secret/rotate': ['manage ManageEndpointSecret', 204, {}],
  'GET /api/v1/app/:app/endpoint/:endpoint/headers': ['read ViewBase', 200],
  'PUT /api/v1/app/:app/endpoint/:endpoint/headers': ['manage ManageEndpoint', 204, { headers: {} }],
  'PATCH /api/v1/app/:app/endpoint/:endpoint/headers': ['manage ManageEndpoint', 204, { headers: {} }],
  'GET /api/v1/app/:app/endpoint/:endpoint/transformation': ['manage ManageTransformations', 200],
  'PATCH /api/v1/app/:app/endpoint/:endpoint/transformation': [
    'manage ManageTransformations',
    204,
    { variables: { x: 'y' } },
  ],
  'POST /api/v1/app/:app/endpoint/:endpoint/transformation/simulate': [
    'manage ManageTransformations',
    200,
    { code: 'x', payload: {} },
  ],
  'POST /api/v1/app/:app/endpoint/:endpoint/send-example': [
    'manage CreateAttempts',
    200,
    { eventType: 'svix.ping' },
  ],
  'POST /api/v1/app/:app/endpoint/:endpoint/recover': ['manage CreateAttempts', 202, since],
  'POST /api/v1/app/:app/endpoint/:endpoint/replay-missing': ['manage CreateAttempts', 202, since],
  'POST /api/v1/app/:app/endpoint/:endpoint/bulk-replay': ['manage CreateAttempts', 202, since],
  'GET /api/v1/app/:app/endpoint/:endpoint/stats': ['read ViewBase', 200],
  'GET /api/v1/app/:app/endpoint/:endpoint/msg': ['read ViewBase', 200],

  'GET /api/v1/app/:app/destination': ['read ViewBase', 200],
  'POST /api/v1/app/:app/destination': ['manage ManageEndpoint', 201, destination],
  'GET /api/v1/app/:app/destination/:destination': ['read ViewBase', 200],
  'PUT /api/v1/app/:app/destination/:destination': ['manage ManageEndpoint', 200, destination],
  'PATCH /api/v1/app/:app/destination/:destination': ['manage ManageEndpoint', 200, { metadata: { x: 'y' } }],
  'DELETE /api/v1/app/:app/destination/:destination': ['manage ManageEndpoint', 204],
  'GET /api/v1/app/:app/destination/:destination/transformation': ['manage ManageTransformations', 200],
  'PATCH /api/v1/app/:app/destination/:destination/transformation': [
    'manage ManageTransformations',
    200,
    { code: null },
  ],

  'POST /api/v1/app/:app/msg': ['publish', 202, message],
  'POST /api/v1/app/:app/msg/precheck/active': ['publish', 200, { eventType: 'user.created' }],
  'POST /api/v1/app/:app/msg/batch': ['publish', 202, { messages: [message] }],
  'GET /api/v1/app/:app/msg': ['read ViewBase', 200],
  'GET /api/v1/app/:app/msg/:msg': ['read ViewBase', 200],
  'DELETE /api/v1/app/:app/msg/:msg/content': ['manage', 204],
  'GET /api/v1/app/:app/msg/:msg/endpoint': ['read ViewBase', 200],
  'POST /api/v1/app/:app/msg/:msg/endpoint/:endpoint/resend': ['manage CreateAttempts', 202],
  'POST /api/v1/app/:app/msg/bulk-expunge': ['manage', 200, { ids: ['x'] }],
  'POST /api/v1/app/:app/msg/expunge-all-contents': ['manage', 202],
  'GET /api/v1/app/:app/integration': ['manage', 200],
  'POST /api/v1/app/:app/integration': ['manage', 201, { name: 'made' }],
  'GET /api/v1/app/:app/integration/:integration': ['manage', 200],
  'PUT /api/v1/app/:app/integration/:integration': ['manage', 200, { name: 'x' }],
  'DELETE /api/v1/app/:app/integration/:integration': ['manage', 204],
  'GET /api/v1/app/:app/integration/:integration/key': ['manage', 200],
  'POST /api/v1/app/:app/integration/:integration/key/rotate': ['manage', 200],
  'GET /api/v1/app/:app/polling-endpoint': ['read', 200],
  'POST /api/v1/app/:app/polling-endpoint': ['manage', 201, {}],
  'GET /api/v1/app/:app/polling-endpoint/:poller': ['read', 200],
  'PATCH /api/v1/app/:app/polling-endpoint/:poller': ['manage', 200, {}],
  'DELETE /api/v1/app/:app/polling-endpoint/:poller': ['manage', 204],
  'POST /api/v1/app/:app/polling-endpoint/:poller/token/rotate': ['manage', 200],
  // These two also with the token of the subscription that made the poller.
  'GET /api/v1/app/:app/polling-endpoint/:poller/consumer/:consumer': ['read', 200],
  'POST /api/v1/app/:app/polling-endpoint/:poller/consumer/:consumer/commit': ['manage', 204, { offset: 0 }],
  'GET /api/v1/app/:app/poller/:sink': ['read', 200],
  'GET /api/v1/app/:app/poller/:sink/consumer/:consumer': ['read', 200],
  'POST /api/v1/app/:app/poller/:sink/consumer/:consumer/seek': [
    'manage',
    200,
    { after: '2026-01-01T00:00:00Z' },
  ],
  'GET /api/v1/app/:app/attempt/endpoint/:endpoint': ['read ViewBase', 200],
  'GET /api/v1/app/:app/attempt/msg/:msg': ['read ViewBase', 200],
  'GET /api/v1/app/:app/msg/:msg/attempt/:attempt': ['read ViewBase', 200],
  'DELETE /api/v1/app/:app/msg/:msg/attempt/:attempt/content': ['manage', 204],
};

/** What a token of another environment makes of these paths is its own. */
const makesItsOwn: Record<string, number> = {
  'POST /api/v1/token': 201,
  'POST /api/v1/event-type': 201,
  'PUT /api/v1/event-type/:name': 201,
  'POST /api/v1/app': 201,
  'POST /ingest/api/v1/source': 201,
};

let posthorn: TestApi;
let shared: Fixture;
beforeAll(async () => {
  posthorn = await startTestApi({
    transform: () => Promise.resolve({ kind: 'cancelled', logs: [], durationMs: 1 }),
    replay: () => Promise.resolve({ kind: 'rejected', reason: 'mismatch', detail: 'again' }),
  });
  shared = await makeFixture();
});
afterAll(() => posthorn.stop());

type Fixture = Record<
  | 'app'
  | 'endpoint'
  | 'name'
  | 'msg'
  | 'attempt'
  | 'issue'
  | 'token'
  | 'poller'
  | 'sink'
  | 'consumer'
  | 'task'
  | 'connector'
  | 'integration'
  | 'autoconfig'
  | 'operational'
  | 'source'
  | 'sourceEndpoint'
  | 'request'
  | 'destination',
  string
>;

/** One object of each kind, in an application of its own. */
async function makeFixture(): Promise<Fixture> {
  const { client, newId, db } = posthorn;
  const app = (await client.application.create({ name: 'walked' })).id;
  const { id } = await client.endpoint.create(app, { ...endpoint, headers: { 'x-plan': 'gold' } });
  const name = newId('tok_');
  await client.eventType.create({ name, description: '' });
  const msg = (await client.message.create(app, message)).id;
  const attempt = newId('atmpt_');
  await db.pool.query(
    `insert into posthorn.attempt
       (application_id, id, message_id, endpoint_id, trigger, url, outcome, duration_ms, started_at)
     values ($1, $2, $3, $4, 'scheduled', 'https://example.com/', 'accepted', 1, now())`,
    [app, attempt, msg, id],
  );
  const issue = newId('iss_');
  await db.pool.query(
    `insert into posthorn.issue (id, environment_id, application_id, endpoint_id, outcome, reason, first_message_id,
       count, exhausted_count, first_seen_at, last_seen_at)
     values ($1, $2, $3, $4, 'rejected', '5xx', $5, 1, 0, now(), now())`,
    [issue, posthorn.environmentId, app, id, msg],
  );
  const token = await createToken(db.queries, { ...ownToken(), name: 'walked' });
  const make = async (path: string, body?: object) => {
    const made = await request(posthorn, 'POST', `/api/v1${path}`, body);
    expect(made.status, made.text).toBeLessThan(300);
    return String(made.body.id);
  };
  const poller = await make(`/app/${app}/polling-endpoint`, {});
  return {
    app,
    endpoint: id,
    name,
    msg,
    attempt,
    issue,
    token: token.id,
    poller,
    sink: poller,
    consumer: 'c',
    task: await make(`/app/${app}/msg/expunge-all-contents`),
    connector: await make('/connector', { name: 'walked', transformation: 'x' }),
    integration: await make(`/app/${app}/integration`, { name: 'walked' }),
    autoconfig: await make(`/app/${app}/autoconfig`),
    operational: await make('/operational-webhook/endpoint', endpoint),
    ...(await makeSource()),
    destination: await make(`/app/${app}/destination`, destination),
  };
}

/** A source with an endpoint and a request. */
async function makeSource(): Promise<Pick<Fixture, 'source' | 'sourceEndpoint' | 'request'>> {
  const made = await request(posthorn, 'POST', '/ingest/api/v1/source', source);
  expect(made.status, made.text).toBe(201);
  const id = String(made.body.id);
  const to = await request(posthorn, 'POST', `/ingest/api/v1/source/${id}/endpoint`, endpoint);
  expect(to.status, to.text).toBe(201);
  const compared = await request(posthorn, 'PUT', `/ingest/api/v1/source/${id}/reconcile`, reconcile);
  expect(compared.status, compared.text).toBe(200);
  const requestId = posthorn.newId('req_');
  await posthorn.db.pool.query(
    `insert into posthorn.request (application_id, id, verdict, method, query, headers, body_bytes)
     values ($1, $2, 'rejected', 'POST', '', '{}', 0)`,
    [id, requestId],
  );
  return { source: id, sourceEndpoint: String(to.body.id), request: requestId };
}

const ownToken = () => ({
  id: posthorn.newId('tok_'),
  environmentId: posthorn.environmentId,
  name: 'caller',
});

async function environmentToken(...given: Scope[]): Promise<string> {
  return (await createToken(posthorn.db.queries, { ...ownToken(), scopes: given })).text;
}

async function applicationToken(app: string, body: object = {}): Promise<string> {
  const answer = await request(posthorn, 'POST', `/api/v1/auth/app-portal-access/${app}`, body);
  expect(answer.status, answer.text).toBe(200);
  return String(answer.body.token);
}

async function endedToken(change: string): Promise<string> {
  const { id, text } = await createToken(posthorn.db.queries, ownToken());
  await posthorn.db.pool.query(`update posthorn.token set ${change} where id = $1`, [id]);
  return text;
}

async function tokenOfDeletedApplication(): Promise<string> {
  const { id } = await posthorn.client.application.create({ name: 'short' });
  const token = await applicationToken(id);
  await posthorn.client.application.delete(id);
  return token;
}

/** A kind of token. `rights`: what it may use of the table; none for what is no valid token. */
interface Kind {
  name: string;
  of: 'nobody' | 'environment' | 'application' | 'other environment' | 'other application';
  rights?: readonly string[];
  make(fixture: Fixture): Promise<string | undefined>;
}

const appRights: Record<Capability, readonly Capability[]> = {
  ViewBase: ['ViewBase'],
  ViewEndpointSecret: ['ViewBase', 'ViewEndpointSecret'],
  ManageEndpointSecret: ['ViewBase', 'ViewEndpointSecret', 'ManageEndpointSecret'],
  ManageTransformations: ['ViewBase', 'ManageTransformations'],
  CreateAttempts: ['ViewBase', 'CreateAttempts'],
  ManageEndpoint: ['ViewBase', 'ViewEndpointSecret', 'ManageEndpointSecret', 'ManageEndpoint'],
};

const kinds: Kind[] = [
  { name: 'no token', of: 'nobody', make: async () => undefined },
  { name: 'a wrong token', of: 'nobody', make: async () => 'phk_wrong' },
  { name: 'an expired token', of: 'nobody', make: () => endedToken("expires_at = now() - interval '1 s'") },
  { name: 'a revoked token', of: 'nobody', make: () => endedToken('revoked_at = now()') },
  { name: 'a token of a deleted application', of: 'nobody', make: tokenOfDeletedApplication },
  { name: 'scope read', of: 'environment', rights: ['read'], make: () => environmentToken('read') },
  { name: 'scope publish', of: 'environment', rights: ['publish'], make: () => environmentToken('publish') },
  {
    name: 'scopes read and publish',
    of: 'environment',
    rights: ['read', 'publish'],
    make: () => environmentToken('read', 'publish'),
  },
  {
    name: 'scope manage',
    of: 'environment',
    rights: ['read', 'publish', 'manage'],
    make: () => environmentToken('manage'),
  },
  {
    name: 'scope manage of another environment',
    of: 'other environment',
    make: async () => (await posthorn.makeStranger()).token,
  },
  {
    name: "an application's token",
    of: 'application',
    rights: capabilities,
    make: ({ app }) => applicationToken(app),
  },
  {
    name: 'a read-only one',
    of: 'application',
    rights: ['ViewBase'],
    make: ({ app }) => applicationToken(app, { readOnly: true }),
  },
  ...capabilities.map(
    (capability): Kind => ({
      name: `one with ${capability}`,
      of: 'application',
      rights: appRights[capability],
      make: ({ app }) => applicationToken(app, { capabilities: [...new Set(['ViewBase', capability])] }),
    }),
  ),
  {
    name: "another application's token",
    of: 'other application',
    make: async () => applicationToken((await posthorn.client.application.create({ name: 'other' })).id),
  },
];

/** The status that a kind of token gets of a route. */
function expectedStatus(route: string, { of, rights = [] }: Kind): number {
  const [who, ok] = table[route] as Row;
  const [scope = '', capability, isShared] = who.split(' ');
  if (who === 'public') return ok;
  if (of === 'nobody') return 401;
  if (of === 'environment') return rights.includes(scope) ? ok : 403;
  if (of === 'other environment') {
    if (who === 'application') return 403;
    return route.includes(':') ? (makesItsOwn[route] ?? 404) : ok;
  }
  if (who === 'application') return ok;
  if (capability === undefined) return 403;
  if (of === 'other application') return isShared ? ok : 404;
  return rights.includes(capability) ? ok : 403;
}

async function call(route: string, fixture: Fixture, token: string | undefined) {
  // A page for people.
  if (route === 'GET /docs') {
    const answer = await fetch(`${posthorn.url}/docs`);
    await answer.text();
    return { status: answer.status, text: '', body: {} as Record<string, unknown> };
  }
  const [method = '', path = ''] = route.split(' ');
  const named = { ...fixture };
  if (path.startsWith('/api/v1/operational-webhook/')) named.endpoint = fixture.operational;
  if (path.startsWith('/ingest/')) named.endpoint = fixture.sourceEndpoint;
  const filled = path.replaceAll(/:(\w+)/g, (_, param: string) => named[param as keyof Fixture] ?? '?');
  const to = { url: posthorn.url, ...(token === undefined ? {} : { token }) };
  return request(to, method, filled, table[route]?.[2]);
}

/**
 * Every row of every table that the API writes, the audit log aside. What another environment's token is refused may
 * leave something in its own environment.
 */
async function fingerprint(): Promise<string> {
  const names = [
    'environment',
    'token',
    'application',
    'endpoint',
    'endpoint_secret',
    'endpoint_transformation',
    'integration',
    'autoconfig',
    'connector',
    'background_task',
    'background_task_result',
    'event_type',
    'message',
    'message_body',
    'delivery',
    'attempt',
    'poller',
    'poller_consumer',
    'source',
    'source_secret',
    'source_path',
    'request',
    'issue',
    'reconcile',
    'reconcile_missing',
  ];
  const ours: Record<string, string> = {
    environment: `where id = '${posthorn.environmentId}'`,
    application: `where environment_id = '${posthorn.environmentId}'`,
    source: `where environment_id = '${posthorn.environmentId}'`,
  };
  const parts = names.map(
    (name) =>
      `select '${name}' as name, count(*) as rows, md5(string_agg(t::text, ' ' order by t::text)) as hash
       from posthorn.${name} t ${ours[name] ?? ''}`,
  );
  const { rows } = await posthorn.db.pool.query(parts.join(' union all '));
  return JSON.stringify(rows);
}

const routes = Object.keys(table);
const isReading = (route: string) => route.startsWith('GET ');

describe('the table', () => {
  test('has a row for every route, and a route for every row', () => {
    const registered = [...posthorn.api.access.keys()].filter((route) => !route.startsWith('HEAD '));
    expect(registered.toSorted()).toEqual(routes.toSorted());
  });

  test('and every route says who may call it', () => {
    const silent = [...posthorn.api.access].filter(([, access]) => access === undefined);
    expect(silent).toEqual([]);
    for (const [route, access] of posthorn.api.access) {
      if (!route.startsWith('HEAD ')) continue;
      expect(access, route).toEqual(posthorn.api.access.get(route.replace('HEAD', 'GET')));
    }
  });
});

describe.each(kinds)('$name', (kind) => {
  const isRefused = (route: string) => expectedStatus(route, kind) >= 400;

  test('is refused what it may not do, and changes nothing', async () => {
    const token = await kind.make(shared);
    const before = await fingerprint();
    for (const route of routes.filter(isRefused)) {
      const answer = await call(route, shared, token);
      expect(answer.status, route).toBe(expectedStatus(route, kind));
      const code = { 401: 'authentication_failed', 403: 'insufficient_access', 404: 'not_found' };
      expect(answer.body.code, route).toBe(code[answer.status as 401 | 403 | 404]);
      expect(answer.text).not.toContain(token ?? 'no token');
    }
    expect(await fingerprint()).toBe(before);
  });

  test('reads what it may read, and nothing of another environment', async () => {
    const token = await kind.make(shared);
    const ids = Object.values(shared).filter((value) => value.includes('_'));
    for (const route of routes.filter((one) => isReading(one) && !isRefused(one))) {
      const answer = await call(route, shared, token);
      expect(answer.status, `${route}: ${answer.text}`).toBe(expectedStatus(route, kind));
      if (kind.of === 'other environment') for (const id of ids) expect(answer.text, route).not.toContain(id);
    }
  });

  test('does what it may do', async () => {
    for (const route of routes.filter((one) => !isReading(one) && !isRefused(one))) {
      const fixture = await makeFixture();
      // What the rows make by name is there once.
      await posthorn.db.pool.query("delete from posthorn.event_type where name = 'made'");
      const answer = await call(route, fixture, await kind.make(fixture));
      expect(answer.status, `${route}: ${answer.text}`).toBe(expectedStatus(route, kind));
    }
  }, 300_000);
});

describe('a route that says nothing', () => {
  test('is for tokens with manage alone', async () => {
    const open = await startTestApi({
      routes: (api) => {
        api.get('/api/v1/app/:app/silent', async () => ({ reached: true }));
      },
    });
    try {
      const path = '/api/v1/app/x/silent';
      const read = await createToken(open.db.queries, {
        id: open.newId('tok_'),
        environmentId: open.environmentId,
        name: 'read',
        scopes: ['read', 'publish'],
      });
      expect((await request({ url: open.url }, 'GET', path)).status).toBe(401);
      expect((await request({ url: open.url, token: read.text }, 'GET', path)).status).toBe(403);
      const app = (await open.client.application.create({ name: 'x', uid: 'x' })).id;
      const { token } = await open.client.authentication.appPortalAccess(app);
      expect((await request({ url: open.url, token }, 'GET', path)).status).toBe(403);
      expect((await request(open, 'GET', path)).body).toEqual({ reached: true });
    } finally {
      await open.stop();
    }
  });

  test('and one for applications has to say which', async () => {
    await expect(
      startTestApi({
        routes: (api) => {
          const access = { scope: 'read', capability: 'ViewBase' } as const;
          api.get('/api/v1/unbound/:id', { config: { access } }, async () => ({}));
        },
      }),
    ).rejects.toThrow('has no :app');
  });
});
