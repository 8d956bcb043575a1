// The names of the machine's hosts file. Read synchronously, because file work off the loop would share the few threads
// that a slow name must not be able to hold.
import { closeSync, openSync, readSync, statSync } from 'node:fs';
import { isIP } from 'node:net';
import type { Clock } from '../../lib/clock.ts';

const checkedEveryMs = 1_000;
/** What lies beyond is not read; blocking lists of some 100,000 names are below it. */
const readMaxBytes = 4 * 1024 * 1024;

/** Where the operating system has it. */
export const systemHostsPath =
  process.platform === 'win32' ? 'C:\\Windows\\System32\\drivers\\etc\\hosts' : '/etc/hosts';

/** Names in lower case, each with its addresses in the order of the file. Lines without an address are passed over. @internal */
export function parseHosts(text: string): Map<string, string[]> {
  const byName = new Map<string, string[]>();
  for (const line of text.split('\n')) {
    const [address = '', ...names] = line.replace(/#.*/, '').trim().split(/\s+/);
    if (isIP(address) === 0) continue;
    for (const name of names) {
      const known = byName.get(plainName(name)) ?? [];
      if (!known.includes(address)) byName.set(plainName(name), [...known, address]);
    }
  }
  return byName;
}

/** The name as it is compared: lower case, without the dot at the end. */
export function plainName(name: string): string {
  return name.toLowerCase().replace(/\.$/, '');
}

/** Looks a name up in the file; no addresses when it is not there. A change counts within a second. */
export function createHostsFile(path: string, clock: Clock): (hostname: string) => readonly string[] {
  let byName = new Map<string, string[]>();
  let version = '';
  let checkAtMs = Number.NEGATIVE_INFINITY;

  function refresh(): void {
    const found = versionOf(path);
    if (found === version) return;
    byName = found === '' ? new Map() : parseHosts(readStart(path));
    version = found;
  }

  return (hostname) => {
    const nowMs = clock.monotonicMs();
    if (nowMs >= checkAtMs) {
      checkAtMs = nowMs + checkedEveryMs;
      refresh();
    }
    return byName.get(plainName(hostname)) ?? [];
  };
}

// A file that is put in place of another may carry any time, so the time alone does not tell them apart.
function versionOf(path: string): string {
  try {
    const { mtimeMs, size, ino } = statSync(path);
    return `${mtimeMs} ${size} ${ino}`;
  } catch {
    return '';
  }
}

/** A file that cannot be read holds no names. */
function readStart(path: string): string {
  try {
    const file = openSync(path, 'r');
    try {
      const bytes = Buffer.alloc(readMaxBytes);
      return bytes.toString('utf8', 0, readSync(file, bytes));
    } finally {
      closeSync(file);
    }
  } catch {
    return '';
  }
}
