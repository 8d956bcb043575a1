// Reconciling: what GitHub says it delivered and never came in is had, once, through pages, limits, refusals and crashes.
import { randomUUID } from 'node:crypto';
import pg from 'pg';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { createTestDatabase } from './support/database.ts';
import type { TestDatabase } from './support/database.ts';
import { gatewayClient } from './support/gateway.ts';
import type { GatewayClient, Source } from './support/gateway.ts';
import { hookOf, startGithub } from './support/github-server.ts';
import type { GithubServer } from './support/github-server.ts';
import { endAllPosthorn, startPosthorn } from './support/posthorn-process.ts';
import type { PosthornProcess } from './support/posthorn-process.ts';
import { waitFor } from './support/wait.ts';

let database: TestDatabase;
let db: pg.Client;
let github: GithubServer;
let posthorn: PosthornProcess;
let gateway: GatewayClient;

const start = async () => {
  posthorn = await startPosthorn(database.url, { POSTHORN_GITHUB_API_URL: github.url });
  gateway = gatewayClient(posthorn);
};

beforeAll(async () => {
  database = await createTestDatabase();
  db = new pg.Client({ connectionString: database.url });
  await db.connect();
  github = await startGithub();
  await start();
});
beforeEach(() => {
  github.deliveries = [];
  github.pageItems = 100;
  github.asked = [];
  github.headers = [];
  github.intercept = () => undefined;
  github.onRedeliver = () => {};
});
afterEach(async () => {
  // What a test leaves behind must not be asked for by the next one.
  await db.query('delete from posthorn.reconcile');
});
afterAll(async () => {
  await endAllPosthorn();
  await github.stop();
  await db.end();
  await database.drop();
});

const pathOf = ({ id }: Source) => `/ingest/api/v1/source/${id}/reconcile`;

/** A source that is as old as what GitHub tells of. */
async function sourceFromBefore(): Promise<Source> {
  const source = await gateway.source();
  await db.query("update posthorn.source set created_at = now() - interval '1 day' where id = $1", [
    source.id,
  ]);
  return source;
}

async function reconciled(source: Source, fields: Record<string, unknown> = {}) {
  const body = { kind: 'github', hookUrl: hookOf(github), token: github.token, everyMinutes: 60, ...fields };
  const answer = await gateway.api('PUT', pathOf(source), body);
  expect(answer.status, answer.text).toBe(200);
  expect(answer.text).not.toContain(github.token);
}

async function run(source: Source): Promise<void> {
  expect((await gateway.api('POST', `${pathOf(source)}/run`)).status).toBe(202);
}

const shown = async (source: Source) => (await gateway.api('GET', pathOf(source))).body;

/** Waits until a run has ended like this. */
const ended = (source: Source, isRight: (state: Record<string, unknown>) => boolean) =>
  waitFor(
    async () => {
      const state = await shown(source);
      return state.ranAt !== null && isRight(state) && state;
    },
    { what: 'the end of a run' },
  );
const wasOk = (source: Source) => ended(source, ({ state }) => state === 'ok');

const missingOf = async (source: Source) =>
  (await gateway.api('GET', `${pathOf(source)}/missing`)).body.data as Record<string, unknown>[];

const guidsOf = async (source: Source) => (await gateway.messages(source)).map(({ eventId }) => eventId);

describe('what is missing', () => {
  test('is fetched and stored, under its own id, and what came in is left alone', async () => {
    const source = await sourceFromBefore();
    const [came, missed, again] = [randomUUID(), randomUUID(), randomUUID()];
    expect((await gateway.push(source, { delivery: came })).status).toBe(204);
    github.add({ guid: came, status: 204 });
    github.add({ guid: missed, payload: '{ "big": 12345678901234567890, "n":1e400,  "ref":"x" }' });
    // GitHub tried this one twice: the last of them is had.
    github.add({ guid: again });
    const last = github.add({ guid: again, status: 0 });
    await reconciled(source);
    const state = await wasOk(source);
    expect(state).toMatchObject({ missingCount: 2, judgedCount: 3, problem: null, everyMinutes: 60 });
    expect(new Set(await guidsOf(source))).toEqual(new Set([came, missed, again]));
    expect(await missingOf(source)).toEqual(
      expect.arrayContaining([
        expect.objectContaining({ eventId: missed, state: 'stored', responseStatusCode: 502, tries: 1 }),
        expect.objectContaining({ eventId: again, state: 'stored', deliveryId: last.id }),
      ]),
    );
    const [request] = (await gateway.requests(source, 'accepted')).filter((one) => one.deliveryId === missed);
    expect(request).toMatchObject({ reason: 'reconciled' });
    const { rows } = await db.query(
      `select convert_from(b.payload, 'UTF8') as payload from posthorn.message_body b join posthorn.message m
       on m.application_id = b.application_id and m.id = b.message_id where m.event_id = $1`,
      [missed],
    );
    expect(rows[0].payload).toBe('{ "big": 12345678901234567890, "n":1e400,  "ref":"x" }');
    const [headers] = github.headers;
    expect(headers).toMatchObject({
      accept: 'application/vnd.github+json',
      'x-github-api-version': '2022-11-28',
    });
    // GitHub sends it after all: it is a repetition.
    expect((await gateway.push(source, { delivery: missed })).status).toBe(204);
    expect(await guidsOf(source)).toHaveLength(3);
  });

  test('is sent again by GitHub where that is wanted, and comes in by the door', async () => {
    const source = await sourceFromBefore();
    const guid = randomUUID();
    github.add({ guid });
    const redelivered: Promise<unknown>[] = [];
    github.onRedeliver = (delivery) => {
      redelivered.push(gateway.push(source, { delivery: delivery.guid }));
    };
    await reconciled(source, { missing: 'redeliver' });
    await waitFor(async () => (await guidsOf(source)).includes(guid), {
      what: 'the event',
    });
    await Promise.all(redelivered);
    expect(github.asked.filter((one) => one.endsWith('/attempts'))).toHaveLength(1);
    await wasOk(source);
    expect(await missingOf(source)).toMatchObject([{ eventId: guid, state: 'asked', tries: 1 }]);
    await db.query('update posthorn.reconcile_missing set try_at = now() where source_id = $1', [source.id]);
    await run(source);
    await waitFor(async () => (await missingOf(source))[0]?.state === 'arrived', {
      what: 'the event to be known',
    });
    expect(github.asked.filter((one) => one.endsWith('/attempts'))).toHaveLength(1);
  });

  test('is told where GitHub has it no more', async () => {
    const source = await sourceFromBefore();
    const guid = randomUUID();
    github.add({ guid });
    github.intercept = (_, asked) => (/\/deliveries\/\d+/.test(asked) ? { status: 404 } : undefined);
    await reconciled(source);
    await wasOk(source);
    const [missing] = await missingOf(source);
    expect(missing).toMatchObject({ eventId: guid, state: 'failed' });
    expect(missing!.detail).toContain('does not have this delivery any more');
  });
});

describe('pages', () => {
  test('are followed by their cursor to where was looked before, and not further', async () => {
    const source = await sourceFromBefore();
    github.pageItems = 2;
    const guids = Array.from({ length: 7 }, () => randomUUID());
    for (const guid of guids) github.add({ guid });
    await reconciled(source);
    await ended(source, ({ missingCount, state }) => missingCount === 7 && state === 'ok');
    await waitFor(async () => (await guidsOf(source)).length === 7, {
      what: 'all events',
    });
    expect(github.asked.filter((one) => one.startsWith('GET /deliveries?'))).toHaveLength(4);
    // The token goes to the hook's own path, whatever the Link header names.
    expect(github.asked.every((one) => /^(GET|POST) \/deliveries/.test(one))).toBe(true);

    // The next run ends at the first page that is older than what was judged.
    github.deliveries = github.deliveries.map((one) => ({
      ...one,
      deliveredAt: new Date(one.deliveredAt.getTime() - 30 * 60_000),
    }));
    const fresh = github.add({ guid: randomUUID() });
    github.asked = [];
    await run(source);
    await waitFor(async () => (await guidsOf(source)).includes(fresh.guid), {
      what: 'the new event',
    });
    expect(github.asked.filter((one) => one.startsWith('GET /deliveries?'))).toHaveLength(1);
  });
});

describe('GitHub', () => {
  test('is left alone until its rate limit allows it', async () => {
    const source = await sourceFromBefore();
    const guid = randomUUID();
    github.add({ guid });
    const resetSeconds = Math.ceil(Date.now() / 1_000) + 1_800;
    github.intercept = () => ({
      status: 403,
      headers: { 'x-ratelimit-remaining': '0', 'x-ratelimit-reset': String(resetSeconds) },
      body: '{"message":"API rate limit exceeded"}',
    });
    await reconciled(source, { everyMinutes: 1 });
    const limited = await ended(source, ({ state }) => state === 'limited');
    expect(limited.problem).toContain('limits how often');
    const nextInMs = Date.parse(String(limited.nextAt)) - Date.now();
    expect(nextInMs).toBeGreaterThan(25 * 60_000);
    expect(nextInMs).toBeLessThan(31 * 60_000);
    expect(github.asked).toHaveLength(1);

    github.intercept = () => ({ status: 403, headers: { 'retry-after': '1' }, body: '{}' });
    await run(source);
    await waitFor(() => github.asked.length > 1, { what: 'another question' });
    github.intercept = () => undefined;
    await waitFor(async () => (await guidsOf(source)).includes(guid), {
      what: 'the event',
    });
  });

  test('that refuses the token is told to the operator, with what to do', async () => {
    const source = await sourceFromBefore();
    await reconciled(source, { token: 'ghp_wrong' });
    const refused = await ended(source, ({ state }) => state === 'refused');
    expect(refused.problem).toContain('does not know the token (401)');
    github.intercept = () => ({ status: 403, headers: { 'x-ratelimit-remaining': '4000' }, body: '{}' });
    await run(source);
    const forbidden = await ended(source, ({ problem }) => String(problem).includes('403'));
    expect(forbidden.state).toBe('refused');
  });
});

describe('a crash', () => {
  test('between fetch and store loses nothing, and stores nothing twice', async () => {
    const source = await sourceFromBefore();
    const guids = Array.from({ length: 3 }, () => randomUUID());
    for (const guid of guids) github.add({ guid });
    // The second one is answered, and whoever asked is gone before it can be stored.
    let fetched = 0;
    github.intercept = async (_, asked) => {
      if (!/^GET \/deliveries\/\d+$/.test(asked)) return undefined;
      fetched += 1;
      if (fetched === 2) await posthorn.end('SIGKILL');
      return undefined;
    };
    await reconciled(source);
    await waitFor(() => fetched === 2, { what: 'the second fetch' });
    // The claim of the dead one ends.
    await db.query("update posthorn.reconcile set claimed_until = now() - interval '1 s'");
    await start();
    await waitFor(async () => (await guidsOf(source)).length === 3, {
      what: 'all events',
    });
    await wasOk(source);
    expect(new Set(await guidsOf(source))).toEqual(new Set(guids));
    expect(await missingOf(source)).toHaveLength(3);
    expect(await shown(source)).toMatchObject({ missingCount: 3 });
  });
});

describe('what is asked for', () => {
  test.each([
    ['a host that is not GitHub', { hookUrl: 'https://evil.example.com/repos/a/b/hooks/1' }],
    ['a path that is no hook', { hookUrl: 'GITHUB/repos/acme/shop/hooks/42/config' }],
    ['a path that leaves it', { hookUrl: 'GITHUB/repos/acme/../../user' }],
    ['a query', { hookUrl: 'GITHUB/repos/acme/shop/hooks/42?x=1' }],
    ['the hook of an app without the app', { hookUrl: 'GITHUB/app/hook' }],
    ['a key that is none', { hookUrl: 'GITHUB/app/hook', appId: '1', token: 'x' }],
    ['a token of two lines', { token: 'a\nb' }],
  ])('%s is refused', async (_, fields) => {
    const source = await gateway.source();
    const body = { kind: 'github', hookUrl: hookOf(github), token: 'x', ...fields };
    const answer = await gateway.api('PUT', pathOf(source), {
      ...body,
      hookUrl: body.hookUrl.replace('GITHUB', github.url),
    });
    expect(answer.status, answer.text).toBe(422);
  });

  test('a token stays with its hook, and goes to no other', async () => {
    const source = await gateway.source();
    await reconciled(source);
    const { token: _, ...without } = { kind: 'github', hookUrl: hookOf(github), token: '' };
    expect((await gateway.api('PUT', pathOf(source), without)).status).toBe(200);
    const other = { ...without, hookUrl: `${github.url}/repos/acme/other/hooks/1` };
    expect((await gateway.api('PUT', pathOf(source), other)).status).toBe(422);
    expect((await gateway.api('DELETE', pathOf(source))).status).toBe(204);
    expect((await gateway.api('GET', pathOf(source))).status).toBe(404);
  });

  test('only sources that know events by their id can be reconciled', async () => {
    const body = { kind: 'github', hookUrl: hookOf(github), token: 'x' };
    const byBody = await gateway.source({ deduplicateBy: 'body' });
    expect((await gateway.api('PUT', pathOf(byBody), body)).status).toBe(409);
    const other = await gateway.source({ type: 'generic-webhook', config: null });
    expect((await gateway.api('PUT', pathOf(other), body)).status).toBe(409);
  });
});
