// The composition root: builds every part from the configuration, starts them, and stops them last-in-first-out.
import { randomBytes } from 'node:crypto';
import { generateHmacSecret } from '@posthorn/webhooks';
import type { Logger } from 'pino';
import { createApi } from './api/app.ts';
import type { Api } from './api/context.ts';
import { createPayloadCheck } from './api/payload-check.ts';
import { createSchemaDesk } from './api/schemas/desk.ts';
import { devInboxPath, registerDevInbox } from './api/dev-inbox.ts';
import type { Config } from './config.ts';
import { defaultJitterRatio, defaultRetryAfterSecondsMax, type RetryPolicy } from './core/retry-schedule.ts';
import type { Connectors } from './delivery/connectors/connector.ts';
import { createHttpConnector, type HttpConnector } from './delivery/connectors/http.ts';
import { createConnectors } from './delivery/connectors/registry.ts';
import { Templates } from './delivery/connectors/templates.ts';
import { defaultDispatchLimits } from './delivery/dispatch-limits.ts';
import { Engine } from './delivery/engine.ts';
import { createIssueKeeper, type IssueKeeper } from './delivery/issue-keeper.ts';
import { defaultLeaseTimes } from './delivery/lease-keeper.ts';
import { createOutboxPublisher, type OutboxPublisher } from './delivery/outbox-publisher.ts';
import { Transformer } from './delivery/transformations/transformer.ts';
import { systemClock } from './lib/clock.ts';
import { processIdSpace } from './lib/host.ts';
import { createIdSource, type NewId } from './lib/ids.ts';
import { systemRandom } from './lib/random.ts';
import { version } from './lib/version.ts';
import { type Database, openDatabase } from './store/database.ts';
import { type DemoApplication, seedDemo } from './store/demo.ts';
import { createEnvironment } from './store/environments.ts';
import { createListener } from './store/listen.ts';
import { migrate } from './store/migrate.ts';
import { OutageLog } from './store/outage-log.ts';
import { createSecretBox, type SecretBox } from './store/secret-box.ts';
import { checkSecretKey } from './store/secret-key-check.ts';
import { hasFailed, type Settled } from './store/settle-deliveries.ts';
import { ensureToken } from './store/tokens.ts';
import { waitForDatabase } from './store/wait-for-database.ts';
import type { Gateway } from './gateway/gateway.ts';
import type { Reconciler } from './gateway/reconciler.ts';
import { createServerGateway, createServerReconciler, githubApiUrlsOf } from './server-gateway.ts';
import { createTaskRunner, type TaskRunner } from './tasks/runner.ts';

const bodyMaxBytes = 2 * 1024 * 1024;
// Beside this file once it is built, which it is before anything runs it.
const schemaWorkerUrl = new URL('./api/schemas/worker.js', import.meta.url);
const failingMaxMs = 5 * 24 * 60 * 60 * 1000;
const stopTimeoutMs = 25_000;
const closeGraceMs = 3_000;
// For a database that never answered: its address may be wrong.
const databaseWaitMaxMs = 60_000;
const portsTriedMax = 100;
const defaultEnvironmentName = 'default';
const userAgent = `Posthorn/${version}`;

export interface ServerOptions {
  config: Config;
  databaseUrl: string;
  /** 32 bytes. */
  secretKey: Uint8Array;
  log: Logger;
  pid: number;
  isAlive(pid: number): boolean;
  /** Development only: a demo application whose endpoint is this server itself. */
  demo?: boolean;
  /** Called after each settled delivery. */
  onSettled?(settled: Settled): void;
  /** Ends the wait for a database that is not there. */
  signal?: AbortSignal;
  /** The database is known to be right, because another process works on it: it is waited for, however long. */
  isDatabaseKnown?: boolean;
}

export interface RunningServer {
  /** `http://host:port`, without a path. */
  url: string;
  port: number;
  /** The port that was asked for belonged to somebody else. */
  portTaken: boolean;
  demo?: DemoApplication;
  /** The text of the token that `config.token` asked for is valid in the environment `default`. */
  environmentId: string;
  /** The version of PostgreSQL. */
  databaseVersion: string;
  stop(): Promise<void>;
}

interface Parts {
  database: Database;
  outageLog: OutageLog;
  box: SecretBox;
  newId: NewId;
  engine: Engine;
  transformer: Transformer;
  templates: Templates;
  outbox: OutboxPublisher;
  issues: IssueKeeper;
  tasks: TaskRunner;
  reconciler: Reconciler;
  gateway: Gateway;
  api: Api;
  demoSecret: { value: string | undefined };
}

/** Migrates, starts the engine and listens. Rejects with a message for people when it cannot. */
export async function startServer(options: ServerOptions): Promise<RunningServer> {
  const { config, databaseUrl, log, signal } = options;
  const patience = { log, clock: systemClock, signal, waitMaxMs: Number.POSITIVE_INFINITY };
  const waitMaxMs = options.isDatabaseKnown ? Number.POSITIVE_INFINITY : databaseWaitMaxMs;
  const { applied } = await waitForDatabase(() => migrate(databaseUrl, { log, signal }), {
    ...patience,
    waitMaxMs,
  });
  if (applied.length > 0) log.info({ applied }, 'database migrated');
  const parts = await build(options);
  const { database, engine, outbox, issues, tasks, reconciler, api, box } = parts;
  try {
    const { environmentId, databaseVersion } = await waitForDatabase(async () => {
      await checkSecretKey(database.queries, box);
      const started = {
        environmentId: await firstEnvironment(parts, config.token),
        databaseVersion: await serverVersion(database),
      };
      await engine.start();
      outbox.start();
      return started;
    }, patience);
    tasks.start();
    issues.start();
    reconciler.start();
    const { url, port } = await listen(api, config);
    const portTaken = config.port !== 0 && port !== config.port;
    const server = { url, port, portTaken, environmentId, databaseVersion, stop: () => stop(parts) };
    if (!options.demo) return server;
    return {
      ...server,
      demo: await waitForDatabase(() => startDemo(parts, environmentId, port), patience),
    };
  } catch (error) {
    await stop(parts).catch((cause: unknown) => log.warn({ err: cause }, 'could not stop in order'));
    throw error;
  }
}

async function build(options: ServerOptions): Promise<Parts> {
  const { config, databaseUrl, secretKey, log } = options;
  const newId = createIdSource(systemClock.now, randomBytes);
  const { database, outageLog } = openStore(config, databaseUrl, log);
  const box = createSecretBox(secretKey);
  const transformer = new Transformer({ clock: systemClock, log: outageLog });
  const outbox = createOutboxPublisher({
    ...outboxSettings(config, databaseUrl, database),
    box,
    clock: systemClock,
    log: outageLog,
    wake: () => engine.wake(),
  });
  const connector = createHttpConnector({ ...urlRulesOf(config), userAgent, clock: systemClock });
  const templates = new Templates({ clock: systemClock });
  const connectors = connectorsOf(config, connector, templates);
  const issues = createIssueKeeper({ pool: database.pool, clock: systemClock, log: outageLog });
  const parts = { database, outageLog, box, newId, transformer, outbox, issues };
  const engine = await createEngine(options, { ...parts, connector, connectors });
  const base = { db: database, clock: systemClock, log: outageLog };
  const tasks = createTaskRunner({ ...base, wake: engine.wake, replayRequest: (one) => gateway.replay(one) });
  const schemas = createSchemaDesk({ workerUrl: schemaWorkerUrl, clock: systemClock });
  const payloads = createPayloadCheck({ ...base, schemas });
  const doors = { config, database, box, newId, log: outageLog };
  const { judge: judgeEvent } = payloads;
  const gatewayParts = { ...doors, accept: engine.acceptInbound, judgeEvent, onRefused: issues.noteFailure };
  const gateway = createServerGateway(gatewayParts);
  const reconciler = createServerReconciler(gatewayParts);
  const api = createApi({
    gateway,
    publicUrl: config.publicUrl,
    db: database,
    box,
    newId,
    clock: systemClock,
    accept: engine.accept,
    wake: engine.wake,
    wakeTasks: tasks.wake,
    githubApiUrls: githubApiUrlsOf(config),
    wakeReconciler: reconciler.wake,
    transform: transformer.transform,
    kinds: connectors,
    onOperationalUse: outbox.setOperationalInUse,
    log,
    outageLog,
    schemas,
    payloads,
    bodyMaxBytes,
    urlRules: urlRulesOf(config),
    version,
  });
  const demoSecret = { value: undefined };
  if (config.mode === 'dev') registerDevInbox(api, () => demoSecret.value);
  return { ...parts, templates, engine, tasks, reconciler, gateway, api, demoSecret };
}

type EngineParts = Pick<
  Parts,
  'database' | 'outageLog' | 'box' | 'newId' | 'transformer' | 'outbox' | 'issues'
> & {
  connector: HttpConnector;
  connectors: Connectors;
};

async function createEngine(
  { config, pid, isAlive, onSettled }: ServerOptions,
  { database, outageLog, box, newId, transformer, outbox, issues, connector, connectors }: EngineParts,
): Promise<Engine> {
  return new Engine({
    pool: database.pool,
    heartbeatPool: database.heartbeatPool,
    box,
    connector,
    connectors,
    transform: transformer.transform,
    policy: retryPolicyOf(config),
    attemptTimeoutMs: config.attemptTimeoutMs,
    failingMaxMs,
    limits: defaultDispatchLimits,
    leaseTimes: defaultLeaseTimes,
    identity: { host: await processIdSpace(), pid, version },
    isAlive,
    userAgent,
    clock: systemClock,
    newId,
    random: systemRandom,
    log: outageLog,
    isOperationalInUse: outbox.isOperationalInUse,
    onSettled: (settled) => {
      if (hasFailed(settled)) issues.noteFailure();
      onSettled?.(settled);
    },
  });
}

function urlRulesOf({ httpsOnly, allowSubnets }: Config) {
  return { allowHttp: !httpsOnly, allowSubnets };
}

function connectorsOf(config: Config, http: HttpConnector, templates: Templates): Connectors {
  const { allowCommands: commands, allowTables: tables, allowFiles: files } = config;
  return createConnectors({
    http,
    urlRules: urlRulesOf(config),
    permits: { commands, tables, files },
    templates,
    clock: systemClock,
  });
}

function openStore({ databaseConnectionsMax }: Config, url: string, log: Logger) {
  const database = openDatabase({
    url,
    connectionsMax: databaseConnectionsMax,
    applicationName: `posthorn ${version}`,
    onIdleError: (error) => outageLog.warn({ err: error }, 'a connection to PostgreSQL was lost'),
  });
  const outageLog = new OutageLog({ log, clock: systemClock, pool: database.pool });
  return { database, outageLog };
}

function retryPolicyOf({ retrySchedule }: Config): RetryPolicy {
  return {
    delaysSeconds: retrySchedule,
    jitterRatio: defaultJitterRatio,
    retryAfterSecondsMax: defaultRetryAfterSecondsMax,
  };
}

function outboxSettings({ retrySchedule }: Config, databaseUrl: string, { pool }: Database) {
  return {
    pool,
    firstDelayMs: (retrySchedule[0] ?? 0) * 1000,
    listener: createListener({ url: databaseUrl, applicationName: `posthorn ${version} outbox` }),
  };
}

async function firstEnvironment({ database, newId }: Parts, token: string | undefined): Promise<string> {
  const { queries } = database;
  const environment = await createEnvironment(queries, { id: newId('env_'), name: defaultEnvironmentName });
  if (token !== undefined) {
    await ensureToken(queries, {
      id: newId('tok_'),
      environmentId: environment.id,
      name: 'POSTHORN_TOKEN',
      text: token,
    });
  }
  return environment.id;
}

// In development the next free port will do; in production whoever asks for a port means it.
async function listen(api: Api, { host, port, mode }: Config): Promise<{ url: string; port: number }> {
  for (let tried = 0; ; tried += 1) {
    try {
      await api.listen({ host, port: port === 0 ? 0 : port + tried });
      break;
    } catch (error) {
      const taken = (error as NodeJS.ErrnoException).code === 'EADDRINUSE';
      if (!taken || mode !== 'dev' || tried === portsTriedMax) throw error;
    }
  }
  const address = api.server.address();
  const bound = typeof address === 'object' && address !== null ? address.port : port;
  const wildcard = host === '0.0.0.0' || host === '::';
  const shownHost = wildcard ? '127.0.0.1' : host;
  return { url: `http://${shownHost.includes(':') ? `[${shownHost}]` : shownHost}:${bound}`, port: bound };
}

async function startDemo(parts: Parts, environmentId: string, port: number): Promise<DemoApplication> {
  const { database, box, newId } = parts;
  const url = `http://127.0.0.1:${port}${devInboxPath}`;
  const demo = await seedDemo({
    queries: database.queries,
    box,
    newId,
    newSecret: generateHmacSecret,
    environmentId,
    url,
  });
  parts.demoSecret.value = demo.secret;
  return demo;
}

async function serverVersion({ pool }: Database): Promise<string> {
  const { rows } = await pool.query<{ server_version: string }>('show server_version');
  return rows[0]?.server_version ?? 'unknown';
}

// Requests that are being served are served to the end, and one that only trickles in does not keep the server up.
async function stop({
  api,
  gateway,
  engine,
  transformer,
  templates,
  outbox,
  issues,
  tasks,
  reconciler,
  database,
  outageLog,
}: Parts): Promise<void> {
  const impatience = setTimeout(() => api.server.closeAllConnections(), closeGraceMs);
  gateway.stop();
  await api.close();
  clearTimeout(impatience);
  try {
    await Promise.all([
      tasks.stop(),
      issues.stop(),
      reconciler.stop(),
      outbox.stop(),
      engine.stop(stopTimeoutMs),
    ]);
  } finally {
    await Promise.all([transformer.close(), templates.close()]);
    outageLog.stop();
    await database.close();
  }
}
