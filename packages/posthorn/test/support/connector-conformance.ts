// What every kind of endpoint does, whatever it speaks: one suite, run for each of them against a real receiver, through
// the real process, from the API to the attempt that is shown.
import { createServer, type Server, type Socket } from 'node:net';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { MessageAttemptOut } from 'svix';
import type { Connector } from '../../src/delivery/connectors/connector.ts';
import { createHttpConnector } from '../../src/delivery/connectors/http.ts';
import { createConnectors } from '../../src/delivery/connectors/registry.ts';
import { systemClock } from '../../src/lib/clock.ts';
import { request } from './api.ts';
import { createTestDatabase } from './database.ts';
import { type PosthornProcess, startPosthorn, testToken } from './posthorn-process.ts';
import { testTemplates } from './templates.ts';
import { waitFor } from './wait.ts';

type Config = Record<string, unknown>;

/** What a receiver got: the text, and what it can know a repeat by. */
export interface Received {
  text: string;
  key?: string | undefined;
}

/** A real receiver on this machine. */
export interface Rig {
  config: Config;
  /** The texts in the configurations that must show up nowhere. */
  secrets: readonly string[];
  /** With which the receiver is reached, and says no. Left out where the receiver takes everything. */
  refused?: Config;
  /** The right configuration for a receiver that never answers; by default one at another port. */
  hanging?: Config;
  /** The configuration for a receiver elsewhere; undefined for a kind that uses no network. */
  at?(host: string, port: number): Config;
  received(): Received[] | Promise<Received[]>;
  stop(): Promise<void>;
}

export interface Expectations {
  kind: string;
  forOperators: boolean;
  usesNetwork?: boolean;
  /** The receiver is shown a key by which it knows a repeat. */
  hasKey: boolean;
  /** It knows a repeat by itself, and takes it once. */
  knowsRepeats?: boolean;
  /** Its receiver stands for a real one, and refuses nothing. */
  refusesNothing?: boolean;
  start(): Promise<Rig>;
}

/** A server that takes connections and says nothing. */
interface SilentServer {
  port: number;
  connections(): number;
  open(): number;
  stop(): Promise<void>;
}

async function startSilent(): Promise<SilentServer> {
  const sockets = new Set<Socket>();
  let connections = 0;
  const server: Server = createServer((socket) => {
    connections += 1;
    sockets.add(socket);
    socket.on('close', () => sockets.delete(socket));
    socket.on('error', () => {});
    socket.resume();
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    port: (server.address() as AddressInfo).port,
    connections: () => connections,
    open: () => sockets.size,
    stop: () => {
      for (const socket of sockets) socket.destroy();
      return new Promise((resolve) => server.close(() => resolve()));
    },
  };
}

// Of the discard protocol, which nobody serves: a port that was free a moment ago may be somebody's now.
const closedPort = 9;

const holds = (secrets: readonly string[], value: unknown) =>
  secrets.some((secret) => JSON.stringify(value).includes(secret));

/** The connectors of a server that may reach public addresses only. */
function publicConnector(kind: string): Connector {
  const urlRules = { allowHttp: true, allowSubnets: [] };
  const connectors = createConnectors({
    http: createHttpConnector({ ...urlRules, userAgent: 'test', clock: systemClock }),
    urlRules,
    permits: { commands: [], tables: [], files: [] },
    templates: testTemplates(),
    clock: systemClock,
  });
  return connectors.get(kind)!;
}

/** As connectors get one. */
export const delivery = {
  applicationId: 'app_1',
  messageId: 'msg_1',
  endpointId: 'ep_1',
  eventType: 'order.paid',
  contentType: 'application/json',
  payload: Buffer.from('{"id":7}'),
  atMs: 1_700_000_000_000,
  timeoutMs: 5_000,
  idempotencyKey: 'msg_1.ep_1',
};

/** Attempts as they are shown, with what the client does not know. */
type Attempt = MessageAttemptOut & { outcome: string; reason: string | null; detail: string | null };

// The first delivery of a kind loads its library, and a busy machine takes its time.
const patienceMs = 90_000;

/** One process for all of these kinds. `env`: its further settings. */
export function describeConnectors(
  kinds: readonly Expectations[],
  { env = {} }: { env?: Record<string, string> } = {},
): void {
  let database: Awaited<ReturnType<typeof createTestDatabase>>;
  let posthorn: PosthornProcess;
  beforeAll(async () => {
    database = await createTestDatabase();
    posthorn = await startPosthorn(database.url, env);
  });
  afterAll(async () => {
    await posthorn.end('SIGTERM');
    await database.drop();
  });
  for (const expectations of kinds) {
    describe(expectations.kind, () =>
      describeConnector(expectations, () => ({ posthorn, databaseUrl: database.url })),
    );
  }
}

type ServerOf = () => { posthorn: PosthornProcess; databaseUrl: string };

function describeConnector(expectations: Expectations, server: ServerOf): void {
  const { kind, forOperators, usesNetwork = true, hasKey, start } = expectations;
  const { knowsRepeats = false, refusesNothing = false } = expectations;
  let rig: Rig;
  let posthorn: PosthornProcess;
  let app: string;

  beforeAll(async () => {
    rig = await start();
    ({ posthorn } = server());
    app = (await posthorn.client.application.create({ name: 'Acme' })).id;
  });
  afterAll(() => (rig as Rig | undefined)?.stop());

  const call = (method: string, path: string, body?: object, token = testToken) =>
    request({ url: posthorn.url, token }, method, `/api/v1/app/${app}${path}`, body);

  /** Makes an endpoint for messages of one type of its own. */
  async function endpoint(config: Config, more: object = {}): Promise<{ id: string; eventType: string }> {
    const eventType = `order.${Math.round(performance.now() * 1_000)}`;
    const made = await call('POST', '/endpoint', { kind, config, eventTypes: [eventType], ...more });
    expect(made.status, made.text).toBe(201);
    return { id: String(made.body.id), eventType };
  }

  async function send(eventType: string, payload: object): Promise<string> {
    return (await posthorn.client.message.create(app, { eventType, payload })).id;
  }

  /** The attempts of a message, oldest first, when there are `count`. */
  async function attempts(message: string, count = 1): Promise<Attempt[]> {
    const list = await waitFor(
      async () => {
        const { data } = await posthorn.client.messageAttempt.listByMsg(app, message);
        return data.length >= count ? data : undefined;
      },
      { what: `${count} attempts`, timeoutMs: patienceMs },
    );
    const shown = list.toReversed().map(async ({ id }) => {
      const answer = await call('GET', `/msg/${message}/attempt/${id}`);
      return answer.body as unknown as Attempt;
    });
    return Promise.all(shown);
  }

  /** What the other end has with this marker: a broker may pass it on a moment after it took it. */
  async function received(marker: string, count: number) {
    const now = async () => (await rig.received()).filter(({ text }) => text.includes(marker));
    await waitFor(async () => (await now()).length >= count, {
      what: `${count} received`,
      timeoutMs: patienceMs,
    });
    return now();
  }

  test('is delivered, and shown as accepted', async () => {
    const { id, eventType } = await endpoint(rig.config);
    const marker = `marker-${id}`;
    const message = await send(eventType, { id: 1, marker });
    const [attempt] = await attempts(message);
    expect(attempt).toMatchObject({
      outcome: 'accepted',
      statusText: 'success',
      endpointId: id,
      detail: null,
    });
    expect(await received(marker, 1)).toHaveLength(1);
  });

  test('is shown without its secrets, and keeps them when a change leaves them out', async () => {
    const { id, eventType } = await endpoint(rig.config);
    const shown = await call('GET', `/endpoint/${id}`);
    expect(shown.body).toMatchObject({ kind, disabled: false });
    for (const secret of rig.secrets) expect(shown.text).not.toContain(secret);
    const whole = { kind, config: shown.body.config, eventTypes: [eventType], description: 'changed' };
    const changed = await call('PUT', `/endpoint/${id}`, whole);
    expect(changed.status, changed.text).toBe(200);
    const patched = await call('PATCH', `/endpoint/${id}`, { config: {} });
    expect(patched.status, patched.text).toBe(200);
    const [attempt] = await attempts(await send(eventType, { id: 2 }));
    expect(attempt?.outcome).toBe('accepted');
  });

  test('keeps no secret that is left out when it goes elsewhere', async () => {
    const moved = rig.at?.('posthorn.test', 8_080);
    const config = Object.fromEntries(
      Object.entries(moved ?? {}).filter(([name, value]) => !holds(rig.secrets, value) || name === 'url'),
    );
    // Where the address itself is the secret, or nothing is, there is nothing to keep.
    if (!moved || Object.keys(config).length === Object.keys(moved).length) return;
    const { id, eventType } = await endpoint(rig.config);
    for (const [method, body] of [
      ['PUT', { kind, config, eventTypes: [eventType] }],
      ['PATCH', { config }],
    ] as const) {
      const changed = await call(method, `/endpoint/${id}`, body);
      expect(changed.status, changed.text).toBe(422);
      expect(changed.text).toContain('must be given again');
    }
    const changed = await call('PATCH', `/endpoint/${id}`, { config: moved });
    expect(changed.status, changed.text).toBe(200);
  });

  if (!refusesNothing) {
    test('is rejected, and tried again until it is accepted', async () => {
      const { id, eventType } = await endpoint(rig.refused ?? {});
      const message = await send(eventType, { id: 3 });
      const [first] = await attempts(message);
      expect(first).toMatchObject({ outcome: 'rejected', statusText: 'fail', reason: null });
      expect(first?.detail).toMatch(/\.$/);
      const mended = await call('PUT', `/endpoint/${id}`, {
        kind,
        config: rig.config,
        eventTypes: [eventType],
      });
      expect(mended.status, mended.text).toBe(200);
      const accepted = await waitFor(
        async () => (await attempts(message)).find(({ outcome }) => outcome === 'accepted'),
        { what: 'a retry that is accepted', timeoutMs: patienceMs },
      );
      expect(accepted.endpointId).toBe(id);
    });
  }

  test('takes too long, and is ended', async () => {
    const silent = await startSilent();
    try {
      const config = rig.hanging ?? rig.at?.('127.0.0.1', silent.port) ?? {};
      const { eventType } = await endpoint(config, { timeoutSeconds: 3, retrySchedule: [] });
      const [attempt] = await attempts(await send(eventType, { id: 4 }));
      expect(attempt).toMatchObject({ outcome: 'unreachable', reason: 'timeout' });
      if (usesNetwork && !rig.hanging) expect(silent.connections()).toBeGreaterThan(0);
      await waitFor(() => silent.open() === 0, { what: 'the end of the connection', timeoutMs: patienceMs });
    } finally {
      await silent.stop();
    }
  });

  test('can be known as a repeat', async () => {
    const { id, eventType } = await endpoint(rig.config);
    const marker = `marker-${id}`;
    const message = await send(eventType, { id: 5, marker });
    await attempts(message);
    await posthorn.client.messageAttempt.resend(app, message, id);
    await attempts(message, 2);
    const got = await received(marker, hasKey || knowsRepeats ? 1 : 2);
    if (hasKey) {
      const keys = new Set(got.map(({ key }) => key));
      expect([...keys]).toEqual([expect.stringContaining(message)]);
    } else expect(got).toHaveLength(knowsRepeats ? 1 : 2);
  });

  test(`${forOperators ? 'cannot' : 'can'} be made by tokens of applications`, async () => {
    const { token } = await posthorn.client.authentication.appPortalAccess(app, {});
    // Of a type of its own: nothing that other tests send is for it.
    const whole = { kind, config: rig.config, eventTypes: ['of.a.token'] };
    const made = await call('POST', '/endpoint', whole, token);
    expect(made.status, made.text).toBe(forOperators ? 403 : 201);
    const { id } = await endpoint(rig.config);
    for (const [method, body] of [
      ['PATCH', { description: 'x' }],
      ['PATCH', { kind: 'http', url: 'http://127.0.0.1:9/' }],
      ['PUT', whole],
      ['DELETE', undefined],
    ] as const) {
      const changed = await call(method, `/endpoint/${id}`, body, token);
      expect(changed.status < 300, `${method}: ${changed.text}`).toBe(!forOperators);
      if (forOperators) expect(changed.status).toBe(403);
    }
  });

  if (usesNetwork) {
    test('is unreachable where nobody listens', async () => {
      const config = rig.at?.('127.0.0.1', closedPort) ?? {};
      const { eventType } = await endpoint(config, { retrySchedule: [] });
      const [attempt] = await attempts(await send(eventType, { id: 6 }));
      expect(attempt).toMatchObject({ outcome: 'unreachable', reason: 'connection' });
    });

    test('reaches no private address, by number or by name', async () => {
      const connector = publicConnector(kind);
      const silent = await startSilent();
      try {
        const literal = rig.at?.('127.0.0.1', silent.port) ?? {};
        expect((await connector.check(literal)).ok).toBe(false);
        for (const host of ['127.0.0.1', 'localhost']) {
          const config = rig.at?.(host, silent.port) ?? {};
          const signal = AbortSignal.timeout(60_000);
          const result = await connector.deliver(delivery, config, signal).then(
            (given) => ('outcome' in given ? given.outcome : undefined),
            (error: unknown) => error,
          );
          expect(`${JSON.stringify(result)} ${String(result)}`).toMatch(
            /forbidden_address|ForbiddenAddress|may not reach/,
          );
        }
        expect(silent.connections()).toBe(0);
      } finally {
        await connector.close?.();
        await silent.stop();
      }
    });
  }

  test('leaves no secret in what is stored of its attempts, or in the log', async () => {
    const pg = await import('pg');
    const client = new pg.default.Client({ connectionString: server().databaseUrl });
    await client.connect();
    try {
      const { rows } = await client.query<{ row: string }>(
        `select row_to_json(a)::text || convert_from(coalesce(a.response_body, ''), 'utf8') as row
         from posthorn.attempt a union all select row_to_json(e)::text from posthorn.endpoint e`,
      );
      expect(rows.length).toBeGreaterThan(3);
      const stored = rows.map(({ row }) => row).join('\n');
      for (const secret of rig.secrets) {
        expect(stored).not.toContain(secret);
        expect(posthorn.log()).not.toContain(secret);
      }
    } finally {
      await client.end();
    }
  });
}
