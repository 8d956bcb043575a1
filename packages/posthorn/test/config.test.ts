// Configuration: precedence, every wrong value with its line, secrets that never show, and the document from the schema.
import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { configurationDocument } from '../src/config-document.ts';
import { redactDatabaseUrl } from '../src/config-parsers.ts';
import { settingKeys, settings } from '../src/config-settings.ts';
import { knownVariables } from '../src/config-unknown.ts';
import { loadConfig } from '../src/config.ts';
import type { Config, Environment, Flags, LoadedConfig, Mode } from '../src/config.ts';

const files: Record<string, string> = {
  '/run/token': 'token-from-a-file-1\n',
  '/work/relative': 'token-from-relative\n',
  '/run/empty': ' \n',
};
const surroundings = {
  cwd: '/work',
  readFile(path: string): string {
    const text = files[path];
    if (text === undefined) throw Object.assign(new Error(`no such file ${path}`), { code: 'ENOENT' });
    return text;
  },
};
const base64Key = Buffer.alloc(32, 7).toString('base64');
const external = { DATABASE_URL: 'postgres://u:p@db/posthorn', POSTHORN_SECRET_KEY: base64Key };

function load(env: Environment, flags: Flags = {}, mode: Mode = 'dev'): LoadedConfig {
  return loadConfig(flags, env, mode, surroundings);
}

function configOf(env: Environment, flags: Flags = {}, mode: Mode = 'dev'): Config {
  const loaded = load(env, flags, mode);
  if (!loaded.ok) throw new Error(loaded.problems.join('\n'));
  return loaded.config;
}

function problemsOf(env: Environment, flags: Flags = {}, mode: Mode = 'dev'): string[] {
  const loaded = load(env, flags, mode);
  return loaded.ok ? [] : loaded.problems;
}

function setting(loaded: LoadedConfig, key: string) {
  return loaded.settings.find((resolved) => resolved.key === key);
}

describe('values', () => {
  test('without anything, dev gets the documented defaults', () => {
    const { allowSubnets, ...config } = configOf({});
    expect(config).toEqual({
      mode: 'dev',
      host: '127.0.0.1',
      port: 8071,
      dataDir: '/work/.posthorn',
      processes: 1,
      databaseConnectionsMax: 10,
      retrySchedule: [0, 5, 300, 1800, 7200, 18000, 36000, 50400, 72000, 86400],
      attemptTimeoutMs: 20_000,
      httpsOnly: false,
      allowCommands: [],
      allowTables: [],
      allowFiles: [],
      githubApiUrl: 'https://api.github.com',
      logLevel: 'info',
    });
    expect(allowSubnets.map(({ text }) => text)).toEqual(['127.0.0.0/8', '::1/128']);
  });

  test('serve opens no network by itself, and dev adds its own to the given ones', () => {
    const env = { ...external, POSTHORN_ALLOW_SUBNETS: '10.1.0.0/16, fd00:1::/32' };
    const texts = (mode: Mode) => configOf(env, {}, mode).allowSubnets.map(({ text }) => text);
    expect(configOf(external, {}, 'serve').allowSubnets).toEqual([]);
    expect(texts('serve')).toEqual(['10.1.0.0/16', 'fd00:1::/32']);
    expect(texts('dev')).toEqual(['10.1.0.0/16', 'fd00:1::/32', '127.0.0.0/8', '::1/128']);
  });

  test.each<[Environment, Partial<Config>]>([
    [{ PORT: '0' }, { port: 0 }],
    [{ PORT: ' 65535 ' }, { port: 65_535 }],
    [{ HOST: '::' }, { host: '::' }],
    [{ HOST: 'posthorn.internal' }, { host: 'posthorn.internal' }],
    [{ POSTHORN_RETRY_SCHEDULE: '0, 0.25 ,604800' }, { retrySchedule: [0, 0.25, 604_800] }],
    [{ POSTHORN_ATTEMPT_TIMEOUT_SECONDS: '2.5' }, { attemptTimeoutMs: 2_500 }],
    [{ POSTHORN_HTTPS_ONLY: 'Yes' }, { httpsOnly: true }],
    [{ POSTHORN_LOG_LEVEL: 'DEBUG' }, { logLevel: 'debug' }],
    [{ POSTHORN_DATA_DIR: '../data' }, { dataDir: '/data' }],
    [{ POSTHORN_TOKEN: 'a-token-of-16-ch' }, { token: 'a-token-of-16-ch' }],
    [{ POSTHORN_SECRET_KEY: '07'.repeat(32) }, { secretKey: new Uint8Array(32).fill(7) }],
    [{ POSTHORN_SECRET_KEY: base64Key }, { secretKey: new Uint8Array(32).fill(7) }],
    [external, { databaseUrl: external.DATABASE_URL }],
    [{ ...external, DATABASE_URL: 'postgres:///db?host=/tmp' }, { databaseUrl: 'postgres:///db?host=/tmp' }],
  ])('%j is understood', (env, expected) => {
    expect(configOf(env)).toMatchObject(expected);
  });

  test('the configuration is frozen, its lists too', () => {
    const config = configOf({});
    for (const part of [config, config.retrySchedule, config.allowSubnets]) {
      expect(Object.isFrozen(part)).toBe(true);
    }
  });
});

describe('precedence', () => {
  test('a flag wins over the environment, the environment over the default', () => {
    const loaded = load({ PORT: '9000', HOST: '0.0.0.0' }, { port: '9001' });
    expect(loaded.ok && loaded.config).toMatchObject({ port: 9001, host: '0.0.0.0', logLevel: 'info' });
    expect(setting(loaded, 'port')?.origin).toEqual({ kind: 'flag', name: '--port' });
    expect(setting(loaded, 'host')?.origin).toEqual({ kind: 'environment', name: 'HOST' });
    expect(setting(loaded, 'logLevel')?.origin).toEqual({ kind: 'default' });
  });

  test('an empty variable is unset, an empty flag is a wrong value', () => {
    expect(configOf({ PORT: '', POSTHORN_TOKEN: ' ' }).port).toBe(8071);
    expect(problemsOf({}, { port: '' })).toEqual([expect.stringMatching(/^--port= \(flag\): not a whole/)]);
  });

  test('a wrong variable does not matter when the flag is right', () => {
    expect(configOf({ PORT: 'x' }, { port: '9001' }).port).toBe(9001);
  });

  test('a secret can come from a file, by absolute or relative path', () => {
    const loaded = load({ POSTHORN_TOKEN_FILE: '/run/token' });
    expect(loaded.ok && loaded.config.token).toBe('token-from-a-file-1');
    expect(setting(loaded, 'token')?.origin).toEqual({
      kind: 'file',
      name: 'POSTHORN_TOKEN_FILE',
      path: '/run/token',
    });
    expect(configOf({ POSTHORN_TOKEN_FILE: 'relative' }).token).toBe('token-from-relative');
  });

  test('a secret has no flag', () => {
    const secrets = settingKeys.filter((key) => settings[key].secret === 'whole');
    expect(secrets).toEqual(['token', 'secretKey']);
    for (const key of secrets) expect(settings[key].flag).toBeUndefined();
    expect(configOf({}, { token: 'a-token-of-16-chars' }).token).toBeUndefined();
  });
});

describe('which database', () => {
  test('serve refuses to start without one, unless it may embed it', () => {
    for (const env of [{}, { POSTHORN_EMBEDDED: 'false' }]) {
      expect(problemsOf(env, {}, 'serve')).toEqual([
        expect.stringMatching(/^DATABASE_URL is not set.*--embedded/),
      ]);
    }
    expect(configOf({}, { embedded: 'true' }, 'serve').databaseUrl).toBeUndefined();
  });

  test('with a database of your own the secret key is required, and the line has a command that makes one', () => {
    const [problem, ...more] = problemsOf({ DATABASE_URL: external.DATABASE_URL }, {}, 'serve');
    expect(more).toEqual([]);
    expect(problem).toMatch(/^POSTHORN_SECRET_KEY is not set.*node -p/);
  });

  test('--embedded wins over DATABASE_URL, and both in the same place are refused', () => {
    expect(configOf(external, { embedded: 'true' }).databaseUrl).toBeUndefined();
    const both = { ...external, POSTHORN_EMBEDDED: 'true' };
    expect(problemsOf(both)).toEqual([expect.stringContaining('each names another database')]);
    expect(configOf(both, { databaseUrl: external.DATABASE_URL }).databaseUrl).toBe(external.DATABASE_URL);
  });

  test('a command on the database is not stopped by settings that it does not use', () => {
    const config = configOf({ PORT: 'x', POSTHORN_SECRET_KEY: 'x', POSTHORN_NONSENSE: '1' }, {}, 'tool');
    expect(config.databaseUrl).toBeUndefined();
    expect(problemsOf({ DATABASE_URL: 'x' }, {}, 'tool')).toHaveLength(1);
  });
});

describe('wrong values', () => {
  const tooMany = Array.from({ length: 51 }, () => '1').join(',');
  const cases: readonly [variable: string, value: string, reason: string][] = [
    ['PORT', '80x0', 'not a whole number'],
    ['PORT', '-1', 'not a whole number'],
    ['PORT', '1e3', 'not a whole number'],
    ['PORT', '65536', 'out of range'],
    ['HOST', 'http://localhost', 'neither an IP address nor a host name'],
    ['HOST', '127.0.0.1:80', 'neither an IP address nor a host name'],
    ['HOST', '127.0.0.256', 'neither an IP address nor a host name'],
    ['POSTHORN_PUBLIC_URL', 'hooks.example.com', 'not an http(s) URL'],
    ['POSTHORN_PUBLIC_URL', 'ftp://hooks.example.com', 'not an http(s) URL'],
    ['POSTHORN_PUBLIC_URL', 'https://u:p@hooks.example.com', 'holds a user or a password'],
    ['POSTHORN_PUBLIC_URL', 'https://hooks.example.com/?a=1', 'holds a query or a fragment'],
    ['POSTHORN_APPLY', 'a\0b', 'a path cannot hold a NUL'],
    ['DATABASE_URL', 'localhost', 'not a URL'],
    ['DATABASE_URL', 'mysql://u:p@h/db', 'not a PostgreSQL URL'],
    ['DATABASE_URL', 'postgres://u:%zz@h/db', 'holds a % that encodes nothing'],
    ['DATABASE_URL', 'postgres://u:p@h:port/db', 'not a URL'],
    ['POSTHORN_PROCESSES', '0', 'out of range'],
    ['POSTHORN_PROCESSES', '65', 'out of range'],
    ['POSTHORN_PROCESSES', 'two', 'not a whole number'],
    ['POSTHORN_EMBEDDED', 'maybe', 'neither true nor false'],
    ['POSTHORN_DATABASE_CONNECTIONS', '1', 'out of range'],
    ['POSTHORN_DATABASE_CONNECTIONS', 'ten', 'not a whole number'],
    ['POSTHORN_DATA_DIR', 'a\0b', 'a path cannot hold a NUL'],
    ['POSTHORN_TOKEN', 'short', 'shorter than 16 characters'],
    ['POSTHORN_TOKEN', 'with a space in the middle', 'holds characters that no bearer token has'],
    ['POSTHORN_TOKEN', 'x'.repeat(257), 'longer than 256 characters'],
    ['POSTHORN_SECRET_KEY', 'not base64!', 'neither base64 nor hex'],
    ['POSTHORN_SECRET_KEY', Buffer.alloc(31).toString('base64'), '31 bytes long'],
    ['POSTHORN_SECRET_KEY', '07'.repeat(16), '24 bytes long'],
    ['POSTHORN_RETRY_SCHEDULE', '0,,5', 'delay 2 is not a number of seconds'],
    ['POSTHORN_RETRY_SCHEDULE', '0,-5', 'delay 2 is not a number of seconds'],
    ['POSTHORN_RETRY_SCHEDULE', '5s', 'delay 1 is not a number of seconds'],
    ['POSTHORN_RETRY_SCHEDULE', '604801', 'delay 1 is longer than a week'],
    ['POSTHORN_RETRY_SCHEDULE', tooMany, '51 delays are too many'],
    ['POSTHORN_ATTEMPT_TIMEOUT_SECONDS', '0', 'out of range'],
    ['POSTHORN_ATTEMPT_TIMEOUT_SECONDS', '61', 'out of range'],
    ['POSTHORN_ATTEMPT_TIMEOUT_SECONDS', '20s', 'not a number of seconds'],
    ['POSTHORN_ALLOW_SUBNETS', '10.0.0.1/8', '10.0.0.1/8'],
    ['POSTHORN_ALLOW_SUBNETS', '10.0.0.0/8,everything', 'everything'],
    ['POSTHORN_HTTPS_ONLY', '2', 'neither true nor false'],
    ['POSTHORN_GITHUB_API_URL', 'github.example.com', ''],
    ['POSTHORN_ALLOW_COMMANDS', 'ls', 'number 1 cannot be used'],
    ['POSTHORN_ALLOW_COMMANDS', '/bin/ls,/usr/bin/../sbin/x', 'number 2 cannot be used'],
    ['POSTHORN_ALLOW_FILES', 'shop.db', 'number 1 cannot be used'],
    ['POSTHORN_ALLOW_TABLES', 'orders', 'number 1 cannot be used'],
    ['POSTHORN_ALLOW_TABLES', 'public.orders,posthorn.*', 'number 2 cannot be used'],
    ['POSTHORN_LOG_LEVEL', 'loud', 'unknown level'],
    ['POSTHORN_TOKEN_FILE', '/run/missing', 'the file cannot be read (ENOENT)'],
    ['POSTHORN_TOKEN_FILE', '/run/empty', 'the file is empty'],
  ];

  test.each(cases)('%s=%s gets one line with the name, the reason and the fix', (variable, value, reason) => {
    const others = variable.startsWith('DATABASE') ? { POSTHORN_SECRET_KEY: base64Key } : {};
    const problems = problemsOf({ ...others, [variable]: value });
    expect(problems).toHaveLength(1);
    expect(problems[0]).toContain(`${variable}=`);
    expect(problems[0]).toContain(`(environment): ${reason}`);
    expect(problems[0]).toMatch(/\. fix: \w/);
    expect(problems[0]).not.toMatch(/[\r\n]/);
  });

  test('every setting that can be wrong is in the table above', () => {
    const covered = new Set(cases.map(([variable]) => variable));
    expect(settingKeys.map((key) => settings[key].env).filter((env) => !covered.has(env))).toEqual([]);
  });

  test('all of them are told at once', () => {
    const env = { PORT: 'x', HOST: '?', DATABASE_URL: 'x', POSTHORN_TOKEN: 'x', POSTHORN_LOG_LEVEL: 'x' };
    expect(problemsOf(env, { retrySchedule: 'x' }, 'serve').map((line) => line.split('=')[0])).toEqual([
      'PORT',
      'HOST',
      'DATABASE_URL',
      'POSTHORN_TOKEN',
      '--retry-schedule',
      'POSTHORN_LOG_LEVEL',
      // Not a wrong value but a missing one.
      expect.stringMatching(/^POSTHORN_SECRET_KEY is not set/),
    ]);
  });

  test('a variable and its file both set are refused', () => {
    const env = { POSTHORN_TOKEN: 'a-token-of-16-chars', POSTHORN_TOKEN_FILE: '/run/token' };
    expect(problemsOf(env)).toEqual([
      expect.stringMatching(/^POSTHORN_TOKEN and POSTHORN_TOKEN_FILE .*both/),
    ]);
  });

  test('a value cannot start a line or a terminal sequence of its own', () => {
    const [problem] = problemsOf({ PORT: '1\n\u001b[31merror\u2028' });
    expect(problem).toContain(String.raw`PORT=1\u{a}\u{1b}[31merror`);
    expect(problem).not.toMatch(/[\p{Cc}\u2028]/u);
  });
});

describe('secrets', () => {
  const canary = 'CANARYcanary';

  test('no secret shows, right or wrong', () => {
    const values = [`${canary}-token-of-16`, `${canary} wrong`, `postgres://u:${canary}@h/db`, `h:${canary}`];
    for (const key of settingKeys.filter((name) => settings[name].secret !== undefined)) {
      for (const value of values) {
        const loaded = load({ [settings[key].env]: value }, { databaseUrl: value });
        const { settings: shown, warnings } = loaded;
        const problems = loaded.ok ? [] : loaded.problems;
        expect(JSON.stringify({ shown, warnings, problems })).not.toContain(canary);
      }
    }
  });

  test.each([
    ['postgres://u:secret@h:5432/db', 'postgres://u:***@h:5432/db'],
    ['postgres://u@h/db?sslmode=require', 'postgres://u@h/db?sslmode=require'],
    ['postgres://h/db?user=u&password=secret', 'postgres://h/db?user=u&password=***'],
    ['postgres://u:se/cret@h/db', '***'],
    ['postgres://u:1/secret@h/db', '***'],
    ['postgres://u:1?secret@h/db', '***'],
    ['postgres://u:1#secret@h/db', '***'],
    ['postgres:u:secret@h', '***'],
    ['mysql://u:secret@h/db', '***'],
    ['secret:word', '***'],
    ['host=h password=secret', '***'],
  ])('%s is shown as %s', (url, shown) => {
    expect(redactDatabaseUrl(url)).toBe(shown);
  });

  test('a misspelt variable gets a warning with the name that was meant, and without its value', () => {
    const { ok, warnings } = load({ POSTHORN_TOKNE: canary, POSTHORN_SOMETHING_ELSE: canary, OTHER: '1' });
    expect(ok).toBe(true);
    expect(warnings).toEqual([
      expect.stringMatching(/^POSTHORN_SOMETHING_ELSE is no setting/),
      'POSTHORN_TOKNE is no setting and has no effect. did you mean POSTHORN_TOKEN?',
    ]);
    expect(warnings.join()).not.toContain(canary);
  });

  test('no known variable is warned about', () => {
    expect(load(Object.fromEntries(knownVariables.map((name) => [name, ''])), {}).warnings).toEqual([]);
  });
});

test('no text whatever makes the parser throw or a problem span lines', () => {
  const anyText = fc.oneof(
    fc.string({ unit: 'binary' }),
    fc.string(),
    fc.webUrl(),
    fc.ipV6(),
    fc.array(fc.oneof(fc.float().map(String), fc.ipV4())).map((parts) => parts.join(',')),
  );
  const keys = fc.constantFrom(...settingKeys);
  const modes = fc.constantFrom<Mode>('serve', 'dev', 'tool');
  fc.assert(
    fc.property(fc.dictionary(keys, anyText), fc.dictionary(keys, anyText), modes, (flags, values, mode) => {
      const env = Object.fromEntries(
        Object.entries(values).map(([key, text]) => [settings[key as keyof typeof settings].env, text]),
      );
      const loaded = load(env, flags, mode);
      const lines = [...loaded.warnings, ...(loaded.ok ? [] : loaded.problems)];
      for (const line of lines) expect(line).not.toMatch(/[\p{Cc}\u2028\u2029]/u);
      expect(loaded.ok).toBe(lines.length === loaded.warnings.length);
    }),
    { numRuns: 500 },
  );
});

test('docs/configuration.md is what the schema says (posthorn config --markdown writes it)', () => {
  const document = readFileSync(new URL('../../../docs/configuration.md', import.meta.url), 'utf8');
  expect(document).toBe(configurationDocument());
});
