// Every setting there is: name, flag, default, parser and words. Parsing, `posthorn config`, --help and
// docs/configuration.md are all made from this table.
import type { Subnet } from './core/address.ts';
import * as parse from './config-parsers.ts';
import type { LogLevel, Parser } from './config-parsers.ts';

export interface Setting<T> {
  /** The environment variable. */
  env: string;
  /** Left out for secrets: every user of a machine can read its command lines. */
  flag?: string;
  /** What stands for the value in --help; left out for a flag that takes none. */
  valueName?: string;
  /** Parsed like a given value; left out where the setting stays unset. */
  defaultText?: string;
  /** `whole`: never shown. `password`: shown without its password. Either may come from a file, `<env>_FILE`. */
  secret?: 'whole' | 'password';
  /** One sentence; the unit is in it. */
  doc: string;
  parse: Parser<T>;
  /** How a value is shown where it differs from the text it came from. */
  show?(value: T): string;
}

export interface SettingValues {
  port: number;
  host: string;
  publicUrl: string;
  githubApiUrl: string;
  processes: number;
  databaseUrl: string;
  embedded: boolean;
  databaseConnectionsMax: number;
  dataDir: string;
  token: string;
  secretKey: Uint8Array;
  retrySchedule: number[];
  attemptTimeoutMs: number;
  allowSubnets: Subnet[];
  allowCommands: string[];
  allowTables: string[];
  allowFiles: string[];
  httpsOnly: boolean;
  apply: string;
  logLevel: LogLevel;
}

export type SettingKey = keyof SettingValues;

export const settings: { readonly [K in SettingKey]: Setting<SettingValues[K]> } = {
  port: {
    env: 'PORT',
    flag: '--port',
    valueName: 'number',
    defaultText: '8071',
    doc: 'Port to listen on, 0 to 65535; 0 takes any free port.',
    parse: parse.wholeNumber(0, 65_535),
  },
  host: {
    env: 'HOST',
    flag: '--host',
    valueName: 'address',
    defaultText: '127.0.0.1',
    doc: 'Address to listen on; 0.0.0.0 or :: for all of them.',
    parse: parse.listenHost,
  },
  publicUrl: {
    env: 'POSTHORN_PUBLIC_URL',
    flag: '--public-url',
    valueName: 'url',
    doc: 'The address by which others reach this server, as https://hooks.example.com: in URLs for providers and for the portal; unset, whatever address a request names.',
    parse: parse.origin,
  },
  githubApiUrl: {
    env: 'POSTHORN_GITHUB_API_URL',
    flag: '--github-api-url',
    valueName: 'url',
    defaultText: 'https://api.github.com',
    doc: 'The API of a GitHub Enterprise Server, as https://github.example.com/api/v3, besides GitHub itself: what sources may be reconciled with.',
    parse: parse.origin,
  },
  processes: {
    env: 'POSTHORN_PROCESSES',
    flag: '--processes',
    valueName: 'number',
    defaultText: '1',
    doc: 'Server processes that share the port and the database, 1 to 64; one for each core is plenty.',
    parse: parse.wholeNumber(1, 64),
  },
  databaseUrl: {
    env: 'DATABASE_URL',
    flag: '--database-url',
    valueName: 'url',
    secret: 'password',
    doc: 'PostgreSQL 15 or newer, as postgres://user:password@host:5432/database. Without it, dev runs its own.',
    parse: parse.postgresUrl,
  },
  embedded: {
    env: 'POSTHORN_EMBEDDED',
    flag: '--embedded',
    defaultText: 'false',
    doc: 'Lets serve run its own PostgreSQL in the data directory when no DATABASE_URL is given.',
    parse: parse.flagValue,
  },
  databaseConnectionsMax: {
    env: 'POSTHORN_DATABASE_CONNECTIONS',
    flag: '--database-connections',
    valueName: 'number',
    defaultText: '10',
    doc: 'Connections that each server process opens to PostgreSQL at most, 2 to 1000.',
    parse: parse.wholeNumber(2, 1_000),
  },
  dataDir: {
    env: 'POSTHORN_DATA_DIR',
    flag: '--data-dir',
    valueName: 'folder',
    defaultText: '.posthorn',
    doc: 'Folder of the embedded PostgreSQL, the generated secret key and the state of a running dev.',
    parse: parse.folder,
    show: (value) => value,
  },
  token: {
    env: 'POSTHORN_TOKEN',
    secret: 'whole',
    doc: 'Fixes the first API token (16 to 256 characters), for automation; send uses it too.',
    parse: parse.bearerToken,
  },
  secretKey: {
    env: 'POSTHORN_SECRET_KEY',
    secret: 'whole',
    doc: 'Encrypts stored secrets: 32 bytes in base64 or hex. Required with DATABASE_URL; otherwise generated into the file `secret-key` of the data directory.',
    parse: parse.secretKey,
  },
  retrySchedule: {
    env: 'POSTHORN_RETRY_SCHEDULE',
    flag: '--retry-schedule',
    valueName: 'seconds',
    defaultText: '0,5,300,1800,7200,18000,36000,50400,72000,86400',
    doc: 'Seconds before each attempt, the first included: 1 to 50 comma-separated delays from 0 to 604800.',
    parse: parse.retrySchedule,
  },
  attemptTimeoutMs: {
    env: 'POSTHORN_ATTEMPT_TIMEOUT_SECONDS',
    flag: '--attempt-timeout-seconds',
    valueName: 'seconds',
    defaultText: '20',
    doc: 'Seconds that one attempt may take in all, 1 to 60.',
    parse: parse.secondsAsMs(1, 60),
  },
  allowSubnets: {
    env: 'POSTHORN_ALLOW_SUBNETS',
    flag: '--allow-subnets',
    valueName: 'cidrs',
    defaultText: '',
    doc: 'Private networks that deliveries may reach, as comma-separated CIDR blocks. dev adds 127.0.0.0/8 and ::1/128.',
    parse: parse.allowedSubnets,
  },
  allowCommands: {
    env: 'POSTHORN_ALLOW_COMMANDS',
    flag: '--allow-commands',
    valueName: 'paths',
    defaultText: '',
    doc: 'Executables that endpoints of kind command may run, as comma-separated absolute paths.',
    parse: parse.executables,
  },
  allowTables: {
    env: 'POSTHORN_ALLOW_TABLES',
    flag: '--allow-tables',
    valueName: 'tables',
    defaultText: '',
    doc: "Tables of Posthorn's own database that endpoints of kind postgres may write, as comma-separated schema.table or schema.*.",
    parse: parse.ownTables,
  },
  allowFiles: {
    env: 'POSTHORN_ALLOW_FILES',
    flag: '--allow-files',
    valueName: 'paths',
    defaultText: '',
    doc: 'SQLite databases that endpoints of kind sqlite may write, as comma-separated absolute paths.',
    parse: parse.files,
  },
  httpsOnly: {
    env: 'POSTHORN_HTTPS_ONLY',
    flag: '--https-only',
    defaultText: 'false',
    doc: 'Refuses endpoints with a plain http URL.',
    parse: parse.flagValue,
  },
  apply: {
    env: 'POSTHORN_APPLY',
    flag: '--apply',
    valueName: 'file',
    doc: 'A file such as posthorn.yaml whose sources and endpoints are made or changed at the start, in the environment default.',
    parse: parse.file,
    show: (value) => value,
  },
  logLevel: {
    env: 'POSTHORN_LOG_LEVEL',
    flag: '--log-level',
    valueName: 'level',
    defaultText: 'info',
    doc: `Least important log line that is written: ${parse.logLevels.join(', ')}.`,
    parse: parse.logLevel,
  },
};

export const settingKeys = Object.keys(settings) as SettingKey[];
