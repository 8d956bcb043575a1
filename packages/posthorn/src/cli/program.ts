// Every command with its flags and examples. Each loads its own code when it runs, so that --help stays quick.
import { Command, CommanderError, Option } from 'commander';
import { settingKeys } from '../config-settings.ts';
import type { Config, Mode } from '../config.ts';
import { version } from '../lib/version.ts';
import { CliError, usageError } from './cli-error.ts';
import { collect, withExamples } from './command-context.ts';
import type { Context, Run } from './command-context.ts';
import { exitCodes } from './exit-codes.ts';
import type { ExitCode } from './exit-codes.ts';
import { addApplyCommand, addSourceCommands } from './gateway-commands.ts';
import type { Io } from './io.ts';
import { addIssueCommands } from './issue-commands.ts';
import type { ImportOptions } from './import-svix.ts';
import type { ReplayOptions } from './replay.ts';
import { reportError } from './report.ts';
import type { SendOptions } from './send.ts';
import { addSettingOptions, requireConfig } from './settings-options.ts';
import { addWebhookCommands } from './webhook-commands.ts';

type Values = Readonly<Record<string, unknown>>;

const signalsEnd = new CliError(exitCodes.interrupted, 'interrupted', 'interrupted');

/** Runs one command line (`argv` without node and script). Never rejects: failures are told, and are the exit code. */
export async function runProgram(argv: readonly string[], io: Io): Promise<number> {
  let exitCode: number = exitCodes.ok;
  const serve: Run = async (work) => {
    exitCode = await work();
  };
  const run: Run = (work) => serve(() => untilSignal(io, work));
  try {
    await createProgram({ io, run, serve }).parseAsync(argv, { from: 'user' });
    return exitCode;
  } catch (error) {
    return error instanceof CommanderError ? reportUsage(error, io) : reportError(error, io);
  }
}

function untilSignal(io: Io, work: () => Promise<number>): Promise<number> {
  return new Promise((resolve, reject) => {
    const release = io.onSignal(() => reject(signalsEnd));
    work().finally(release).then(resolve, reject);
  });
}

function reportUsage(error: CommanderError, io: Io): ExitCode {
  if (error.exitCode === 0) return exitCodes.ok;
  // The help that commander shows when the command is missing says enough.
  if (error.code === 'commander.help' && !io.json) return exitCodes.usage;
  const [what = '', hint] = error.message.replace(/^error: /, '').split('\n');
  const message = error.code === 'commander.help' ? 'a command is missing' : what;
  const suggestion = hint?.replace(/^\((.*)\)$/, '$1').toLowerCase();
  return reportError(usageError(message, suggestion ?? 'posthorn --help shows commands and flags'), io);
}

function createProgram(context: Context): Command {
  const { io } = context;
  const program = new Command('posthorn')
    .description('Webhooks on one PostgreSQL: sends, signs, retries and shows them.')
    .version(version, '-V, --version', 'print the version')
    .option('--json', 'print one JSON object on stdout, errors included')
    .option('--verbose', 'print the stack of an error')
    .configureHelp({ showGlobalOptions: true })
    .showSuggestionAfterError()
    .exitOverride()
    .configureOutput({
      writeOut: (text) => void io.stdout.write(text),
      writeErr: (text) => void io.stderr.write(text),
      // Told by reportUsage, as text or JSON.
      outputError: () => {},
    });
  addServerCommands(program, context);
  addSendCommand(program, context);
  addReplayCommand(program, context);
  addImportCommand(program, context);
  addWebhookCommands(program, context);
  addIssueCommands(program, context);
  addConfigCommand(program, context);
  addMigrateCommand(program, context);
  addTokenCommands(program, context);
  addEnvironmentCommands(program, context);
  addSourceCommands(program, context);
  addApplyCommand(program, context);
  return withExamples(program, [
    'posthorn dev',
    'posthorn send --app acme --type user.created --payload \'{"id":1}\'',
  ]);
}

function addServerCommands(program: Command, { io, serve }: Context): void {
  const dev = program
    .command('dev')
    .description('run Posthorn for development: its own PostgreSQL, deliveries to this machine allowed')
    .action((_: Values, command: Command) =>
      serve(async () => {
        const config = requireConfig(command.opts(), 'dev', io);
        const { runDev } = await import('./dev.ts');
        return runDev(config, io);
      }),
    );
  withExamples(addSettingOptions(dev, settingKeys), [
    'posthorn dev',
    'posthorn dev --port 9000 --data-dir /tmp/posthorn',
  ]);
  const server = program
    .command('serve')
    .description('run Posthorn for production: private addresses are refused')
    .action((_: Values, command: Command) =>
      serve(async () => {
        const config = requireConfig(command.opts(), 'serve', io);
        const { runServe } = await import('./serve.ts');
        return runServe(config, io);
      }),
    );
  withExamples(addSettingOptions(server, settingKeys), [
    'DATABASE_URL=postgres://posthorn:secret@db/posthorn POSTHORN_SECRET_KEY_FILE=/run/secrets/key posthorn serve',
    'posthorn serve --embedded --host 0.0.0.0',
  ]);
}

function addSendCommand(program: Command, { io, run }: Context): void {
  const command = program
    .command('send')
    .description('send one message; the payload comes from --payload, --payload-file or stdin')
    .requiredOption('--app <app>', 'id or uid of the application')
    .requiredOption('--type <event-type>', 'event type, such as user.created')
    .option('--payload <json>', 'the payload')
    .option('--payload-file <file>', 'file with the payload')
    .option('--event-id <id>', 'your own id of the message; a second one with the same is refused')
    .option('--channel <name>', 'channel of the message; may be repeated', collect)
    .option('--create-app', 'make the application when it is missing')
    .option('--server <url>', 'URL of Posthorn (POSTHORN_SERVER_URL, default: the running dev)')
    .option('--token <token>', 'API token (POSTHORN_TOKEN, default: that of the running dev)')
    .option('--wait', 'wait until every delivery succeeded or is given up, and print the attempts')
    .option('--timeout <seconds>', 'how long --wait waits', '30')
    .action((options: SendOptions) =>
      run(async () => {
        const config = requireConfig({ ...options }, 'tool', io);
        const { runSend } = await import('./send.ts');
        return runSend(options, config, io);
      }),
    );
  withExamples(addSettingOptions(command, ['dataDir']), [
    `posthorn send --app acme --create-app --type user.created --payload '{"id":"u_1"}' --wait`,
    'posthorn send --app acme --type invoice.paid < invoice.json',
  ]);
}

function addReplayCommand(program: Command, { io, run }: Context): void {
  const command = program
    .command('replay')
    .description('send messages of a time range again, to one endpoint or to all of an application')
    .requiredOption('--app <app>', 'id or uid of the application')
    .requiredOption('--since <time>', 'the first time, such as 2026-11-26T07:00:00Z, or 90m, 24h, 7d ago')
    .option('--until <time>', 'the end of the range (default: now)')
    .option('--endpoint <endpoint>', 'id or uid; may be repeated (default: all that are enabled)', collect)
    .option('--failed', 'only what has failed for good')
    .option('--missing', 'only what the endpoint asks for now and was never sent')
    .option('--type <event-type>', 'only this event type; may be repeated', collect)
    .option('--channel <name>', 'only messages of this channel')
    .option('--tag <tag>', 'only messages with this tag')
    .addOption(
      new Option('--status <status>', 'only deliveries in this state').choices([
        'succeeded',
        'retrying',
        'failed',
        'cancelled',
      ]),
    )
    .option('--response-class <class>', 'only where the last response was of it: 2xx, 4xx, 5xx …, or none')
    .option('--server <url>', 'URL of Posthorn (POSTHORN_SERVER_URL, default: the running dev)')
    .option('--token <token>', 'API token (POSTHORN_TOKEN, default: that of the running dev)')
    .option('--no-wait', 'print the ids of the tasks and do not wait for their end')
    .option('--timeout <seconds>', 'how long to wait; the tasks go on after it', '3600')
    .action((options: ReplayOptions) =>
      run(async () => {
        const config = requireConfig({ ...options }, 'tool', io);
        const { runReplay } = await import('./replay.ts');
        return runReplay(options, config, io);
      }),
    );
  withExamples(addSettingOptions(command, ['dataDir']), [
    'posthorn replay --app acme --since 24h --failed',
    'posthorn replay --app acme --endpoint main --since 2026-11-26T07:00:00Z --until 2026-11-26T09:00:00Z --type invoice.paid',
  ]);
}

function addImportCommand(program: Command, { io, run }: Context): void {
  const command = program
    .command('import-svix')
    .description('copy event types, applications and endpoints with their secrets from a Svix server')
    .requiredOption('--from <url>', 'URL of the Svix server')
    .option('--from-token <token>', 'its API token (SVIX_AUTH_TOKEN)')
    .option('--server <url>', 'URL of Posthorn (POSTHORN_SERVER_URL, default: the running dev)')
    .option('--token <token>', 'API token (POSTHORN_TOKEN, default: that of the running dev)')
    .action((options: ImportOptions) =>
      run(async () => {
        const config = requireConfig({ ...options }, 'tool', io);
        const { runImport } = await import('./import-svix.ts');
        return runImport(options, config, io);
      }),
    );
  withExamples(addSettingOptions(command, ['dataDir']), [
    'SVIX_AUTH_TOKEN=… posthorn import-svix --from https://api.eu.svix.com --server http://127.0.0.1:8071',
  ]);
}

function addConfigCommand(program: Command, { io, run }: Context): void {
  const command = program
    .command('config')
    .description('print every setting with its value and where that came from; secrets are left out')
    .addOption(
      new Option('--for <mode>', 'the command to show it for').choices(['dev', 'serve']).default('dev'),
    )
    .option('--markdown', 'print docs/configuration.md')
    .action((options: { for: 'dev' | 'serve'; markdown?: boolean }) =>
      run(async () => {
        if (options.markdown === true) {
          const { configurationDocument } = await import('../config-document.ts');
          io.stdout.write(configurationDocument());
          return exitCodes.ok;
        }
        const { runConfig } = await import('./config.ts');
        return runConfig({ ...options }, options.for, io);
      }),
    );
  withExamples(addSettingOptions(command, settingKeys), [
    'posthorn config',
    'posthorn config --for serve --json',
  ]);
}

function addMigrateCommand(program: Command, context: Context): void {
  const command = program.command('migrate').description("bring the database to this version's schema");
  addDatabaseAction(command, context, async (config) => {
    const { runMigrate } = await import('./migrate.ts');
    return runMigrate(config, context.io);
  });
  withExamples(command, ['DATABASE_URL=postgres://posthorn:secret@db/posthorn posthorn migrate']);
}

/** For commands on the database: adds its flags; `work` gets the command's arguments, then its options. */
function addDatabaseAction(
  command: Command,
  { io, run }: Context,
  work: (config: Config, args: readonly string[], options: Values) => Promise<number>,
): void {
  const mode: Mode = 'tool';
  addSettingOptions(command, ['databaseUrl', 'dataDir']).action(() =>
    run(async () => work(requireConfig(command.opts(), mode, io), command.args, command.opts())),
  );
}

function environmentOption(command: Command): Command {
  return command.option('--environment <name>', 'the environment; may be left out when there is only one');
}

function textOption(options: Values, name: string): string | undefined {
  const value = options[name];
  return typeof value === 'string' ? value : undefined;
}

function addTokenCommands(program: Command, context: Context): void {
  const { io } = context;
  const group = program.command('token').description('make, list and revoke API tokens, on the database');
  const create = environmentOption(
    group.command('create').description('make a token and print it, this once'),
  );
  create
    .option('--name <name>', 'a name to know it by', 'cli')
    .option(
      '--scope <scope>',
      'read, publish or manage (which is all, the default); may be repeated',
      collect,
    );
  addDatabaseAction(create, context, async (config, _, options) => {
    const { runTokenCreate } = await import('./environments.ts');
    const environment = textOption(options, 'environment');
    const name = textOption(options, 'name') ?? '';
    return runTokenCreate({ environment, name, scopes: options.scope }, config, io);
  });
  withExamples(create, [
    'posthorn token create --environment live --name billing --scope publish',
    'posthorn token create --name dashboard --scope read',
  ]);
  const list = environmentOption(group.command('list').description('list tokens, without their text'));
  addDatabaseAction(list, context, async (config, _, options) => {
    const { runTokenList } = await import('./environments.ts');
    return runTokenList(textOption(options, 'environment'), config, io);
  });
  withExamples(list, ['posthorn token list --environment live']);
  const revoke = environmentOption(group.command('revoke <id>').description('revoke a token, for good'));
  addDatabaseAction(revoke, context, async (config, [id = ''], options) => {
    const { runTokenRevoke } = await import('./environments.ts');
    return runTokenRevoke({ id, environment: textOption(options, 'environment') }, config, io);
  });
  withExamples(revoke, ['posthorn token revoke tok_… --environment live']);
}

function addEnvironmentCommands(program: Command, context: Context): void {
  const { io } = context;
  const group = program
    .command('environment')
    .description('make, list and change environments, on the database');
  const create = group.command('create <name>').description('make an environment and print its id');
  addDatabaseAction(create, context, async (config, [name = '']) => {
    const { runEnvironmentCreate } = await import('./environments.ts');
    return runEnvironmentCreate(name, config, io);
  });
  withExamples(create, ['posthorn environment create live']);
  const list = group.command('list').description('list environments');
  addDatabaseAction(list, context, async (config) => {
    const { runEnvironmentList } = await import('./environments.ts');
    return runEnvironmentList(config, io);
  });
  withExamples(list, ['posthorn environment list']);
  const update = group.command('update <name>').description('change how long an environment keeps things');
  update
    .option('--message-retention-days <days>', 'how long messages are kept (1 to 3650)')
    .option('--attempt-retention-days <days>', 'how long attempts and the contents of messages are kept')
    .option('--audit-retention-days <days>', 'how long the log of changes is kept');
  addDatabaseAction(update, context, async (config, [name = ''], options) => {
    const { runEnvironmentUpdate } = await import('./environments.ts');
    const messageRetentionDays = textOption(options, 'messageRetentionDays');
    const attemptRetentionDays = textOption(options, 'attemptRetentionDays');
    const auditRetentionDays = textOption(options, 'auditRetentionDays');
    const days = { messageRetentionDays, attemptRetentionDays, auditRetentionDays };
    return runEnvironmentUpdate(name, days, config, io);
  });
  withExamples(update, [
    'posthorn environment update live --message-retention-days 30 --attempt-retention-days 7',
  ]);
}
