// Turns a host name into addresses within a time limit. Judging the addresses is the guard's work.
import { lookup as systemLookup } from 'node:dns/promises';

/** All addresses of a host name, as the operating system orders them; rejects when there are none. */
export type Lookup = (hostname: string) => Promise<readonly { address: string }[]>;

/** `code` as the resolver gave it (ENOTFOUND, EAI_AGAIN …), or ETIMEOUT when the limit passed. */
export class DnsError extends Error {
  readonly code: string;

  constructor(hostname: string, code: string, what: string) {
    super(`${code}: host name "${hostname}" ${what}`);
    this.name = 'DnsError';
    this.code = code;
  }
}

/** The operating system's resolver, so that /etc/hosts and search domains count. */
export const lookupBySystem: Lookup = (hostname) => systemLookup(hostname, { all: true });

/**
 * A resolver that asks once for all who want the same name at the same time: system lookups run on four threads, and
 * one name with a dead name server must not take them all. Rejects with DnsError only.
 */
export function createResolver(lookup: Lookup, timeoutMs: number): (hostname: string) => Promise<string[]> {
  const underWay = new Map<string, Promise<string[]>>();

  function ask(hostname: string): Promise<string[]> {
    const known = underWay.get(hostname);
    if (known) return known;
    const asked = askOnce(hostname, lookup).finally(() => underWay.delete(hostname));
    underWay.set(hostname, asked);
    return asked;
  }

  return (hostname) => within(ask(hostname), hostname, timeoutMs);
}

async function askOnce(hostname: string, lookup: Lookup): Promise<string[]> {
  const answers = await lookup(hostname).catch((error: unknown) => {
    const code = error instanceof Error && 'code' in error ? String(error.code) : 'EAI_FAIL';
    throw new DnsError(hostname, code, 'could not be resolved');
  });
  if (answers.length === 0) throw new DnsError(hostname, 'ENOTFOUND', 'has no address');
  return answers.map((answer) => answer.address);
}

function within(answer: Promise<string[]>, hostname: string, timeoutMs: number): Promise<string[]> {
  return new Promise((resolve, reject) => {
    const late = () =>
      reject(new DnsError(hostname, 'ETIMEOUT', `could not be resolved within ${timeoutMs} ms`));
    const timer = setTimeout(late, timeoutMs);
    answer.then(resolve, reject).finally(() => clearTimeout(timer));
  });
}
