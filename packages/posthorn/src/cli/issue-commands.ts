// The commands that look at what fails, and do something about it, over the API.
import { type Command, Option } from 'commander';
import { withExamples } from './command-context.ts';
import type { Context } from './command-context.ts';
import type { IssueAction, IssuesOptions } from './issues.ts';
import { addSettingOptions, requireConfig } from './settings-options.ts';

function addServerOptions(command: Command): Command {
  return command
    .option('--server <url>', 'URL of Posthorn (POSTHORN_SERVER_URL, default: the running dev)')
    .option('--token <token>', 'API token (POSTHORN_TOKEN, default: that of the running dev)');
}

export function addIssueCommands(program: Command, context: Context): void {
  const group = program.command('issues').description('what fails, grouped by its cause, and what mends it');
  addListCommand(group, context);
  addActionCommand(group, context, 'resolve', 'resolve an issue until it is seen again');
  addActionCommand(group, context, 'ignore', 'tell nobody of an issue any more');
  addActionCommand(group, context, 'replay', 'have everything again that an issue affects');
}

function addListCommand(group: Command, { io, run }: Context): void {
  const command = group
    .command('list', { isDefault: true })
    .description('list issues, the newest first')
    .addOption(
      new Option('--state <state>', 'which').choices(['open', 'resolved', 'ignored', 'all']).default('open'),
    )
    .option('--app <app>', 'only those of this application (its id or uid)')
    .option('--source <source>', 'only those of this source (its id or uid)')
    .option('--endpoint <endpoint>', 'only those of this endpoint');
  addServerOptions(command).action((options: IssuesOptions) =>
    run(async () => {
      const config = requireConfig({ ...options }, 'tool', io);
      const { runIssueList } = await import('./issues.ts');
      return runIssueList(options, config, io);
    }),
  );
  withExamples(addSettingOptions(command, ['dataDir']), [
    'posthorn issues',
    'posthorn issues --state all --source my-github --json',
  ]);
}

function addActionCommand(group: Command, { io, run }: Context, action: IssueAction, what: string): void {
  const command = group
    .command(`${action} <id>`)
    .description(what)
    .option('--app <app>', 'the application or source of the issue');
  addServerOptions(command).action((id: string, options: Pick<IssuesOptions, 'app' | 'server' | 'token'>) =>
    run(async () => {
      const config = requireConfig({ ...options }, 'tool', io);
      const { runIssueAction } = await import('./issues.ts');
      return runIssueAction({ app: options.app, id, action }, options, config, io);
    }),
  );
  withExamples(addSettingOptions(command, ['dataDir']), [`posthorn issues ${action} iss_… --app acme`]);
}
