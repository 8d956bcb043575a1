// Commands of this machine: what they are given, and how they are held.
import { chmod, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describeConnectors } from './support/connector-conformance.ts';

const folder = await mkdtemp(join(tmpdir(), 'posthorn-command-'));
const command = join(folder, 'hook');
const log = join(folder, 'log');

// Writes down what it was given; a first argument says what else to do.
await writeFile(
  command,
  `#!/bin/sh
case "$1" in
  fail) echo "cannot: $HOOK_TOKEN"; exit 3;;
  hang) exec sleep 60;;
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
          stop: () => rm(folder, { recursive: true, force: true }),
        };
      },
    },
  ],
  { env: { POSTHORN_ALLOW_COMMANDS: command } },
);
