// A provider's row by the name that was typed.
import type { Provider } from '@posthorn/webhooks/provider';
import { providers } from '@posthorn/webhooks/providers/all';
import { CliError } from './cli-error.ts';
import { exitCodes } from './exit-codes.ts';

/** Throws `not found` with the names that are near. */
export function findProvider(name: string): Provider {
  const provider = providers.get(name.toLowerCase());
  if (provider !== undefined) return provider;
  const near = [...providers.values()].filter((each) => isNear(each, name)).map((each) => each.name);
  const fix = near.length === 0 ? 'posthorn providers lists them' : `did you mean ${near.join(' or ')}?`;
  throw new CliError(exitCodes.notFound, 'unknown_provider', `there is no provider ${name}`, { fix });
}

function isNear({ name, title }: Provider, typed: string): boolean {
  const [wanted, ...known] = [typed, name, title].map((text) =>
    text.toLowerCase().replaceAll(/[^a-z0-9]/g, ''),
  );
  if (wanted === undefined || wanted === '') return false;
  return known.some((text) => text.includes(wanted) || wanted.includes(text));
}
