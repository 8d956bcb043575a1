// The commands of the inbound side: `posthorn source …` and `posthorn apply`, both over the API of a running server, and
// `posthorn import-hooks`, which makes what the latter applies.
import type { Command } from 'commander';
import type { Config } from '../config.ts';
import type { ApplyOptions } from './apply.ts';
import { type Context, withExamples } from './command-context.ts';
import type { ImportHooksOptions } from './import-hooks.ts';
import { addSettingOptions, requireConfig } from './settings-options.ts';
import type { CreateOptions } from './sources.ts';

/** What any of these commands may be given; `type` where it is required. */
type AllOptions = CreateOptions & ApplyOptions & { verdict?: string };

const defaultFile = 'posthorn.yaml';

/** Adds the flags that name a server; `work` gets the command's arguments and what those flags, and others, were. */
function addServerAction(
  command: Command,
  { io, run }: Context,
  work: (options: AllOptions, config: Config, args: readonly string[]) => Promise<number>,
): Command {
  command
    .option('--server <url>', 'URL of Posthorn (POSTHORN_SERVER_URL, default: the running dev)')
    .option('--token <token>', 'API token (POSTHORN_TOKEN, default: that of the running dev)')
    .action(() =>
      run(async () => {
        const options = command.opts();
        return work(options as AllOptions, requireConfig(options, 'tool', io), command.args);
      }),
    );
  return addSettingOptions(command, ['dataDir']);
}

export function addApplyCommand(program: Command, context: Context): void {
  const command = program
    .command('apply [file]')
    .description(
      `bring sources and their endpoints to what a file says (${defaultFile}); what it will do is shown first`,
    )
    .option('--dry-run', 'show it, and do nothing');
  addServerAction(command, context, async (options, config, [file = defaultFile]) => {
    const { runApply } = await import('./apply.ts');
    return runApply(file, options, config, context.io);
  });
  withExamples(command, ['posthorn apply --dry-run', 'posthorn apply gateway.yaml']);
}

export function addImportHooksCommand(program: Command, { io, run }: Context): void {
  const command = program
    .command('import-hooks <file>')
    .description(`make a ${defaultFile} of the hooks file (JSON or YAML) of adnanh/webhook`)
    .option('--out <file>', 'where to write it, with its secrets beside it (default: print it without them)')
    .action((file: string, options: ImportHooksOptions) =>
      run(async () => {
        const { runImportHooks } = await import('./import-hooks.ts');
        return runImportHooks(file, options, io);
      }),
    );
  withExamples(command, [
    'posthorn import-hooks hooks.json',
    `posthorn import-hooks hooks.json --out ${defaultFile}`,
  ]);
}

export function addSourceCommands(program: Command, context: Context): void {
  const { io } = context;
  const group = program.command('source').description('make and list sources, and have their requests again');
  const create = group
    .command('create <uid>')
    .description(
      'make a source, or change the one of that uid; prints its URL, and the secret to verify with',
    )
    .requiredOption('--type <type>', 'whose requests it takes, such as github')
    .option('--name <name>', 'a name to know it by')
    .option('--secret-from <variable>', "the environment variable that holds the provider's secret")
    .option('--to <url>', 'an endpoint of it')
    .option('--order <what>', 'one message at a time: of the whole endpoint, or of each key (endpoint, key)')
    .option('--only-newer', 'with --order key: leave out what happened before what was delivered last');
  addServerAction(create, context, async (options, config, [uid = '']) => {
    const { runSourceCreate } = await import('./sources.ts');
    return runSourceCreate(uid, options, config, io);
  });
  withExamples(create, [
    'posthorn source create my-github --type github --to https://ci.example.com/hooks',
    'posthorn source create my-stripe --type stripe --secret-from STRIPE_SECRET',
    'posthorn source create my-shop --type shopify --to https://erp.example.com/hooks --order key --only-newer',
  ]);
  const list = group.command('list').description('list sources with their URLs');
  addServerAction(list, context, async (options, config) => {
    const { runSourceList } = await import('./sources.ts');
    return runSourceList(options, config, io);
  });
  withExamples(list, ['posthorn source list']);
  const requests = group
    .command('requests <source>')
    .description('list what came in lately, and what became of it')
    .option('--verdict <verdict>', 'accepted, unverified, rejected, altered or parked');
  addServerAction(requests, context, async (options, config, [uid = '']) => {
    const { runSourceRequests } = await import('./sources.ts');
    return runSourceRequests(uid, options, config, io);
  });
  withExamples(requests, ['posthorn source requests my-github --verdict rejected']);
  addChangingCommands(group, context);
}

function addChangingCommands(group: Command, context: Context): void {
  const { io } = context;
  const replay = group
    .command('replay <source> [request]')
    .description(
      'judge a request again that was set aside, or all that were refused or parked, and take in what fits now',
    );
  addServerAction(replay, context, async (options, config, args) => {
    const { runSourceReplay } = await import('./sources.ts');
    return runSourceReplay(args, options, config, io);
  });
  withExamples(replay, ['posthorn source replay my-github']);
  const rotate = group
    .command('rotate-url <source>')
    .description('print a new URL of the source; the old one works for two more days');
  addServerAction(rotate, context, async (options, config, [uid = '']) => {
    const { runSourceRotate } = await import('./sources.ts');
    return runSourceRotate(uid, options, config, io);
  });
  withExamples(rotate, ['posthorn source rotate-url my-github']);
  const remove = group.command('delete <source>').description('delete a source with its endpoints');
  addServerAction(remove, context, async (options, config, [uid = '']) => {
    const { runSourceDelete } = await import('./sources.ts');
    return runSourceDelete(uid, options, config, io);
  });
  withExamples(remove, ['posthorn source delete my-github']);
}
