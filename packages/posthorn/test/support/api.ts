// The API on a real server and a real database, with the official client; no delivery.
import { randomBytes } from 'node:crypto';
import { pino } from 'pino';
import { Svix } from 'svix';
import { createApi } from '../../src/api/app.ts';
import type { Api } from '../../src/api/context.ts';
import { createPayloadCheck } from '../../src/api/payload-check.ts';
import { createSchemaDesk } from '../../src/api/schemas/desk.ts';
import type { Accept } from '../../src/core/acceptance.ts';
import { parseSubnets } from '../../src/core/address.ts';
import type { ReplayRequest } from '../../src/core/replay.ts';
import type { Transform } from '../../src/core/transformation.ts';
import type { UrlRules } from '../../src/core/url-rules.ts';
import { createHttpConnector } from '../../src/delivery/connectors/http.ts';
import { createConnectors } from '../../src/delivery/connectors/registry.ts';
import { systemClock } from '../../src/lib/clock.ts';
import { createIdSource } from '../../src/lib/ids.ts';
import type { NewId } from '../../src/lib/ids.ts';
import { acceptMessages, findConflicts } from '../../src/store/accept-messages.ts';
import { findApplication } from '../../src/store/applications.ts';
import { openDatabase } from '../../src/store/database.ts';
import type { Database } from '../../src/store/database.ts';
import { createEnvironment } from '../../src/store/environments.ts';
import { OutageLog } from '../../src/store/outage-log.ts';
import { createSecretBox } from '../../src/store/secret-box.ts';
import { createToken } from '../../src/store/tokens.ts';
import { createTestDatabase } from './database.ts';
import { testTemplates } from './templates.ts';

const bodyMaxBytes = 1024 * 1024;
const noProcess = 0;
// A thread runs what was built: Node loads no TypeScript.
const workerUrl = new URL('../../dist/api/schemas/worker.js', import.meta.url);

export interface TestApiOptions {
  /** Stores messages without deliveries unless given. */
  accept?: Accept;
  /** Loopback and http are allowed unless given. */
  urlRules?: UrlRules;
  /** Rejects unless given. */
  transform?: Transform;
  /** Finds no request unless given. */
  replay?: ReplayRequest;
  /** Where the API itself finds the database, when that is not the direct way. */
  reachThrough?: (databaseUrl: string) => string;
  /** Routes of the test's own. */
  routes?: (api: Api) => void;
  /** The address by which others reach the API; none unless given. */
  publicUrl?: string;
  /** Collects the log lines. */
  logTo?: { write(line: string): void };
}

export interface TestApi {
  url: string;
  token: string;
  environmentId: string;
  db: Database;
  /** The direct way to the database, for a connection of the test's own. */
  databaseUrl: string;
  api: Api;
  client: Svix;
  newId: NewId;
  /** A token of another, new environment, with its client. */
  makeStranger(): Promise<{ token: string; environmentId: string; client: Svix }>;
  stop(): Promise<void>;
}

export async function startTestApi(options: TestApiOptions = {}): Promise<TestApi> {
  const database = await createTestDatabase();
  const url = options.reachThrough?.(database.url) ?? database.url;
  const db = openDatabase({
    url,
    connectionsMax: 5,
    applicationName: 'posthorn test',
    onIdleError: () => {},
  });
  const newId = createIdSource(systemClock.now, randomBytes);
  const urlRules = options.urlRules ?? {
    allowHttp: true,
    allowSubnets: parseSubnets('127.0.0.0/8,::1/128').subnets,
  };
  const log = options.logTo ? pino({ level: 'debug' }, options.logTo) : pino({ level: 'silent' });
  const outageLog = new OutageLog({ log, clock: systemClock, pool: db.pool });
  const schemas = createSchemaDesk({ workerUrl, clock: systemClock });
  const api = createApi({
    schemas,
    payloads: createPayloadCheck({ db, clock: systemClock, schemas }),
    db,
    box: createSecretBox(randomBytes(32)),
    newId,
    clock: systemClock,
    accept: options.accept ?? createStoringAccept(db, newId),
    wake: () => {},
    transform: options.transform ?? (() => Promise.reject(new Error('nothing is transformed here'))),
    gateway: {
      isFor: () => false,
      serve: () => {},
      replay: options.replay ?? (() => Promise.resolve({ kind: 'unknown_request' })),
    },
    kinds: createConnectors({
      http: createHttpConnector({ ...urlRules, userAgent: 'test', clock: systemClock }),
      urlRules,
      permits: { commands: ['/bin/true'], tables: ['public.*'], files: [] },
      templates: testTemplates(),
      clock: systemClock,
    }),
    onOperationalUse: () => {},
    wakeTasks: () => {},
    githubApiUrls: ['https://api.github.com'],
    wakeReconciler: () => {},
    log,
    outageLog,
    bodyMaxBytes,
    urlRules,
    version: 'test',
    publicUrl: options.publicUrl,
  });
  const stop = async () => {
    await api.close();
    outageLog.stop();
    await db.close();
    await database.drop();
  };
  try {
    options.routes?.(api);
  } catch (error) {
    await stop();
    throw error;
  }
  const serverUrl = await api.listen({ host: '127.0.0.1', port: 0 });
  const makeStranger = async () => {
    const environment = await createEnvironment(db.queries, { id: newId('env_'), name: newId('env_') });
    const environmentId = environment.id;
    const { text } = await createToken(db.queries, { id: newId('tok_'), environmentId, name: 'test' });
    return { token: text, environmentId, client: new Svix(text, { serverUrl, retryScheduleInMs: [] }) };
  };
  return {
    ...(await makeStranger()),
    url: serverUrl,
    db,
    databaseUrl: database.url,
    api,
    newId,
    makeStranger,
    stop,
  };
}

function createStoringAccept(db: Database, newId: NewId): Accept {
  return async (message) => {
    const application = await findApplication(db.queries, message.environmentId, message.application);
    if (application === undefined) return { kind: 'unknown_application' };
    const id = newId('msg_');
    const { id: applicationId, config_version: configVersion } = application;
    const stored = [{ ...message, id, applicationId, configVersion, deliveries: [] }];
    const result = (await acceptMessages(db.pool, stored, { owner: noProcess, firstDelayMs: 0 })).get(id);
    if (result?.kind === 'stored') {
      return { kind: 'accepted', applicationId, messageId: id, createdAt: result.createdAt, replayed: false };
    }
    const conflict = (await findConflicts(db.pool, stored)).get(id);
    if (conflict?.eventIdTakenBy !== undefined) {
      return { kind: 'duplicate_event_id', messageId: conflict.eventIdTakenBy };
    }
    const { key } = conflict ?? {};
    if (key?.createdAt === undefined || key.createdAt === null) throw new Error('the message was not stored');
    const same = message.idempotency && key.fingerprint.equals(message.idempotency.fingerprint);
    if (!same) return { kind: 'idempotency_mismatch' };
    const { messageId, createdAt } = key;
    return { kind: 'accepted', applicationId, messageId, createdAt, replayed: true };
  };
}

export interface ApiAnswer {
  status: number;
  headers: Headers;
  /** Parsed; empty when the answer has no body. */
  body: Record<string, unknown>;
  text: string;
}

/** The places that a 422 names, each as `['body', 'url']`. */
export function refusedPlaces({ body }: ApiAnswer): string[][] {
  return (body.detail as { loc: string[] }[]).map(({ loc }) => loc);
}

/** One raw request: a string or bytes as the body are sent as they are, anything else as JSON. */
export async function request(
  { url, token }: { url: string; token?: string },
  method: string,
  path: string,
  ...[body, headers = {}]: [body?: unknown, headers?: Record<string, string> | undefined]
): Promise<ApiAnswer> {
  const raw = typeof body === 'string' || body instanceof Uint8Array;
  const response = await fetch(url + path, {
    method,
    headers: {
      ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
      ...(body === undefined ? {} : { 'content-type': 'application/json' }),
      ...headers,
    },
    ...(body === undefined ? {} : { body: raw ? (body as string) : JSON.stringify(body) }),
  });
  const text = await response.text();
  return {
    status: response.status,
    headers: response.headers,
    body: text === '' ? {} : JSON.parse(text),
    text,
  };
}
