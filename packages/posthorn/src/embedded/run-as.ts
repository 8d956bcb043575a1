// PostgreSQL refuses to run as root. This file decides who runs it, and how that user reaches its files.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFile, stat } from 'node:fs/promises';
import type { Binaries } from './binaries.ts';
import { EmbeddedPostgresError } from './embedded-error.ts';

/** A system user, by number. */
export interface Owner {
  uid: number;
  gid: number;
}

/** A command line, with the user that `spawn` switches to. */
export interface Launch {
  command: string;
  args: string[];
  user: Partial<Owner>;
}

/** Turns a command into the command line that runs it as the cluster's owner. */
export type RunAs = (command: string, args: readonly string[]) => Launch;

// The children get this environment and nothing else: PG* variables, LD_LIBRARY_PATH or our own secrets in the
// caller's environment must not reach the server. Messages in English are matched; times are logged in UTC.
export const childEnvironment = {
  PATH: '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin',
  LC_ALL: 'C',
  TZ: 'UTC',
};

const candidateUsers = ['postgres', 'nobody'];

/**
 * Who owns the cluster and runs its server: undefined means the current user. Root hands over to the owner of an
 * existing cluster, so that a cluster begun by a normal user stays theirs, else to `postgres` or `nobody`.
 */
export async function clusterOwner(dataDir: string): Promise<Owner | undefined> {
  if (process.getuid?.() !== 0) return undefined;
  const existing = await stat(dataDir).catch(() => undefined);
  if (existing && existing.uid !== 0) return { uid: existing.uid, gid: existing.gid };
  const accounts = (await readFile('/etc/passwd', 'utf8').catch(() => ''))
    .split('\n')
    .map((line) => line.split(':'));
  for (const name of candidateUsers) {
    const account = accounts.find((fields) => fields[0] === name);
    if (account) return { uid: Number(account[2]), gid: Number(account[3]) };
  }
  throw new EmbeddedPostgresError(
    'PostgreSQL does not run as root, and there is no user postgres or nobody: run Posthorn as a normal user, or set DATABASE_URL.',
  );
}

const asCurrentUser: RunAs = (command, args) => ({ command, args: [...args], user: {} });

/**
 * Finds a way for `owner` to run the binaries and to enter `dir`, by trying. Below a closed directory such as /root
 * the plain switch of user fails; then the server keeps one capability of root, the smallest that is enough.
 */
export async function chooseRunAs(owner: Owner | undefined, dir: string, binaries: Binaries): Promise<RunAs> {
  const candidates = owner ? waysToBecome(owner) : [asCurrentUser];
  const complaints: string[] = [];
  for (const runAs of candidates) {
    const complaint = await probe(runAs, dir, binaries);
    if (complaint === undefined) return runAs;
    complaints.push(complaint);
  }
  const fix = owner ? 'run Posthorn as a normal user, or set DATABASE_URL' : 'set DATABASE_URL';
  const who = owner ? ` as user ${owner.uid}` : '';
  throw new EmbeddedPostgresError(
    `The embedded PostgreSQL cannot run${who} (${complaints[0] ?? 'no reason given'}): ${fix}.`,
  );
}

function waysToBecome(owner: Owner): RunAs[] {
  const plain: RunAs = (command, args) => ({ command, args: [...args], user: owner });
  return [plain, withCapability(owner, 'dac_read_search'), withCapability(owner, 'dac_override')];
}

// `no_setuid_fixup` because PostgreSQL looks for its own executable with access(2), which ignores the capabilities
// of a user other than root unless that bit is set (Linux, access_override_creds). Reading and searching is enough:
// the cluster itself belongs to the owner. `dac_override` is for containers, where the former is not given.
function withCapability({ uid, gid }: Owner, capability: string): RunAs {
  const switches = [
    '--securebits=+no_setuid_fixup',
    '--no-new-privs',
    `--reuid=${uid}`,
    `--regid=${gid}`,
    '--clear-groups',
    `--inh-caps=+${capability}`,
    `--ambient-caps=+${capability}`,
    '--',
  ];
  return (command, args) => ({ command: 'setpriv', args: [...switches, command, ...args], user: {} });
}

// Redirections come from `exec`, so that the shell does not depend on where it was started.
const probeScript = 'cd "$1" && test -r "$3" && exec "$2" --version';

async function probe(
  runAs: RunAs,
  dir: string,
  { postgres, catalog }: Binaries,
): Promise<string | undefined> {
  const { exitCode, output } = await run(runAs('/bin/sh', ['-c', probeScript, 'sh', dir, postgres, catalog]));
  if (exitCode === 0) return undefined;
  return output.trim().split('\n').at(-1) || `exit code ${exitCode}`;
}

/** Runs a command to its end. `output` is what it wrote, both streams; a command that cannot start has exit code -1. */
export async function run(launch: Launch): Promise<{ exitCode: number; output: string }> {
  const child = spawn(launch.command, launch.args, {
    ...launch.user,
    cwd: '/',
    env: childEnvironment,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let output = '';
  const collect = (chunk: Buffer) => {
    output += chunk.toString();
  };
  child.stdout.on('data', collect);
  child.stderr.on('data', collect);
  try {
    const [exitCode] = (await once(child, 'close')) as [number | null];
    return { exitCode: exitCode ?? -1, output };
  } catch (error) {
    return { exitCode: -1, output: error instanceof Error ? error.message : String(error) };
  }
}
