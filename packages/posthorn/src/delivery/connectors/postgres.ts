// Writes a row into a PostgreSQL table: an insert, or an upsert by key. Into Posthorn's own database it is written by the
// transaction that records the attempt, exactly once.
import { isIP, Socket } from 'node:net';
import { rootCertificates } from 'node:tls';
import type pg from 'pg';
import Type from 'typebox';
import type { Static } from 'typebox';
import type { MessagePath } from '../../core/message-path.ts';
import { passesByItself } from '../../store/availability.ts';
import { describeError } from '../../store/describe-error.ts';
import type { ActionContext } from './action-context.ts';
import { configuration, line, pem, secretLine } from './config-fields.ts';
import {
  accepted,
  type ActionDelivery,
  type ActionResult,
  type Connector,
  type OwnWrite,
  problemOf,
  refused,
  secretNamesOf,
  UnfitError,
  verdict,
} from './connector.ts';
import { vettedAddress } from './guarded-socket.ts';
import { checkJson } from './row-values.ts';
import { readServerUrl, type ServerUrl, type ServerUrlRules } from './server-url.ts';
import { SessionPool } from './session-pool.ts';
import { saidOf, tableOf, upsertMembers, type UpsertPlan, upsertPlan, upsertProblems } from './upsert.ts';

const schema = configuration({
  /** `posthorn`: its own database. Otherwise `url`. */
  database: Type.Optional(Type.Literal('posthorn')),
  /** postgres://user@host:5432/database; TLS with a checked certificate, unless it ends in ?sslmode=disable. */
  url: Type.Optional(line),
  password: Type.Optional(secretLine),
  /** A certificate authority to trust besides the usual ones. */
  sslRootCert: Type.Optional(pem),
  ...upsertMembers,
});
type PostgresConfig = Static<typeof schema>;

const ports = { 'postgres:': 5432, 'postgresql:': 5432 };
const ownSchema = 'public';
const sslModes = ['disable', 'require', 'verify-ca', 'verify-full'];
// The attempt's own deadline is shorter, and ends the connection: this ends the statement in the server.
const statementMaxMs = 60_000;
const membersMax = 50;

export function createPostgres(context: ActionContext): Connector<PostgresConfig> {
  const rules = { ports, allowSubnets: context.allowSubnets };
  const sessions = new SessionPool<PostgresConfig, Session>({
    open: (config, signal) => openSession(context, rules, config, signal),
    close: closeSession,
    isUsable: (session) => !session.isBroken,
  });

  function ownTableProblem(config: PostgresConfig): string | undefined {
    const { schema: name = ownSchema, table: own } = tableOf(config);
    const { tables } = context.permits;
    if (tables.includes(`${name}.${own}`) || tables.includes(`${name}.*`)) return undefined;
    return `is not open to endpoints: the operator can open it with POSTHORN_ALLOW_TABLES=${name}.${own}`;
  }

  return {
    kind: 'postgres',
    forOperators: true,
    takesAuth: false,
    schema,
    secretNames: secretNamesOf(schema),
    takesSecrets: ({ database }) => database === undefined,
    check(config) {
      const { database, url, password, table } = config;
      const server = url === undefined ? undefined : readServerUrl(url, rules);
      const where = typeof server === 'object' ? server.shown : 'posthorn:';
      const both = database !== undefined && (url !== undefined || password !== undefined);
      const neither = database === undefined && url === undefined;
      return Promise.resolve(
        verdict(`${where} ${table}`, [
          problemOf('url', both ? 'cannot stand beside database' : undefined),
          problemOf('url', neither ? 'is required, unless database is posthorn' : undefined),
          problemOf('url', typeof server === 'string' ? server : undefined),
          problemOf('url', typeof server === 'object' ? serverProblem(server) : undefined),
          problemOf('table', database === undefined ? undefined : ownTableProblem(config)),
          ...upsertProblems(config),
        ]),
      );
    },
    ownWrite(delivery, config): OwnWrite | undefined {
      if (config.database === undefined) return undefined;
      const problem = ownTableProblem(config);
      if (problem !== undefined) throw new UnfitError(`the table ${problem}`);
      return { ...statementOf(upsertPlan(config), delivery, ownSchema), said: saidOf };
    },
    async deliver(delivery, config, signal) {
      const statement = statementOf(upsertPlan(config), delivery, undefined);
      try {
        return await sessions.use(config, signal, async ({ client }) => {
          const written = await client.query(statement).catch(refusalOf);
          return 'outcome' in written ? written : accepted(saidOf(written.rowCount ?? 0));
        });
      } catch (error) {
        return refusalOf(error);
      }
    },
    close: () => Promise.resolve(sessions.close()),
  };
}

interface Session {
  client: pg.Client;
  socket: Socket;
  isBroken: boolean;
}

// How long a goodbye may take.
const closeMaxMs = 500;

async function openSession(
  { guard }: ActionContext,
  rules: ServerUrlRules,
  { url = '', password, sslRootCert }: PostgresConfig,
  signal: AbortSignal,
): Promise<Session> {
  const { default: driver } = await import('pg');
  const server = readServerUrl(url, rules);
  if (typeof server === 'string') throw new UnfitError(`the url ${server}`);
  const socket = new Socket();
  const client = new driver.Client({
    host: await vettedAddress(guard, server),
    port: server.port,
    user: server.username,
    // Of a text that is empty, the library would take PGPASSWORD or ~/.pgpass of this server instead.
    password: () => password ?? '',
    database: server.path,
    ssl: sslOf(server, sslRootCert),
    stream: () => socket,
    statement_timeout: statementMaxMs,
    application_name: 'posthorn',
  });
  const session = { client, socket, isBroken: false };
  const broken = () => {
    session.isBroken = true;
  };
  client.on('error', broken).on('end', broken);
  const giveUp = () => socket.destroy();
  signal.throwIfAborted();
  signal.addEventListener('abort', giveUp, { once: true });
  try {
    await client.connect();
    return session;
  } catch (error) {
    socket.destroy();
    throw error;
  } finally {
    signal.removeEventListener('abort', giveUp);
  }
}

function closeSession({ client, socket }: Session): void {
  void client.end().catch(() => {});
  setTimeout(() => socket.destroy(), closeMaxMs).unref();
}

/** The certificate is checked, whatever sslmode says, unless it says `disable`. */
function sslOf({ host, parameters }: ServerUrl, sslRootCert: string | undefined) {
  if (parameters.get('sslmode') === 'disable') return false;
  return {
    rejectUnauthorized: true,
    minVersion: 'TLSv1.2',
    ...(isIP(host) === 0 ? { servername: host } : { host }),
    ...(sslRootCert === undefined ? {} : { ca: [...rootCertificates, sslRootCert] }),
  } as const;
}

function serverProblem({ parameters, username, path }: ServerUrl): string | undefined {
  // Otherwise the library takes them from the environment of this server.
  if (username === '' || path === '') return 'must name a user and a database';
  const names = [...parameters.keys()].filter((name) => name !== 'sslmode');
  if (names.length > 0) return `has parameters that are not known: ${names.join(', ')}`;
  const mode = parameters.get('sslmode') ?? 'verify-full';
  return sslModes.includes(mode) ? undefined : `has an sslmode that is not one of ${sslModes.join(', ')}`;
}

/** What the server said about the statement, or about who sent it; throws again what may go later. */
function refusalOf(error: unknown): ActionResult {
  const code: unknown = error instanceof Error ? Reflect.get(error, 'code') : undefined;
  const isSaid = typeof code === 'string' && /^[0-9A-Z]{5}$/.test(code);
  if (!isSaid || passesByItself(error)) throw error;
  return refused(describeError(error));
}

const quoted = (name: string) => `"${name}"`;

/** Values are taken out of the JSON by PostgreSQL, which converts them to the types of the columns, and loses no digit. */
function statementOf(
  plan: UpsertPlan,
  delivery: ActionDelivery,
  defaultSchema: string | undefined,
): { text: string; values: unknown[] } {
  const values: unknown[] = [payloadOf(plan, delivery)];
  const parameter = (value: unknown) => `$${values.push(value)}`;
  const members = plan.columns.map(
    ({ name, path }) => `${parameter(name)}::text, ${expression(path, delivery, parameter)}`,
  );
  const schemaName = plan.schema ?? defaultSchema;
  const table = [...(schemaName === undefined ? [] : [schemaName]), plan.table].map(quoted).join('.');
  const columns = plan.columns.map(({ name }) => quoted(name));
  const text = `insert into ${table} as t (${columns.join(', ')})
select ${columns.map((column) => `r.${column}`).join(', ')}
from jsonb_populate_record(null::${table}, ${objectOf(members)}) r
where $1::jsonb is not null
${conflictOf(plan)}`;
  return { text, values };
}

/** PostgreSQL takes a hundred arguments of a function, and each member is two. */
function objectOf(members: readonly string[]): string {
  const parts: string[] = [];
  for (let at = 0; at < members.length; at += membersMax) {
    parts.push(`jsonb_build_object(${members.slice(at, at + membersMax).join(', ')})`);
  }
  return parts.join(' || ');
}

function conflictOf({ key, updated, newerBy }: UpsertPlan): string {
  if (key.length === 0) return '';
  const target = `on conflict (${key.map(quoted).join(', ')})`;
  if (updated.length === 0) return `${target} do nothing`;
  const set = updated.map((name) => `${quoted(name)} = excluded.${quoted(name)}`).join(', ');
  const newer =
    newerBy === undefined
      ? ''
      : ` where t.${quoted(newerBy)} is null or excluded.${quoted(newerBy)} > t.${quoted(newerBy)}`;
  return `${target} do update set ${set}${newer}`;
}

function expression(
  { member, steps }: MessagePath,
  { messageId, eventType, atMs }: ActionDelivery,
  parameter: (value: unknown) => string,
): string {
  if (member === 'payload') return `$1::jsonb #> ${parameter(steps)}::text[]`;
  const texts = { id: messageId, eventType, timestamp: new Date(atMs).toISOString() };
  return `to_jsonb(${parameter(texts[member])}::text)`;
}

/** As it came; `{}` when nothing is taken from it. */
function payloadOf({ columns }: UpsertPlan, { payload }: ActionDelivery): string {
  checkJson(columns, payload);
  return columns.some(({ path }) => path.member === 'payload') ? Buffer.from(payload).toString() : '{}';
}
