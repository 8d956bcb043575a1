// `posthorn providers`: who can be verified, and how.
import { describeProvider } from '@posthorn/webhooks/provider';
import type { ProviderDescription } from '@posthorn/webhooks/provider';
import { providers } from '@posthorn/webhooks/providers/all';
import { exitCodes } from './exit-codes.ts';
import type { ExitCode } from './exit-codes.ts';
import { findProvider } from './find-provider.ts';
import { alignColumns, writeResult } from './io.ts';
import type { Io } from './io.ts';

export function runProviders(name: string | undefined, io: Io): ExitCode {
  if (name === undefined) {
    const listed = [...providers.values()].map(describeProvider);
    writeResult(io, alignColumns(tableOf(listed)), { providers: listed });
  } else {
    const provider = describeProvider(findProvider(name));
    writeResult(io, alignColumns(linesOf(provider)), provider);
  }
  return exitCodes.ok;
}

function tableOf(listed: readonly ProviderDescription[]): string[][] {
  return [
    ['NAME', 'TITLE', 'GRADE', 'SCHEME'],
    ...listed.map(({ name, title, grade, schemes }) => [name, title, grade, schemes.join('; else ')]),
  ];
}

function linesOf(provider: ProviderDescription): string[][] {
  const lines: [string, string][] = [
    ['name', provider.name],
    ['title', provider.title],
    ['documented', provider.docs],
    ['grade', provider.grade],
    ['secret', provider.secret],
    ...provider.schemes.map((scheme): [string, string] => ['scheme', scheme]),
    ...provider.settings.map(({ name, help, optional = false }): [string, string] => [
      optional ? 'may be set' : 'setting',
      `${name}: ${help}`,
    ]),
    ['event type', provider.eventType],
    ['event id', provider.eventId],
    ['retries', provider.retry],
    ['handshake', provider.handshake],
    ['caution', provider.caution],
  ];
  return lines.filter(([, text]) => text !== '');
}
