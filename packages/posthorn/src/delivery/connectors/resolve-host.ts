// Turns a host name into addresses within a time limit, and remembers for seconds that it could not. Judging the
// addresses is the guard's work.
import type { Clock } from '../../lib/clock.ts';

/** All addresses of a host name, in the order to try them; rejects when there are none. May stop at the signal. */
export type Lookup = (hostname: string, signal?: AbortSignal) => Promise<readonly { address: string }[]>;

/** `code` as the lookup gave it (ENOTFOUND, ESERVFAIL …), or ETIMEOUT when the limit passed. */
export class DnsError extends Error {
  readonly code: string;

  constructor(hostname: string, code: string, what: string) {
    super(`${code}: host name "${hostname}" ${what}`);
    this.name = 'DnsError';
    this.code = code;
  }
}

export interface ResolverOptions {
  readonly lookup: Lookup;
  readonly clock: Clock;
  readonly timeoutMs: number;
}

// Not longer than the shortest wait between two attempts, so that an attempt that failed asks anew when it is retried.
const failureKeptMs = 2_000;
const timeoutKeptMs = 5_000;
const failuresKeptMax = 10_000;

/**
 * A resolver that asks once for all who want the same name at the same time, and not at all for a name that failed
 * seconds ago. Addresses are not remembered: who asks later gets what the name server says then. Rejects with DnsError
 * only.
 */
export function createResolver(options: ResolverOptions): (hostname: string) => Promise<string[]> {
  const underWay = new Map<string, Promise<string[]>>();
  const failures = createFailureMemory(options.clock);

  async function ask(hostname: string): Promise<string[]> {
    try {
      return await lookUpWithin(hostname, options);
    } catch (error) {
      if (error instanceof DnsError) failures.keep(hostname, error);
      throw error;
    } finally {
      underWay.delete(hostname);
    }
  }

  return async (hostname) => {
    const failure = failures.find(hostname);
    if (failure) throw failure;
    const asked = underWay.get(hostname) ?? ask(hostname);
    underWay.set(hostname, asked);
    return await asked;
  };
}

async function lookUpWithin(hostname: string, { lookup, timeoutMs }: ResolverOptions): Promise<string[]> {
  const stop = new AbortController();
  let timer: NodeJS.Timeout | undefined;
  const tooLate = new Promise<never>((_, reject) => {
    timer = setTimeout(() => {
      reject(new DnsError(hostname, 'ETIMEOUT', `could not be resolved within ${timeoutMs} ms`));
      stop.abort();
    }, timeoutMs);
  });
  try {
    return await Promise.race([lookUp(hostname, lookup, stop.signal), tooLate]);
  } finally {
    clearTimeout(timer);
  }
}

async function lookUp(hostname: string, lookup: Lookup, signal: AbortSignal): Promise<string[]> {
  const answers = await lookup(hostname, signal).catch((error: unknown) => {
    const code = error instanceof Error && 'code' in error ? String(error.code) : 'EAI_FAIL';
    throw new DnsError(hostname, code, 'could not be resolved');
  });
  if (answers.length === 0) throw new DnsError(hostname, 'ENOTFOUND', 'has no address');
  return answers.map((answer) => answer.address);
}

interface FailureMemory {
  find(hostname: string): DnsError | undefined;
  keep(hostname: string, error: DnsError): void;
}

/** Full, it forgets the name that it has held longest. */
function createFailureMemory(clock: Clock): FailureMemory {
  const byName = new Map<string, { error: DnsError; untilMs: number }>();

  function find(hostname: string): DnsError | undefined {
    const failure = byName.get(hostname);
    if (!failure) return undefined;
    if (clock.monotonicMs() < failure.untilMs) return failure.error;
    byName.delete(hostname);
    return undefined;
  }

  function keep(hostname: string, error: DnsError): void {
    const keptMs = error.code === 'ETIMEOUT' ? timeoutKeptMs : failureKeptMs;
    byName.delete(hostname);
    byName.set(hostname, { error, untilMs: clock.monotonicMs() + keptMs });
    const [oldest] = byName.keys();
    if (byName.size > failuresKeptMax && oldest !== undefined) byName.delete(oldest);
  }

  return { find, keep };
}
