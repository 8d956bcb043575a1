// `posthorn environment` and `posthorn token`: directly on the database, for whoever has its URL.
import { randomBytes } from 'node:crypto';
import type { Config } from '../config.ts';
import { isScope, scopes } from '../core/access.ts';
import type { Scope } from '../core/access.ts';
import { systemClock } from '../lib/clock.ts';
import { createIdSource } from '../lib/ids.ts';
import { openDatabase } from '../store/database.ts';
import type { Queries } from '../store/database.ts';
import {
  createEnvironment,
  findEnvironmentByName,
  listEnvironments,
  updateRetention,
} from '../store/environments.ts';
import type { EnvironmentRow } from '../store/environments.ts';
import { createToken, listTokens, revokeToken } from '../store/tokens.ts';
import type { TokenRow } from '../store/tokens.ts';
import { CliError, usageError } from './cli-error.ts';
import { findDatabaseUrl, withDatabaseErrors } from './database-access.ts';
import { exitCodes } from './exit-codes.ts';
import type { ExitCode } from './exit-codes.ts';
import { alignColumns, writeNote, writeResult } from './io.ts';
import type { Io } from './io.ts';

const namePattern = /^[A-Za-z0-9._-]{1,64}$/;
const retentionDaysMax = 3650;
const tokensShownMax = 10_000;
const connectionsMax = 1;

async function withQueries<T>(config: Config, work: (queries: Queries) => Promise<T>): Promise<T> {
  const url = await findDatabaseUrl(config);
  const database = openDatabase({ url, connectionsMax, applicationName: 'posthorn cli', onIdleError() {} });
  try {
    return await withDatabaseErrors(() => work(database.queries));
  } finally {
    await database.close();
  }
}

const newId = createIdSource(systemClock.now, randomBytes);

function checkName(flag: string, name: string): void {
  if (namePattern.test(name)) return;
  throw usageError(
    `${flag} '${name}' is not a name`,
    'use 1 to 64 letters, digits, full stops, hyphens and underscores',
  );
}

export async function runEnvironmentCreate(name: string, config: Config, io: Io): Promise<ExitCode> {
  checkName('environment', name);
  const id = newId('env_');
  const row = await withQueries(config, (queries) => createEnvironment(queries, { id, name }));
  if (row.id !== id) {
    throw new CliError(exitCodes.refused, 'conflict', `environment ${name} exists already (${row.id})`, {
      fix: 'use it, or choose another name',
    });
  }
  writeResult(io, row.id, { environment: environmentObject(row) });
  return exitCodes.ok;
}

export async function runEnvironmentList(config: Config, io: Io): Promise<ExitCode> {
  const rows = await withQueries(config, listEnvironments);
  const table = rows.map((row) => [row.id, row.name, row.created_at.toISOString(), retentionText(row)]);
  writeResult(io, alignColumns(table), { environments: rows.map(environmentObject) });
  return exitCodes.ok;
}

/** Days as they were typed; undefined where the option was left out. */
export interface RetentionOptions {
  messageRetentionDays?: string | undefined;
  attemptRetentionDays?: string | undefined;
  auditRetentionDays?: string | undefined;
}

export async function runEnvironmentUpdate(
  name: string,
  options: RetentionOptions,
  config: Config,
  io: Io,
): Promise<ExitCode> {
  const message = readDays('--message-retention-days', options.messageRetentionDays);
  const attempt = readDays('--attempt-retention-days', options.attemptRetentionDays);
  const audit = readDays('--audit-retention-days', options.auditRetentionDays);
  if (message === undefined && attempt === undefined && audit === undefined) {
    const flags = '--message-retention-days, --attempt-retention-days or --audit-retention-days';
    throw usageError('nothing to change', `give ${flags}`);
  }
  const row = await withQueries(config, (queries) =>
    updateRetention(queries, name, { message, attempt, audit }),
  );
  if (row === undefined) throw noEnvironment(name);
  writeResult(io, `${row.name}: ${retentionText(row)}`, { environment: environmentObject(row) });
  return exitCodes.ok;
}

function readDays(flag: string, text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  const days = Number(text);
  if (/^\d{1,4}$/.test(text) && days >= 1 && days <= retentionDaysMax) return days;
  throw usageError(
    `${flag} '${text}' is not a number of days`,
    `use a whole number from 1 to ${retentionDaysMax}`,
  );
}

function retentionText(row: EnvironmentRow): string {
  return `keeps messages ${row.message_retention_days} d, attempts and contents ${row.attempt_retention_days} d, the audit log ${row.audit_retention_days} d`;
}

function environmentObject(row: EnvironmentRow): object {
  return {
    id: row.id,
    name: row.name,
    createdAt: row.created_at.toISOString(),
    messageRetentionDays: row.message_retention_days,
    attemptRetentionDays: row.attempt_retention_days,
    auditRetentionDays: row.audit_retention_days,
  };
}

function noEnvironment(name: string): CliError {
  return new CliError(exitCodes.notFound, 'not_found', `there is no environment ${name}`, {
    fix: 'posthorn environment list shows the names',
  });
}

/** The named environment; without a name, the only one. */
async function findEnvironment(queries: Queries, name: string | undefined): Promise<EnvironmentRow> {
  if (name !== undefined) {
    const found = await findEnvironmentByName(queries, name);
    if (found !== undefined) return found;
    throw noEnvironment(name);
  }
  const all = await listEnvironments(queries);
  const [only] = all;
  if (only === undefined) {
    throw new CliError(exitCodes.notFound, 'not_found', 'there is no environment yet', {
      fix: 'run posthorn environment create NAME',
    });
  }
  if (all.length === 1) return only;
  const names = all.map((row) => row.name).join(', ');
  throw usageError('there are several environments', `name one with --environment: ${names}`);
}

export interface TokenOptions {
  environment?: string | undefined;
  name: string;
  /** As they were typed; undefined when the option was left out. */
  scopes?: unknown;
}

function readScopes(given: unknown): Scope[] | undefined {
  if (!Array.isArray(given)) return undefined;
  const wrong = given.find((scope) => !isScope(scope));
  if (wrong === undefined) return given.filter(isScope);
  throw usageError(`--scope '${String(wrong)}' is not a scope`, `use one of: ${scopes.join(', ')}`);
}

/** Prints the token, which is shown this once. */
export async function runTokenCreate(options: TokenOptions, config: Config, io: Io): Promise<ExitCode> {
  checkName('--name', options.name);
  const given = readScopes(options.scopes);
  const made = await withQueries(config, async (queries) => {
    const environment = await findEnvironment(queries, options.environment);
    const id = newId('tok_');
    const token = await createToken(queries, {
      id,
      environmentId: environment.id,
      name: options.name,
      ...(given === undefined ? {} : { scopes: given }),
    });
    return { environment, token };
  });
  const { environment, token } = made;
  if (!io.json) writeNote(io, `token ${token.id} of environment ${environment.name}; it is not shown again:`);
  writeResult(io, token.text, {
    token: { ...tokenObject(token), environment: environment.name, text: token.text },
  });
  return exitCodes.ok;
}

export async function runTokenList(
  environmentName: string | undefined,
  config: Config,
  io: Io,
): Promise<ExitCode> {
  const rows = await withQueries(config, async (queries) => {
    const { id } = await findEnvironment(queries, environmentName);
    return listTokens(queries, id, { ascending: true, rowsMax: tokensShownMax });
  });
  const table = rows.map((row) => [
    row.id,
    row.name,
    row.scopes.join(','),
    row.created_at.toISOString(),
    tokenState(row),
  ]);
  writeResult(io, alignColumns(table), { tokens: rows.map(tokenObject) });
  return exitCodes.ok;
}

function tokenState(row: TokenRow): string {
  if (row.revoked_at !== null) return `revoked ${row.revoked_at.toISOString()}`;
  return row.expires_at === null ? 'valid' : `expires ${row.expires_at.toISOString()}`;
}

function tokenObject(row: TokenRow): object {
  return {
    id: row.id,
    name: row.name,
    scopes: row.scopes,
    createdAt: row.created_at.toISOString(),
    expiresAt: row.expires_at?.toISOString() ?? null,
    revokedAt: row.revoked_at?.toISOString() ?? null,
  };
}

export interface RevokeOptions {
  id: string;
  environment?: string | undefined;
}

export async function runTokenRevoke(options: RevokeOptions, config: Config, io: Io): Promise<ExitCode> {
  const revoked = await withQueries(config, async (queries) => {
    const { id } = await findEnvironment(queries, options.environment);
    return revokeToken(queries, id, options.id);
  });
  if (!revoked) {
    throw new CliError(exitCodes.notFound, 'not_found', `the environment has no token ${options.id}`, {
      fix: 'posthorn token list shows the ids',
    });
  }
  writeResult(io, `${options.id} revoked`, { token: { id: options.id, revoked: true } });
  return exitCodes.ok;
}
