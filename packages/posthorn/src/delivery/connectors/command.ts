// Runs a command of this machine, one that the operator has allowed: an executable with arguments, never a shell. It gets
// the payload on its standard input, and of the environment only what stands here. Exit code 0 is success.
import { type ChildProcess, spawn } from 'node:child_process';
import { isAbsolute } from 'node:path';
import Type from 'typebox';
import type { Static } from 'typebox';
import type { ActionContext } from './action-context.ts';
import { configuration, line, template, templateMap } from './config-fields.ts';
import {
  accepted,
  type ActionDelivery,
  type ActionResult,
  type Connector,
  problemOf,
  refused,
  secret,
  secretNamesOf,
  UnfitError,
  verdict,
} from './connector.ts';
import { type TemplateData, templateData } from './templates.ts';

const argumentsMax = 50;

const schema = configuration({
  command: line,
  /** Where it runs, instead of at the root. */
  directory: Type.Optional(line),
  arguments: Type.Optional(Type.Array(template, { maxItems: argumentsMax })),
  /** Names that begin with HOOK_, so that none of them means something to a library. */
  environment: Type.Optional(Type.Unsafe<Record<string, string>>({ ...templateMap, ...secret })),
});
type CommandConfig = Static<typeof schema>;

const runningMax = 16;
const outputKeptMaxBytes = 16 * 1024;
const outputReadMaxBytes = 1024 * 1024;
const killAfterMs = 1_000;
const variablePattern = /^HOOK_[A-Za-z0-9_]{1,59}$/;
const root = '/';
const path = '/usr/local/bin:/usr/bin:/bin';

export function createCommand(context: ActionContext): Connector<CommandConfig> {
  const { templates, permits } = context;
  let running = 0;

  function commandProblem(command: string): string | undefined {
    if (permits.commands.includes(command)) return undefined;
    return 'is not open to endpoints: the operator can open it with POSTHORN_ALLOW_COMMANDS';
  }

  return {
    kind: 'command',
    forOperators: true,
    takesAuth: false,
    schema,
    secretNames: secretNamesOf(schema),
    async check({ command, directory = root, arguments: given = [], environment = {} }) {
      const wrongName = Object.keys(environment).find((name) => !variablePattern.test(name));
      const nameProblem = 'names must begin with HOOK_, and hold letters, digits and _';
      return verdict(`command:${command}`, [
        problemOf('command', commandProblem(command)),
        problemOf('directory', isAbsolute(directory) ? undefined : 'must be an absolute path'),
        problemOf('arguments', await templates.problemOfTree(given)),
        problemOf('environment', wrongName === undefined ? undefined : nameProblem),
        problemOf('environment', await templates.problemOfTree(environment)),
      ]);
    },
    async deliver(delivery, config, signal) {
      const problem = commandProblem(config.command);
      if (problem !== undefined) throw new UnfitError(`the command ${problem}`);
      if (running >= runningMax) return { isBusy: true };
      const data = templateData(delivery);
      const parameters = await argumentsOf(context, config, data);
      const env = await environmentOf(context, config, delivery, data);
      signal.throwIfAborted();
      running += 1;
      try {
        return await ended(start(config, parameters, env), delivery.payload, signal);
      } finally {
        running -= 1;
      }
    },
  };
}

function start(
  { command, directory = root }: CommandConfig,
  parameters: string[],
  env: NodeJS.ProcessEnv,
): ChildProcess {
  try {
    return spawn(command, parameters, {
      cwd: directory,
      env,
      shell: false,
      // A group of its own, so that what it started can be ended with it.
      detached: true,
      windowsHide: true,
      stdio: ['pipe', 'pipe', 'pipe'],
    });
  } catch (error) {
    // Such as arguments that are longer than the system takes.
    throw new UnfitError(
      `the command cannot be run: ${error instanceof Error ? error.message : String(error)}`,
    );
  }
}

async function argumentsOf(
  { templates }: ActionContext,
  config: CommandConfig,
  data: TemplateData,
): Promise<string[]> {
  const rendered: string[] = [];
  for (const text of config.arguments ?? []) {
    rendered.push(plainArgument(text, await templates.render(text, data)));
  }
  return rendered;
}

async function environmentOf(
  { templates }: ActionContext,
  config: CommandConfig,
  delivery: ActionDelivery,
  data: TemplateData,
) {
  const own: [string, string][] = [];
  for (const [name, text] of Object.entries(config.environment ?? {})) {
    own.push([name, withoutNul(await templates.render(text, data))]);
  }
  return {
    ...Object.fromEntries(own),
    PATH: path,
    LANG: 'C.UTF-8',
    POSTHORN_MESSAGE_ID: delivery.messageId,
    POSTHORN_EVENT_TYPE: delivery.eventType,
    POSTHORN_ENDPOINT_ID: delivery.endpointId,
    POSTHORN_IDEMPOTENCY_KEY: delivery.idempotencyKey,
  };
}

/** What comes out of a message must not become an option, when the endpoint did not write one. */
function plainArgument(text: string, rendered: string): string {
  if (rendered.startsWith('-') && !text.startsWith('-')) {
    throw new UnfitError('an argument that came out begins with "-" and would be an option');
  }
  return withoutNul(rendered);
}

function withoutNul(text: string): string {
  if (text.includes('\0')) throw new UnfitError('an argument or variable that came out holds U+0000');
  return text;
}

function ended(child: ChildProcess, input: Uint8Array, signal: AbortSignal): Promise<ActionResult> {
  const { stdin, stdout, stderr } = child;
  const chunks: Buffer[] = [];
  let keptBytes = 0;
  let readBytes = 0;
  const kill = (name: NodeJS.Signals) => killGroup(child, name);
  const end = () => {
    kill('SIGKILL');
    // What has left the group may keep them open for as long as it likes: nobody waits for it.
    stdout?.destroy();
    stderr?.destroy();
  };
  const onOutput = (chunk: Buffer) => {
    const kept = chunk.subarray(0, outputKeptMaxBytes - keptBytes);
    if (kept.length > 0) chunks.push(kept);
    keptBytes += kept.length;
    readBytes += chunk.length;
    if (readBytes > outputReadMaxBytes) end();
  };
  const onAbort = () => {
    kill('SIGTERM');
    setTimeout(end, killAfterMs).unref();
  };
  stdout?.on('data', onOutput);
  stderr?.on('data', onOutput);
  // A command need not read what it is given.
  stdin?.on('error', () => {});
  stdin?.end(input);
  signal.addEventListener('abort', onAbort, { once: true });
  return new Promise((resolve, reject) => {
    child.once('error', (error) => reject(new UnfitError(`the command cannot be run: ${error.message}`)));
    child.once('close', (code, killedBy) => {
      signal.removeEventListener('abort', onAbort);
      const output = { responseBody: Buffer.concat(chunks), responseTruncated: readBytes > keptBytes };
      resolve({ ...resultOf(code, killedBy, readBytes), ...output });
    });
  });
}

function resultOf(code: number | null, killedBy: NodeJS.Signals | null, readBytes: number): ActionResult {
  if (code === 0) return accepted();
  if (readBytes > outputReadMaxBytes) return refused(`it wrote more than ${outputReadMaxBytes} bytes`);
  return refused(code === null ? `it was ended by ${killedBy}` : `it ended with exit code ${code}`);
}

function killGroup({ pid }: ChildProcess, name: NodeJS.Signals): void {
  if (pid === undefined) return;
  try {
    process.kill(-pid, name);
  } catch {
    // It has ended.
  }
}
