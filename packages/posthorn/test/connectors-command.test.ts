// Commands of this machine: what they are given, and how they are held.
import { chmod, mkdtemp, readFile, realpath, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { createHttpConnector } from '../src/delivery/connectors/http.ts';
import { createConnectors } from '../src/delivery/connectors/registry.ts';
import { systemClock } from '../src/lib/clock.ts';
import { delivery, describeConnectors } from './support/connector-conformance.ts';
import { testTemplates } from './support/templates.ts';

const folder = await mkdtemp(join(tmpdir(), 'posthorn-command-'));
const command = join(folder, 'hook');
const log = join(folder, 'log');

// Writes down what it was given; a first argument says what else to do.
await writeFile(
  command,
  `#!/bin/sh
case "$1" in
  fail) echo "cannot: $HOOK_TOKEN"; exit 3;;
  hang) exec sleep 300;;
  flood) exec yes;;
  leave) setsid sleep 120 & exit 0;;
esac
body=$(cat)
printf '%s\\t%s\\t%s\\n' "$POSTHORN_IDEMPOTENCY_KEY" "$2" "$body" >> "${log}"
env | sort
`,
);
await chmod(command, 0o755);
await writeFile(log, '');

describeConnectors(
  [
    {
      kind: 'command',
      forOperators: true,
      usesNetwork: false,
      hasKey: true,
      start: async () => {
        const environment = { HOOK_TOKEN: 'SECRETTOKEN' };
        const config = (what: string) => ({ command, arguments: [what, 'id {{ payload.id }}'], environment });
        return {
          config: config('run'),
          refused: config('fail'),
          hanging: config('hang'),
          secrets: ['SECRETTOKEN'],
          received: async () =>
            (await readFile(log, 'utf8'))
              .split('\n')
              .filter((line) => line !== '')
              .map((text) => ({ text, key: text.split('\t')[0] })),
          stop: () => Promise.resolve(),
        };
      },
    },
  ],
  { env: { POSTHORN_ALLOW_COMMANDS: command } },
);

afterAll(() => rm(folder, { recursive: true, force: true }));

describe('a command', () => {
  const urlRules = { allowHttp: true, allowSubnets: [] };
  const connectors = createConnectors({
    http: createHttpConnector({ ...urlRules, userAgent: 'test', clock: systemClock }),
    urlRules,
    permits: { commands: [command], tables: [], files: [] },
    templates: testTemplates(),
    clock: systemClock,
  });

  const run = (parameters: string[], timeoutMs = 60_000, payload = delivery.payload) =>
    connectors
      .get('command')!
      .deliver({ ...delivery, payload }, { command, arguments: parameters }, AbortSignal.timeout(timeoutMs));

  test('is ended when it writes without end', async () => {
    expect(await run(['flood'])).toMatchObject({
      outcome: { kind: 'rejected', detail: expect.stringContaining('it wrote more than') },
      responseTruncated: true,
    });
  });

  test('gives its place back when what it left behind keeps its output open', async () => {
    const startedMs = performance.now();
    await Promise.all(Array.from({ length: 16 }, () => run(['leave'], 1_000)));
    expect(performance.now() - startedMs).toBeLessThan(60_000);
    expect(await run(['run'])).toMatchObject({ outcome: { kind: 'accepted' } });
  });

  test('is not run with an option, or with more than the system takes', async () => {
    await expect(run(['{{ payload.id | times: -1 }}'])).rejects.toThrow('would be an option');
    const long = Buffer.from(JSON.stringify('é'.repeat(60_000)));
    const parameters = Array.from({ length: 25 }, () => '{{ payload }}');
    await expect(run(parameters, 60_000, long)).rejects.toThrow('the command cannot be run');
  });

  test('runs at the root, or in the directory that is named', async () => {
    const pwd = '/bin/pwd';
    const own = createConnectors({
      http: createHttpConnector({ ...urlRules, userAgent: 'test', clock: systemClock }),
      urlRules,
      permits: { commands: [pwd], tables: [], files: [] },
      templates: testTemplates(),
      clock: systemClock,
    }).get('command')!;
    const ran = async (config: { command: string; directory?: string }) => {
      const result = await own.deliver(delivery, config, AbortSignal.timeout(60_000));
      return 'responseBody' in result ? String(result.responseBody).trim() : result;
    };
    expect(await ran({ command: pwd })).toBe('/');
    expect(await ran({ command: pwd, directory: folder })).toBe(await realpath(folder));
    await expect(ran({ command: pwd, directory: join(folder, 'none') })).rejects.toThrow('cannot be run');
    expect(await own.check({ command: pwd, directory: 'here' })).toMatchObject({
      problems: [{ path: ['directory'] }],
    });
  });
});
