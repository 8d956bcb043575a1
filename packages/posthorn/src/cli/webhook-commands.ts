// The commands that look at webhooks of any provider, offline: verify, sign, providers.
import type { Command } from 'commander';
import { collect, withExamples } from './command-context.ts';
import type { Context } from './command-context.ts';
import type { SignOptions } from './sign.ts';
import type { VerifyOptions } from './verify.ts';

export function addWebhookCommands(program: Command, context: Context): void {
  addVerifyCommand(program, context);
  addSignCommand(program, context);
  addProvidersCommand(program, context);
}

function addSecretOptions(command: Command, what: string): Command {
  return command
    .option('--secret <secret>', what, collect)
    .option(
      '--secret-env <name>',
      'environment variable that holds a secret: no list of processes shows it',
      collect,
    );
}

function addVerifyCommand(program: Command, { io, run }: Context): void {
  const command = program
    .command('verify')
    .description('check the signature of a webhook: a raw HTTP request on stdin, or its body with --header');
  addSecretOptions(command, 'whsec_… or whpk_…, or the secret of the provider; may be repeated')
    .option(
      '--provider <name>',
      'whose webhook it is (posthorn providers lists them); prints one JSON object',
    )
    .option('--url <url>', 'the URL that the provider called (default: https, Host header and path)')
    .option('--setting <name=value>', 'what the provider needs besides secrets; may be repeated', collect)
    .option(
      '--header <header>',
      "'name: value' of the request; may be repeated; stdin then is the body",
      collect,
    )
    .option('--at <unix-seconds>', 'judge the age at this time instead of now')
    .option('--tolerance <seconds>', 'how far the timestamp may be off, or any (default 300)')
    .action((options: VerifyOptions) =>
      run(async () => {
        if (options.provider !== undefined) {
          const { runVerifyProvider } = await import('./verify-provider.ts');
          return runVerifyProvider({ ...options, provider: options.provider }, io);
        }
        const { runVerify } = await import('./verify.ts');
        return runVerify(options, io);
      }),
    );
  withExamples(command, [
    'posthorn verify --secret whsec_… < request.http',
    "posthorn verify --secret whsec_… --header 'webhook-id: msg_1' --header 'webhook-timestamp: 1700000000' --header 'webhook-signature: v1,…' < body.json",
    'posthorn verify --provider github --secret-env GITHUB_SECRET < request.http',
    'posthorn verify --provider stripe --secret whsec_… --at 1700000000 < request.http',
  ]);
}

function addSignCommand(program: Command, { io, run }: Context): void {
  const command = program
    .command('sign')
    .description('sign a body as a provider does, and print the raw HTTP request that verify takes')
    .requiredOption('--provider <name>', 'whose webhook it is to be (posthorn providers lists them)');
  addSecretOptions(command, 'the secret; for public keys the private one, in PKCS #8')
    .option('--url <url>', 'the URL that is called', 'https://example.com/')
    .option('--at <unix-seconds>', 'the time to sign for, instead of now')
    .option('--header <header>', "'name: value' of the request; may be repeated", collect)
    .option('--setting <name=value>', 'what the provider needs besides secrets; may be repeated', collect)
    .action((options: SignOptions) =>
      run(async () => {
        const { runSign } = await import('./sign.ts');
        return runSign(options, io);
      }),
    );
  withExamples(command, [
    "posthorn sign --provider github --secret-env GITHUB_SECRET --header 'x-github-event: push' < body.json > request.http",
    'posthorn sign --provider stripe --secret whsec_test < event.json | posthorn verify --provider stripe --secret whsec_test',
  ]);
}

function addProvidersCommand(program: Command, { io, run }: Context): void {
  const command = program
    .command('providers [name]')
    .description('list the providers that are known, or tell all of one')
    .action((name: string | undefined) =>
      run(async () => {
        const { runProviders } = await import('./providers.ts');
        return runProviders(name, io);
      }),
    );
  withExamples(command, ['posthorn providers', 'posthorn providers stripe --json']);
}
