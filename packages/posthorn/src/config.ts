// Flags, environment and defaults become one frozen Config, or a list of everything that is wrong with them.
import { resolve } from 'node:path';
import { allowedSubnets, makeSecretKeyCommand, redactDatabaseUrl } from './config-parsers.ts';
import type { LogLevel } from './config-parsers.ts';
import { settingKeys, settings } from './config-settings.ts';
import type { Setting, SettingKey, SettingValues } from './config-settings.ts';
import { unknownVariables } from './config-unknown.ts';
import type { Subnet } from './core/address.ts';

/** `tool`: a command that needs only the database and the data directory. */
export type Mode = 'serve' | 'dev' | 'tool';

export interface Config {
  readonly mode: Mode;
  readonly host: string;
  readonly port: number;
  /** Server processes on this port and database; 1: this one alone. */
  readonly processes: number;
  /** Missing: the embedded PostgreSQL. */
  readonly databaseUrl?: string;
  readonly databaseConnectionsMax: number;
  /** An absolute path. */
  readonly dataDir: string;
  /** The origin by which others reach this server, without a slash at its end. */
  readonly publicUrl?: string;
  readonly githubApiUrl: string;
  readonly token?: string;
  /** 32 bytes. Missing with the embedded PostgreSQL only: then it is the data directory's `secret-key`. */
  readonly secretKey?: Uint8Array;
  /** Seconds before each attempt, the first included. */
  readonly retrySchedule: readonly number[];
  readonly attemptTimeoutMs: number;
  readonly allowSubnets: readonly Subnet[];
  /** Executables that endpoints of kind `command` may run. */
  readonly allowCommands: readonly string[];
  /** Tables of the own database that endpoints of kind `postgres` may write. */
  readonly allowTables: readonly string[];
  /** SQLite databases that endpoints of kind `sqlite` may write. */
  readonly allowFiles: readonly string[];
  readonly httpsOnly: boolean;
  /** An absolute path: what it says of sources and endpoints is applied at the start. */
  readonly apply?: string;
  readonly logLevel: LogLevel;
}

export type Environment = Readonly<Record<string, string | undefined>>;
/** The values of given flags by setting; a flag that takes no value is 'true'. */
export type Flags = Readonly<Partial<Record<SettingKey, string>>>;

export interface Surroundings {
  /** The folder that relative paths start from. */
  cwd: string;
  /** Reads a text file; throws as `fs.readFileSync` does. Used for `*_FILE` variables only. */
  readFile(path: string): string;
}

export type Origin =
  | { kind: 'flag'; name: string }
  | { kind: 'environment'; name: string }
  | { kind: 'file'; name: string; path: string }
  | { kind: 'default' };

/** One setting as it came out. `shown`: the value in words, without secrets; undefined when unset or wrong. */
export interface ResolvedSetting {
  key: SettingKey;
  origin: Origin;
  shown?: string;
  problem?: string;
  /** What the mode makes of it, such as networks that `dev` adds. */
  note?: string;
}

interface Findings {
  settings: readonly ResolvedSetting[];
  /** One line each; nothing stops because of them. */
  warnings: readonly string[];
}

export type LoadedConfig = Findings & ({ ok: true; config: Config } | { ok: false; problems: string[] });

type Sources = { flags: Flags; env: Environment; surroundings: Surroundings };
type Given = { text: string; origin: Origin };
type Found = Given | { origin: Origin; problem: string } | undefined;
type UnsetKey = 'apply' | 'databaseUrl' | 'publicUrl' | 'token' | 'secretKey';
/** All settings, those without a default only if given. */
type Complete = Omit<SettingValues, UnsetKey> & Partial<Pick<SettingValues, UnsetKey>>;
type Values = { -readonly [K in SettingKey]?: SettingValues[K] };

const toolKeys: readonly SettingKey[] = ['databaseUrl', 'dataDir'];
/** What `dev` lets deliveries reach besides the public internet: this machine itself. */
export const devSubnets = '127.0.0.0/8,::1/128';
const shownMaxChars = 80;
const reasonMaxChars = 240;
const redacted = '***';

/**
 * Reads every setting: flags win over the environment, the environment over defaults. Pure but for
 * `surroundings.readFile`. Never throws; finds every problem before it gives up, one line each.
 */
export function loadConfig(
  flags: Flags,
  env: Environment,
  mode: Mode,
  surroundings: Surroundings,
): LoadedConfig {
  const values: Values = {};
  const sources = { flags, env, surroundings };
  const noSources = { flags: {}, env: {}, surroundings };
  const found = settingKeys.map((key) =>
    resolveSetting(key, settings[key], isUsed(key, mode) ? sources : noSources, values),
  );
  const warnings = mode === 'tool' ? [] : unknownVariables(env);
  const problems = found.flatMap(({ problem }) => problem ?? []);
  if (mode !== 'tool') problems.push(...combinationProblems(mode, values, found));
  const resolved = found.map((setting) => ({ ...setting, ...noteOn(setting, mode, values) }));
  if (problems.length > 0) return { ok: false, problems, warnings, settings: resolved };
  return { ok: true, config: assemble(mode, values as Complete), warnings, settings: resolved };
}

function isUsed(key: SettingKey, mode: Mode): boolean {
  return mode !== 'tool' || toolKeys.includes(key);
}

function resolveSetting<K extends SettingKey>(
  key: K,
  setting: Setting<SettingValues[K]>,
  sources: Sources,
  values: Values,
): ResolvedSetting {
  const found = findText(key, sources);
  if (found === undefined) return { key, origin: { kind: 'default' } };
  if ('problem' in found) return { key, ...found };
  const parsed = setting.parse(found.text, sources.surroundings.cwd);
  if (!parsed.ok) {
    const where = `${label(key, found)} (${describeOrigin(found.origin)})`;
    return {
      key,
      origin: found.origin,
      problem: `${where}: ${oneLine(parsed.reason, reasonMaxChars)}. fix: ${parsed.fix}`,
    };
  }
  values[key] = parsed.value;
  return { key, origin: found.origin, shown: setting.show?.(parsed.value) ?? showText(key, found.text) };
}

/** Where the text of a setting comes from. An empty variable counts as unset, an empty flag does not. */
function findText(key: SettingKey, { flags, env, surroundings }: Sources): Found {
  const { env: name, flag, secret, defaultText } = settings[key];
  const flagText = flags[key];
  if (flagText !== undefined && flag !== undefined) {
    return { text: flagText, origin: { kind: 'flag', name: flag } };
  }
  const text = env[name]?.trim() ?? '';
  const path = secret === undefined ? '' : (env[`${name}_FILE`] ?? '');
  if (text !== '' && path !== '') {
    const origin: Origin = { kind: 'environment', name };
    return {
      origin,
      problem: `${name} and ${name}_FILE (environment): both are set. fix: unset one of them`,
    };
  }
  if (text !== '') return { text, origin: { kind: 'environment', name } };
  if (path !== '') return readSecretFile(`${name}_FILE`, path, surroundings);
  return defaultText === undefined ? undefined : { text: defaultText, origin: { kind: 'default' } };
}

function readSecretFile(name: string, path: string, surroundings: Surroundings): Found {
  const origin: Origin = { kind: 'file', name, path };
  const fail = (reason: string): Found => ({
    origin,
    problem: `${name}=${oneLine(path)} (environment): ${reason}. fix: name a readable text file with the value in it`,
  });
  try {
    const text = surroundings.readFile(resolve(surroundings.cwd, path)).trim();
    return text === '' ? fail('the file is empty') : { text, origin };
  } catch (error) {
    return fail(`the file cannot be read (${errorCode(error)})`);
  }
}

function errorCode(error: unknown): string {
  return error instanceof Error && 'code' in error ? String(error.code) : 'not a readable path';
}

type Rank = 0 | 1 | 2;

function rankOf(key: SettingKey, resolved: readonly ResolvedSetting[]): Rank {
  const kind = resolved.find((setting) => setting.key === key)?.origin.kind ?? 'default';
  if (kind === 'flag') return 2;
  return kind === 'default' ? 0 : 1;
}

/**
 * Rules that join several settings; what they decide is written into `values`. A value that was given, but wrong,
 * is not reported again as missing.
 */
function combinationProblems(
  mode: 'serve' | 'dev',
  values: Values,
  resolved: readonly ResolvedSetting[],
): string[] {
  const databaseRank = rankOf('databaseUrl', resolved);
  const embeddedRank = values.embedded === true ? rankOf('embedded', resolved) : 0;
  if (databaseRank > 0 && databaseRank === embeddedRank) {
    return ['DATABASE_URL and POSTHORN_EMBEDDED: each names another database. fix: unset one of them'];
  }
  if (embeddedRank > databaseRank) {
    delete values.databaseUrl;
    return [];
  }
  if (databaseRank > 0 && rankOf('secretKey', resolved) === 0) {
    return [
      `POSTHORN_SECRET_KEY is not set, and is required with DATABASE_URL. fix: set it to 32 random bytes and keep them; this command makes them: ${makeSecretKeyCommand}`,
    ];
  }
  if (mode === 'serve' && databaseRank === 0 && values.embedded === false) {
    return [
      'DATABASE_URL is not set, and serve needs a PostgreSQL. fix: set it to postgres://user:password@host:5432/database, or pass --embedded to run one in the data directory',
    ];
  }
  return [];
}

function noteOn({ key, problem }: ResolvedSetting, mode: Mode, values: Values): { note?: string } {
  if (problem !== undefined) return {};
  if (key === 'allowSubnets' && mode === 'dev') return { note: `dev adds ${devSubnets}` };
  const ownsDatabase = values.databaseUrl === undefined && (mode === 'dev' || values.embedded === true);
  if (!ownsDatabase || mode === 'tool') return {};
  if (key === 'databaseUrl') return { note: 'the embedded PostgreSQL in the data directory is used' };
  if (key === 'secretKey' && values.secretKey === undefined) return { note: 'kept in the data directory' };
  return {};
}

function assemble(mode: Mode, values: Complete): Config {
  const { apply, databaseUrl, publicUrl, token, secretKey, embedded: _, ...rest } = values;
  const allowSubnets = [...rest.allowSubnets, ...(mode === 'dev' ? ownMachine() : [])];
  return Object.freeze({
    ...rest,
    mode,
    allowSubnets: Object.freeze(allowSubnets),
    retrySchedule: Object.freeze(rest.retrySchedule),
    ...(apply === undefined ? {} : { apply }),
    ...(databaseUrl === undefined ? {} : { databaseUrl }),
    ...(publicUrl === undefined ? {} : { publicUrl }),
    ...(token === undefined ? {} : { token }),
    ...(secretKey === undefined ? {} : { secretKey }),
  });
}

function ownMachine(): Subnet[] {
  const parsed = allowedSubnets(devSubnets, '');
  return parsed.ok ? parsed.value : [];
}

/** The name as its user wrote it, with the value unless it is secret. */
function label(key: SettingKey, { text, origin }: Given): string {
  const name = origin.kind === 'default' ? settings[key].env : origin.name;
  return `${name}=${showText(key, text)}`;
}

function showText(key: SettingKey, text: string): string {
  const { secret } = settings[key];
  if (secret === 'whole') return redacted;
  return oneLine(secret === 'password' ? redactDatabaseUrl(text) : text);
}

/** `flag`, `environment` or `file <path>`: where a value was found, for people. */
export function describeOrigin(origin: Origin): string {
  return origin.kind === 'file' ? `file ${oneLine(origin.path)}` : origin.kind;
}

/** Shortened, and without anything that could start a line or a terminal sequence of its own. */
function oneLine(text: string, maxChars = shownMaxChars): string {
  const cut = text.length > maxChars ? `${text.slice(0, maxChars)}…` : text;
  return cut.replace(/[\p{C}\p{Zl}\p{Zp}]/gu, (character) => {
    return `\\u{${(character.codePointAt(0) ?? 0).toString(16)}}`;
  });
}
