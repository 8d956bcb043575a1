// The addresses of a host name: this machine's own name, the hosts file, then the name servers. No thread is held while
// a name server is silent (docs/decisions/0009).
import { Resolver } from 'node:dns/promises';
import type { Clock } from '../../lib/clock.ts';
import { createHostsFile, plainName, systemHostsPath } from './hosts-file.ts';
import type { Lookup } from './resolve-host.ts';

/** `servers`: `address:port` each; those of the system unless given. */
export interface SystemLookupOptions {
  readonly clock: Clock;
  readonly hostsPath?: string;
  readonly servers?: readonly string[];
}

const ownAddresses: readonly string[] = ['127.0.0.1', '::1'];

/**
 * A question without an answer goes to the next server after this, or up to twice this, since Node looks only so often;
 * then longer. Enough tries that the caller's limit ends a lookup, rather than c-ares.
 */
const askAgainAfterMs = 500;
const triesMax = 4;

/** How long the other family is waited for once one has addresses: some name servers never answer for IPv6. */
const otherFamilyWaitMs = 500;

/** What says that there is no such address, rather than that nobody could tell. */
const absentCodes: readonly string[] = ['ENOTFOUND', 'ENODATA'];

interface FamilyAnswer {
  readonly addresses: readonly string[];
  /** Empty when there are addresses. */
  readonly code: string;
}

/**
 * IPv4 and IPv6 addresses by turns, so that both are among the few that are dialled. Rejects with an Error whose `code`
 * is ENOTFOUND when the name is known to have no address, else what the name server or c-ares said.
 */
export function createSystemLookup(options: SystemLookupOptions): Lookup {
  const fromHostsFile = createHostsFile(options.hostsPath ?? systemHostsPath, options.clock);

  return async (hostname, signal) => {
    const written = isThisMachine(hostname) ? ownAddresses : fromHostsFile(hostname);
    const addresses = written.length > 0 ? written : await askNameServers(hostname, options.servers, signal);
    return addresses.map((address) => ({ address }));
  };
}

// RFC 6761 section 6.3: never a question for a name server, who could answer with anything.
function isThisMachine(hostname: string): boolean {
  return /(^|\.)localhost$/.test(plainName(hostname));
}

// Each lookup has a resolver of its own: it reads the system's servers anew, asks from a port that nobody can know, can
// be cancelled alone, and has not learnt from the silence of others' name servers to be impatient or to shun a server.
async function askNameServers(
  hostname: string,
  servers: readonly string[] | undefined,
  signal: AbortSignal | undefined,
): Promise<string[]> {
  const resolver = new Resolver({ timeout: askAgainAfterMs, tries: triesMax });
  if (servers) resolver.setServers(servers);
  const giveUp = () => resolver.cancel();
  let otherFamilyTimer: NodeJS.Timeout | undefined;
  const answerOf = async (asked: Promise<string[]>): Promise<FamilyAnswer> => {
    const answer = await familyAnswer(asked);
    if (answer.code === '') otherFamilyTimer ??= setTimeout(giveUp, otherFamilyWaitMs);
    return answer;
  };

  signal?.addEventListener('abort', giveUp, { once: true });
  try {
    const asked = [answerOf(resolver.resolve4(hostname)), answerOf(resolver.resolve6(hostname))];
    return joined(hostname, await Promise.all(asked));
  } finally {
    clearTimeout(otherFamilyTimer);
    signal?.removeEventListener('abort', giveUp);
  }
}

function familyAnswer(asked: Promise<string[]>): Promise<FamilyAnswer> {
  return asked.then(
    (addresses) => ({ addresses, code: addresses.length > 0 ? '' : 'ENODATA' }),
    (error: unknown) => ({
      addresses: [],
      code: error instanceof Error && 'code' in error ? String(error.code) : 'EFORMERR',
    }),
  );
}

function joined(hostname: string, families: readonly FamilyAnswer[]): string[] {
  const longest = Math.max(...families.map((family) => family.addresses.length));
  if (longest > 0) {
    const turns = Array.from({ length: longest }, (_, turn) =>
      families.map((family) => family.addresses[turn]),
    );
    return turns.flat().filter((address) => address !== undefined);
  }
  const code = families.find((family) => !absentCodes.includes(family.code))?.code ?? 'ENOTFOUND';
  throw Object.assign(new Error(`${code}: no address for "${hostname}"`), { code });
}
