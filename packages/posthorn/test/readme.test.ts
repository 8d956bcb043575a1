// What the README and the documents show is run here, or compared with what is there.
import { execFile, spawn, spawnSync } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { promisify } from 'node:util';
import { generateHmacSecret, sign } from '@posthorn/webhooks';
import pg from 'pg';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { settings } from '../src/config-settings.ts';
import { request, startTestApi } from './support/api.ts';
import type { TestApi } from './support/api.ts';
import { createTestDatabase } from './support/database.ts';
import type { TestDatabase } from './support/database.ts';
import { insertAttempt } from './support/delivery-rows.ts';
import { endAllPosthorn, startPosthorn, testToken } from './support/posthorn-process.ts';
import { startRecorder } from './support/recorder.ts';
import { freePort } from './support/services.ts';
import { waitFor } from './support/wait.ts';

const run = promisify(execFile);
const root = fileURLToPath(new URL('../../../', import.meta.url));
const program = join(root, 'packages/posthorn/dist/main.js');
const newKey = () => randomBytes(32).toString('base64');
const decisionLinesMax = 25;
const architectureWordsMax = 1_200;
const commandVariables = ['MESSAGE_ID', 'EVENT_TYPE', 'ENDPOINT_ID', 'IDEMPOTENCY_KEY'].map(
  (name) => `POSTHORN_${name}`,
);
// Each starts the program many times.
const slowMs = 180_000;

function textOf(path: string): string {
  return readFileSync(join(root, path), 'utf8');
}

function documentsIn(folder: string): string[] {
  return readdirSync(join(root, folder))
    .filter((name) => name.endsWith('.md'))
    .map((name) => join(folder, name));
}

const decisions = documentsIn('docs/decisions');
const documents = [
  'README.md',
  'ARCHITECTURE.md',
  'CHANGELOG.md',
  'packages/posthorn/README.md',
  ...['signup', 'ecommerce', 'finance', 'social', 'iot'].map((name) => `examples/${name}/README.md`),
  ...documentsIn('docs'),
  ...decisions,
];

/** The fenced blocks of one language, in order. */
function blocksOf(path: string, language: string): string[] {
  const fence = new RegExp(`^\`\`\`${language}\\n(.*?)^\`\`\``, 'gms');
  return Array.from(textOf(path).matchAll(fence), ([, block = '']) => block);
}

/** The first cells of the table whose header row begins with `title`. */
function firstCells(path: string, title: string): string[] {
  const [, table = ''] = textOf(path).split(`| ${title} |`);
  const [rows = ''] = table.split('\n\n');
  return rows
    .split('\n')
    .slice(2)
    .map((row) => (row.split('|')[1] ?? '').trim());
}

describe('the documents', () => {
  test('link to files and headings that exist', () => {
    const broken: string[] = [];
    for (const path of documents) {
      for (const [, target = ''] of textOf(path).matchAll(/\]\(([^)\s]+)\)/g)) {
        if (/^https?:/.test(target)) continue;
        const [file = '', anchor] = target.split('#');
        const linked = file === '' ? path : join(dirname(path), file);
        const isThere =
          existsSync(join(root, linked)) && (anchor === undefined || headingsOf(linked).includes(anchor));
        if (!isThere) broken.push(`${path}: ${target}`);
      }
    }
    expect(broken).toEqual([]);
  });

  test('name sources that exist', () => {
    const places = ['', 'packages/posthorn/', 'packages/posthorn/src/', 'packages/posthorn/src/delivery/'];
    places.push('packages/posthorn/test/');
    for (const path of ['ARCHITECTURE.md', ...decisions]) {
      for (const [, name = ''] of textOf(path).matchAll(/`([\w./-]+\.(?:ts|mjs|sql|json))`/g)) {
        const found = places.some((place) => existsSync(join(root, place, name)));
        expect(found, `${path}: ${name}`).toBe(true);
      }
    }
  });

  test('are as short as they are meant to be', () => {
    for (const path of decisions) {
      expect(textOf(path).trimEnd().split('\n').length, path).toBeLessThanOrEqual(decisionLinesMax);
    }
    expect(textOf('ARCHITECTURE.md').split(/\s+/).length).toBeLessThanOrEqual(architectureWordsMax);
  });

  test('name settings that exist', () => {
    const known = new Set(Object.values(settings).flatMap(({ env }) => [env, `${env}_FILE`]));
    // Read by `posthorn send` and by the example.
    known.add('POSTHORN_SERVER_URL');
    // Given to the commands of endpoints.
    for (const name of commandVariables) known.add(name);
    for (const path of documents) {
      for (const [name] of textOf(path).matchAll(/\b(?:POSTHORN_[A-Z_]+|DATABASE_URL)\b(?!_)/g)) {
        // "A `POSTHORN_` variable" is no name.
        if (name !== 'POSTHORN_') expect(known, `${path}: ${name}`).toContain(name);
      }
    }
  });
});

function headingsOf(path: string): string[] {
  if (!path.endsWith('.md')) return [];
  return Array.from(textOf(path).matchAll(/^#+ (.*)$/gm), ([, heading = '']) =>
    heading
      .toLowerCase()
      .replaceAll(/[^\w\- ]/g, '')
      .replaceAll(' ', '-'),
  );
}

describe('the commands', () => {
  /** Each line of the shell blocks, without the variables set before it and what is piped into it. */
  const commands = documents.flatMap((path) =>
    blocksOf(path, 'sh')
      .flatMap((block) => block.trim().split('\n'))
      .filter((line) => !line.startsWith('export '))
      .map((line) => ({ path, line: line.replace(/^.*\| /, '').replace(/^([A-Z_]+=\S+ )+/, '') })),
  );
  const helps = new Map<string, Promise<string>>();
  const helpOf = (words: string) => {
    const known = helps.get(words);
    if (known) return known;
    const help = run(process.execPath, [program, ...words.split(' '), '--help']).then(({ stdout }) => stdout);
    helps.set(words, help);
    return help;
  };

  test('of npm are scripts of that package', () => {
    const ofNpm = commands.filter(({ line }) => line.startsWith('npm '));
    expect(ofNpm.length).toBeGreaterThan(4);
    for (const { path, line } of ofNpm) {
      const [, verb = '', script = ''] = line.split(' ');
      const folder = / -w (\S+)/.exec(line)?.[1] ?? '.';
      const { scripts } = JSON.parse(textOf(join(folder, 'package.json'))) as {
        scripts: Record<string, string>;
      };
      expect(Object.keys(scripts), `${path}: ${line}`).toContain(verb === 'run' ? script : verb);
    }
  });

  test(
    'of posthorn exist, with all their flags',
    async () => {
      const ofPosthorn = commands
        .map(({ path, line }) => ({ path, line: line.replace(/^npm run posthorn --/, 'posthorn') }))
        .filter(({ line }) => line.startsWith('posthorn '));
      expect(ofPosthorn.length).toBeGreaterThan(10);
      for (const { path, line } of ofPosthorn) {
        const words = /^posthorn ((?:token|environment|source|issues) [a-z-]+|[\w-]+)/.exec(line)?.[1] ?? '';
        const help = await helpOf(words);
        expect(help, `${path}: ${line}`).toContain(`posthorn ${words}`);
        for (const [flag] of line.matchAll(/--[a-z-]+/g)) expect(help, `${path}: ${line}`).toContain(flag);
      }
    },
    slowMs,
  );

  test('are all of a kind that is looked at here', () => {
    const others = commands.filter(({ line }) => !/^(npm|posthorn) /.test(line)).map(({ line }) => line);
    expect(others).toEqual([`node -p "crypto.randomBytes(32).toString('base64')"`]);
  });
});

describe('what is said of the code', () => {
  test('every promise is shown by tests that exist', () => {
    const [, table = ''] = textOf('README.md').split('| promise | shown by |');
    const rows = (table.split('\n\n')[0] ?? '').split('\n').slice(2);
    expect(rows.length).toBeGreaterThan(5);
    for (const row of rows) {
      const shown = Array.from(
        row.matchAll(/\]\((packages\/posthorn\/test\/[\w-]+\.test\.ts)\): (“[^[|]+)/g),
      );
      expect(shown.length, row).toBeGreaterThan(0);
      for (const [, file = '', names = ''] of shown) {
        const source = textOf(file);
        for (const [, name = ''] of names.matchAll(/“(.+?)”/g)) expect(source, file).toContain(name);
      }
    }
  });

  test('the schedule is the default', () => {
    const [first, ...rest] = (settings.retrySchedule.defaultText ?? '').split(',').map(Number);
    expect(first).toBe(0);
    const words = rest.map((seconds) => {
      if (seconds < 60) return `${seconds} s`;
      return seconds < 3600 ? `${seconds / 60} min` : `${seconds / 3600} h`;
    });
    const sentence = `at once, then after ${words.slice(0, -1).join(', ')} and ${words.at(-1)}`;
    expect(textOf('README.md')).toContain(sentence);
    expect(textOf('docs/api.md')).toContain(`\`0, ${words.join(', ')}\``);
  });

  test('the log lines worth an alarm are written somewhere', () => {
    const delivery = [
      'accept',
      'claimer',
      'endpoint-disabler',
      'engine',
      'housekeeper',
      'late-results',
      'lease-keeper',
      'settler',
    ];
    const sources = ['store/outage-log', ...delivery.map((name) => `delivery/${name}`)].map((name) =>
      textOf(`packages/posthorn/src/${name}.ts`),
    );
    const lines = Array.from(
      textOf('docs/operations.md').matchAll(/^\| 40 \| `(.+?)`/gm),
      ([, line]) => line,
    );
    expect(lines.length).toBeGreaterThan(3);
    for (const line of lines) expect(sources.join('\n'), line).toContain(`'${line}'`);
  });

  test('states and reasons are those of the code', () => {
    const quoted = (path: string, type: string) => {
      const [, text = ''] = textOf(path).split(`export type ${type} =`);
      return Array.from((text.split(';')[0] ?? '').matchAll(/'(\w+)'/g), ([, word]) => `\`${word}\``);
    };
    const source = 'packages/posthorn/src/';
    const states = quoted(`${source}store/tables.ts`, 'DeliveryState');
    expect(firstCells('docs/concepts.md', 'state').sort()).toEqual(states.sort());
    const reasons = quoted(`${source}core/outcome.ts`, 'UnreachableReason');
    expect(firstCells('docs/concepts.md', 'reason').sort()).toEqual(reasons.sort());
  });
});

describe('docs/api.md', () => {
  let posthorn: TestApi;
  beforeAll(async () => {
    posthorn = await startTestApi();
  });
  afterAll(() => posthorn.stop());

  test('has every route, and no other', () => {
    const routes: string[] = [];
    const path: string[] = [];
    for (const line of posthorn.api.printRoutes({ commonPrefix: false }).split('\n')) {
      const match = /^([│ ]*)(?:├──|└──) (.*?)(?: \(([A-Z, ]+)\))?$/.exec(line);
      if (match === null) continue;
      path.length = (match[1] ?? '').length / 4;
      path.push(match[2] ?? '');
      for (const method of match[3]?.split(', ') ?? []) routes.push(`\`${method} ${path.join('')}\``);
    }
    const served = routes
      .filter((route) => !route.startsWith('`HEAD'))
      .map((route) => route.replace('/api/v1', ''));
    expect(firstCells('docs/api.md', 'route').sort()).toEqual(served.sort());
  });

  test('has every code that is used, with its status', () => {
    const registry =
      /const statusOf = \{(.*?)\}/s.exec(textOf('packages/posthorn/src/api/problems.ts'))?.[1] ?? '';
    const sources = readdirSync(join(root, 'packages/posthorn/src/api'), { recursive: true })
      .filter((name) => String(name).endsWith('.ts'))
      .map((name) => textOf(`packages/posthorn/src/api/${String(name)}`))
      .join('\n');
    const used = Array.from(registry.matchAll(/(\w+): (\d+)/g))
      .filter(([, code]) => sources.includes(`'${code}'`))
      .map(([, code, status]) => `${status} ${code}`);
    const told = Array.from(
      textOf('docs/api.md').matchAll(/^\| (\d{3}) \| `(\w+)` \|/gm),
      ([, status, code]) => `${status} ${code}`,
    );
    expect(told.sort()).toEqual(used.sort());
  });

  test('shows objects with the members that the API gives', async () => {
    const { client, newId } = posthorn;
    const app = await client.application.create({ name: 'Acme' });
    const endpoint = await client.endpoint.create(app.id, { url: 'https://example.com/' });
    await client.eventType.create({ name: 'invoice.paid', description: '' });
    const message = await client.message.create(app.id, { eventType: 'invoice.paid', payload: {} });
    const key = { applicationId: app.id, messageId: message.id, endpointId: endpoint.id };
    const attempt = await insertAttempt(posthorn, key, { id: newId('atmpt_') });
    const post = (path: string, body: object) =>
      request(posthorn, 'POST', `/api/v1/app/${app.id}/${path}`, body);
    await post('polling-endpoint', {});
    await post(`endpoint/${endpoint.id}/recover`, { since: new Date().toISOString() });
    const paths: Record<string, string> = {
      Application: `/app/${app.id}`,
      Endpoint: `/app/${app.id}/endpoint/${endpoint.id}`,
      Transformation: `/app/${app.id}/endpoint/${endpoint.id}/transformation`,
      'Event type': '/event-type/invoice.paid',
      Message: `/app/${app.id}/msg/${message.id}`,
      Attempt: `/app/${app.id}/msg/${message.id}/attempt/${attempt}`,
      Poller: `/app/${app.id}/polling-endpoint`,
      'Background task': '/background-task',
      Token: '/token',
      'Audit entry': '/audit-log',
    };
    const shown = textOf('docs/api.md').matchAll(/^### ([^\n]+)\n\n```json\n(.*?)^```/gms);
    const titles = Array.from(shown, ([, title = '', json = '']) => ({ title, json }));
    expect(titles.map(({ title }) => title)).toEqual(Object.keys(paths));
    for (const { title, json } of titles) {
      const { body } = await request(posthorn, 'GET', `/api/v1${paths[title]}`);
      const object = 'data' in body ? (body.data as object[])[0] : body;
      expect(Object.keys(JSON.parse(json) as object), title).toEqual(Object.keys(object ?? {}));
    }
  });
});

describe('with a running Posthorn', () => {
  const children = new Set<ChildProcess>();
  let database: TestDatabase;
  let folder: string;
  let dev: { url: string; token: string; stdout: string; stderr(): string };
  let env: NodeJS.ProcessEnv;

  function start(args: string[], environment: NodeJS.ProcessEnv) {
    const child = spawn(process.execPath, args, {
      cwd: folder,
      env: environment,
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    children.add(child);
    const output = { stdout: '', stderr: '' };
    child.stdout.on('data', (chunk) => {
      output.stdout += String(chunk);
    });
    child.stderr.on('data', (chunk) => {
      output.stderr += String(chunk);
    });
    return output;
  }

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'posthorn-readme-'));
    await symlink(join(root, 'node_modules'), join(folder, 'node_modules'));
    database = await createTestDatabase();
    env = {
      PATH: process.env.PATH,
      DATABASE_URL: database.url,
      POSTHORN_SECRET_KEY: newKey(),
      POSTHORN_RETRY_SCHEDULE: '0,1,1,1,1,1,1,1',
      POSTHORN_DATA_DIR: join(folder, '.posthorn'),
    };
    const output = start([program, 'dev', '--port', '0'], env);
    await waitFor(() => output.stdout.includes('^C stops.'), {
      what: 'Posthorn being ready',
    });
    const url = /API +(\S+)/.exec(output.stdout)?.[1] ?? '';
    const token = /Token +(\S+)/.exec(output.stdout)?.[1] ?? '';
    dev = { url, token, stdout: output.stdout, stderr: () => output.stderr };
  });
  afterAll(async () => {
    for (const child of children) {
      child.kill('SIGKILL');
      if (child.exitCode === null && child.signalCode === null) {
        await new Promise((resolve) => child.on('exit', resolve));
      }
    }
    await database.drop();
    await rm(folder, { recursive: true, force: true });
  });

  /** What differs from run to run, made the same. */
  const settled = (text: string) =>
    text
      .replaceAll(/http:\/\/127\.0\.0\.1:\d+/g, 'http://127.0.0.1:8071')
      .replaceAll(/phk_[\w…]+/g, 'phk_…')
      .replaceAll(/whsec_[\w+/=…]+/g, 'whsec_…')
      .replaceAll(/msg_\w+/g, 'msg_…')
      .replaceAll(/\d+ ms/g, 'N ms')
      .replaceAll(/(Database +PostgreSQL).*/g, '$1')
      .trim();

  test('npm start prints what the README shows', () => {
    const { scripts } = JSON.parse(textOf('package.json')) as { scripts: Record<string, string> };
    expect(scripts.start).toBe(
      'node --max-semi-space-size=16 --heap-growing-percent=100 packages/posthorn/dist/main.js dev',
    );
    const [banner = ''] = blocksOf('README.md', 'text');
    expect(settled(dev.stdout)).toBe(settled(banner));
  });

  const hasCurl = spawnSync('curl', ['--version']).status === 0;
  test.skipIf(!hasCurl)('the curl line works when pasted, and its delivery is shown', async () => {
    const line = /^ +(curl .*)$/m.exec(dev.stdout)?.[1] ?? '';
    const { stdout } = await run('/bin/sh', ['-c', line]);
    const { id } = JSON.parse(stdout) as { id: string };
    await waitFor(() => dev.stderr().includes(id), { what: `the delivery of ${id}` });
    const shown =
      dev
        .stderr()
        .split('\n')
        .find((text) => text.includes(id)) ?? '';
    expect(settled(shown)).toBe(settled(blocksOf('README.md', 'text')[1] ?? ''));
  });

  test('what send.mjs sends before receive.mjs runs arrives when it does', async () => {
    const port = await freePort();
    const snippets = blocksOf('README.md', 'js');
    expect(snippets.map((snippet) => snippet.split('\n')[0])).toEqual(['// send.mjs', '// receive.mjs']);
    const [send = '', receive = ''] = snippets.map((snippet) =>
      snippet.replaceAll('http://127.0.0.1:8071', dev.url).replaceAll('3000', String(port)),
    );
    await writeFile(join(folder, 'send.mjs'), send);
    await writeFile(join(folder, 'receive.mjs'), receive);
    const sent = await run(process.execPath, ['send.mjs'], {
      cwd: folder,
      env: { ...env, POSTHORN_TOKEN: dev.token },
    });
    const [, secret = '', messageId = ''] = /^WEBHOOK_SECRET=(\S+)\n(\S+)\n$/.exec(sent.stdout) ?? [];
    const receiver = start(['receive.mjs'], { ...env, WEBHOOK_SECRET: secret });
    await waitFor(() => receiver.stdout.includes(`${messageId} {"type":"invoice.paid"`), {
      what: 'the message at the receiver',
    });
    const forged = await fetch(`http://127.0.0.1:${port}/`, { method: 'POST', body: '{}' });
    expect(forged.status).toBe(400);

    const command = blocksOf('README.md', 'sh').find((block) => block.includes(' send ')) ?? '';
    const line = command.replace('npm run posthorn --', `"${process.execPath}" "${program}"`);
    const { stdout } = await run('/bin/sh', ['-c', line], { cwd: folder, env });
    await waitFor(() => receiver.stdout.includes(`${stdout.split('\n')[0]} {"id":"inv_1"}`), {
      what: 'the message of the command line at the receiver',
    });
  });

  test('posthorn token create makes a token that works', async () => {
    const { stdout } = await run(process.execPath, [program, 'token', 'create', '--name', 'billing'], {
      env,
    });
    const answer = await request({ url: dev.url, token: stdout.trim() }, 'GET', '/api/v1/app');
    expect(answer.status).toBe(200);
  });
});

describe('docs/receiving.md', () => {
  const snippets = blocksOf('docs/receiving.md', 'js');

  test.each(snippets.map((snippet) => [/^\/\/ (\S+)/.exec(snippet)?.[1] ?? '', snippet]))(
    '%s takes what is signed, and nothing else',
    async (name, snippet) => {
      const folder = await mkdtemp(join(tmpdir(), 'posthorn-receiving-'));
      await symlink(join(root, 'node_modules'), join(folder, 'node_modules'));
      const body = '{"a":1}';
      const secret = generateHmacSecret();
      const timestamp = Math.floor(Date.now() / 1000);
      const headers = await sign({ id: 'msg_1', timestamp, body, secrets: secret });
      await writeFile(join(folder, name), snippet);
      const script = `import { verified } from ${JSON.stringify(pathToFileURL(join(folder, name)).href)};
        const headers = ${JSON.stringify(headers)};
        console.log(await verified(headers, ${JSON.stringify(body)}), await verified(headers, '{"a":2}'));`;
      const env = { PATH: process.env.PATH, WEBHOOK_SECRET: secret };
      const { stdout } = await run(process.execPath, ['--input-type=module', '-e', script], { env });
      await rm(folder, { recursive: true });
      expect(stdout).toBe('msg_1 undefined\n');
    },
  );
});

describe('docs/operations.md', () => {
  afterEach(endAllPosthorn);

  test(
    'a lost secret key is refused, and the way out that is described works',
    async () => {
      const database = await createTestDatabase();
      const receiver = await startRecorder();
      const first = await startPosthorn(database.url);
      await first.client.application.create({ name: 'Acme', uid: 'acme' });
      const headers = { 'x-team': 'red' };
      const endpoint = await request(
        { url: first.url, token: testToken },
        'POST',
        '/api/v1/app/acme/endpoint',
        {
          url: receiver.url,
          uid: 'main',
          headers,
        },
      );
      expect(endpoint.status).toBe(201);
      await first.end('SIGTERM');

      const otherKey = { POSTHORN_SECRET_KEY: newKey() };
      const env = { PATH: process.env.PATH, DATABASE_URL: database.url, ...otherKey };
      await expect(run(process.execPath, [program, 'serve', '--port', '0'], { env })).rejects.toThrow(
        'sealed with another secret key',
      );
      const admin = new pg.Client({ connectionString: database.url });
      await admin.connect();
      await admin.query(blocksOf('docs/operations.md', 'sql').join('\n'));
      await admin.end();

      const second = await startPosthorn(database.url, otherKey);
      await second.client.endpoint.rotateSecret('acme', 'main', {});
      const { id } = await second.client.message.create('acme', { eventType: 'a', payload: {} });
      await waitFor(() => receiver.requests.some(({ headers: got }) => got['webhook-id'] === id), {
        what: 'a message signed with the new secret',
      });
      expect(receiver.requests[0]?.headers['x-team']).toBeUndefined();
      await second.end('SIGTERM');
      await receiver.stop();
      await database.drop();
    },
    slowMs,
  );
});
