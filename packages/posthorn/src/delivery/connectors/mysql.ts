// Writes a row into a table of MySQL or MariaDB: an insert, or an upsert by the table's own unique keys.
import { isIP } from 'node:net';
import { rootCertificates } from 'node:tls';
import type { Connection, RowDataPacket } from 'mysql2/promise';
import Type from 'typebox';
import type { Static } from 'typebox';
import type { ActionContext } from './action-context.ts';
import { configuration, line, pem, secretLine } from './config-fields.ts';
import {
  accepted,
  type Connector,
  problemOf,
  refused,
  secretNamesOf,
  UnfitError,
  verdict,
} from './connector.ts';
import { openSocket } from './guarded-socket.ts';
import { rowOf, type RowValue } from './row-values.ts';
import { readServerUrl, type ServerUrl, tlsProblem } from './server-url.ts';
import { SessionPool } from './session-pool.ts';
import { saidOf, tableOf, upsertMembers, type UpsertPlan, upsertPlan, upsertProblems } from './upsert.ts';

const schema = configuration({
  /** mysql://user@host:3306/database; TLS with a checked certificate, unless it ends in ?tls=none. */
  url: line,
  password: Type.Optional(secretLine),
  sslRootCert: Type.Optional(pem),
  ...upsertMembers,
});
type MysqlConfig = Static<typeof schema>;

interface Session {
  connection: Connection;
  /** Types of the table's columns, by name. */
  types: ReadonlyMap<string, string>;
  isBroken: boolean;
}

const ports = { 'mysql:': 3306, 'mariadb:': 3306 };
/** What the server says about who connects, or about the statement: everything but what the network did. */
const isRefusal = (error: unknown): error is Error & { errno: number; sqlState: string } =>
  error instanceof Error && typeof Reflect.get(error, 'sqlState') === 'string';
// Too many connections, shutting down, a lock that was waited for, a deadlock: later it may go.
const unavailableErrnos = new Set([1040, 1053, 1203, 1205, 1213]);

export function createMysql(context: ActionContext): Connector<MysqlConfig> {
  const rules = { ports, allowSubnets: context.allowSubnets };
  const sessions = new SessionPool<MysqlConfig, Session>({
    open: (config, signal) => {
      const server = readServerUrl(config.url, rules);
      if (typeof server === 'string') throw new UnfitError(`the url ${server}`);
      return openSession(context, server, config, signal);
    },
    close: ({ connection }) => connection.destroy(),
    isUsable: ({ isBroken }) => !isBroken,
  });
  return {
    kind: 'mysql',
    forOperators: true,
    takesAuth: false,
    schema,
    secretNames: secretNamesOf(schema),
    check(config) {
      const server = readServerUrl(config.url, rules);
      return Promise.resolve(
        verdict(typeof server === 'object' ? `${server.shown} ${config.table}` : '', [
          problemOf('url', typeof server === 'string' ? server : tlsProblem(server)),
          ...upsertProblems(config),
        ]),
      );
    },
    async deliver(delivery, config, signal) {
      const plan = upsertPlan(config);
      const row = rowOf(plan, delivery);
      try {
        return await sessions.use(config, signal, async ({ connection, types }) => {
          const values = row.map((value, index) => bound(value, types.get(plan.columns[index]?.name ?? '')));
          const [{ affectedRows }] = await connection.execute<{ affectedRows: number } & RowDataPacket[]>(
            statementOf(plan),
            values,
          );
          // 2 of an upsert that changed its row.
          return accepted(saidOf(Math.min(affectedRows, 1)));
        });
      } catch (error) {
        if (!isRefusal(error) || unavailableErrnos.has(error.errno)) throw error;
        return refused(`${error.message} (${error.errno})`);
      }
    },
    close: () => Promise.resolve(sessions.close()),
  };
}

async function openSession(
  { guard }: ActionContext,
  server: ServerUrl,
  config: MysqlConfig,
  signal: AbortSignal,
): Promise<Session> {
  const { createConnection } = await import('mysql2/promise');
  const stream = await openSocket(guard, server, signal);
  try {
    const connection = await createConnection({
      stream,
      user: server.username,
      password: config.password ?? '',
      database: server.path,
      timezone: 'Z',
      charset: 'utf8mb4',
      ...sslOf(server, config.sslRootCert),
    });
    const session: Session = { connection, types: new Map(), isBroken: false };
    const broken = () => {
      session.isBroken = true;
    };
    connection.on('error', broken);
    stream.once('close', broken);
    await connection.query("set time_zone = '+00:00'");
    session.types = await columnTypes(connection, config);
    return session;
  } catch (error) {
    stream.destroy();
    throw error;
  }
}

function sslOf({ host, parameters }: ServerUrl, sslRootCert: string | undefined) {
  if (parameters.get('tls') === 'none') return {};
  return {
    ssl: {
      minVersion: 'TLSv1.2',
      rejectUnauthorized: true,
      verifyIdentity: true,
      ...(isIP(host) === 0 ? { servername: host } : { host }),
      ...(sslRootCert === undefined ? {} : { ca: [...rootCertificates, sslRootCert] }),
    },
  };
}

async function columnTypes(connection: Connection, config: MysqlConfig): Promise<Map<string, string>> {
  const { schema: database, table } = tableOf(config);
  const [rows] = await connection.execute<RowDataPacket[]>(
    `select column_name as name, data_type as type from information_schema.columns
     where table_schema = coalesce(?, database()) and table_name = ?`,
    [database ?? null, table],
  );
  return new Map(rows.map(({ name, type }) => [String(name), String(type)]));
}

const timeTypes = new Set(['datetime', 'timestamp']);

/** MySQL reads no ISO 8601 with its T and Z; into a column for text it goes as it came. */
function bound(value: RowValue, type: string | undefined): string | null {
  if (value.text === null) return null;
  if (value.kind === 'boolean') return value.text === 'true' ? '1' : '0';
  const isTime = type !== undefined && timeTypes.has(type) && /^\d{4}-\d\d-\d\d[T ]/.test(value.text);
  const atMs = isTime ? Date.parse(value.text) : Number.NaN;
  return Number.isNaN(atMs) ? value.text : new Date(atMs).toISOString().replace('T', ' ').replace('Z', '');
}

const quoted = (name: string) => `\`${name}\``;

function statementOf({ schema: database, table, columns, key, updated, newerBy }: UpsertPlan): string {
  const target = [...(database === undefined ? [] : [database]), table].map(quoted).join('.');
  const names = columns.map(({ name }) => quoted(name)).join(', ');
  const insert = `insert into ${target} (${names}) values (${columns.map(() => '?').join(', ')})`;
  if (key.length === 0) return insert;
  const [first = ''] = key.map(quoted);
  if (updated.length === 0) return `${insert} on duplicate key update ${first} = ${first}`;
  // Assignments see those before them: the column that decides comes last.
  const last = updated.filter((name) => name === newerBy);
  const ordered = [...updated.filter((name) => name !== newerBy), ...last].map(quoted);
  const isNewer = newerBy && `${quoted(newerBy)} is null or values(${quoted(newerBy)}) > ${quoted(newerBy)}`;
  const set = ordered.map((name) =>
    isNewer ? `${name} = if(${isNewer}, values(${name}), ${name})` : `${name} = values(${name})`,
  );
  return `${insert} on duplicate key update ${set.join(', ')}`;
}
