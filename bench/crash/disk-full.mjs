// @ts-check
// A disk that fills up: PostgreSQL on a small tmpfs in a mount namespace of its own. Needs root; otherwise named as not run.
import { spawn } from 'node:child_process';
import { mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { startPostgres } from './postgres.mjs';
import { reportLines } from './report.mjs';
import { runOnce } from './run.mjs';
import { takeSnapshot } from './snapshot.mjs';

const diskMegabytes = 400;
const events = 3_000;
export const diskFullProcesses = 2;
const mount = `mount -t tmpfs -o size=${diskMegabytes}m,mode=0777 tmpfs "$1" && shift && exec "$@"`;
/** @type {import('./schedule.mjs').PlannedFault[]} */
const faults = [
  { kind: 'disk_full', atMs: 4_000, target: 0, lastsMs: 4_000 },
  { kind: 'kill', atMs: 14_000, target: 0, lastsMs: 500 },
  { kind: 'disk_full', atMs: 18_000, target: 0, lastsMs: 3_000 },
];

/**
 * @typedef {object} DiskFull
 * @property {boolean} ok
 * @property {string[]} lines
 * @property {Pick<import('./checker.mjs').Verdict, 'ok' | 'rules' | 'counts'> & { ms: number }} [verdict] undefined: not run
 */

/** Runs this program again in a mount namespace with the small disk. @param {number} seed @param {(line: string) => void} say @returns {Promise<DiskFull>} */
export async function diskFullOutside(seed, say) {
  if (process.platform !== 'linux' || process.getuid?.() !== 0 || !(await canMount())) {
    return { ok: true, lines: ['full disk: NOT RUN (needs Linux, root and the right to mount)'] };
  }
  say('full disk: PostgreSQL on a small tmpfs');
  const folder = `/tmp/posthorn-crash-disk-${process.pid}`;
  await mkdir(folder, { recursive: true });
  const program = fileURLToPath(new URL('main.mjs', import.meta.url));
  const inner = [process.execPath, program, '--json', '--seed', String(seed), '--disk-full-folder', folder];
  const { code, output } = await run('unshare', ['-m', 'sh', '-c', mount, 'sh', folder, ...inner]);
  await rm(folder, { recursive: true, force: true });
  if (output === '') return { ok: false, lines: [`full disk: FAILED, the run ended with ${code}`] };
  const document = JSON.parse(output);
  return { ok: code === 0, lines: ['full disk:', ...document.lines], verdict: document.verdict };
}

async function canMount() {
  const { code } = await run('unshare', ['-m', 'sh', '-c', 'mount -t tmpfs tmpfs /mnt']);
  return code === 0;
}

/** @param {string} folder @param {string} disk mounted @param {number} seed @param {(line: string) => void} say */
export async function diskFullRun(folder, disk, seed, say) {
  const main = await takeSnapshot(join(folder, 'product'));
  const small = { min_wal_size: '32MB', max_wal_size: '64MB', log_rotation_size: '1MB' };
  const postgres = await startPostgres(join(disk, 'postgres'), small);
  try {
    const own = {
      folder: join(folder, 'run'),
      main,
      postgres,
      database: 'crash',
      seed,
      events,
      processes: diskFullProcesses,
      faults,
      say: (/** @type {string} */ line) => say(`full disk: ${line}`),
    };
    const verdict = await runOnce({ ...own, diskFolder: disk });
    const { rules, counts, ms } = verdict;
    // A disk that nobody noticed proves nothing.
    const unavailable = counts['unavailable'] ?? 0;
    const ok = verdict.ok && unavailable > 0;
    const lines = [
      ...reportLines({ ...verdict, ok }, { seed, ms }),
      `  answered with 503 ${unavailable} times${unavailable > 0 ? '' : ': the disk was never full'}`,
    ];
    return { ok, document: { ok, lines, verdict: { ok, rules, counts, ms } }, lines };
  } finally {
    await postgres.stop();
  }
}

/** @param {string} command @param {string[]} args @returns {Promise<{ code: number | null, output: string }>} */
function run(command, args) {
  const child = spawn(command, args, { stdio: ['ignore', 'pipe', 'inherit'] });
  let output = '';
  child.stdout.on('data', (piece) => {
    output += piece;
  });
  return new Promise((resolve) => {
    child.on('error', () => resolve({ code: 127, output: '' }));
    child.on('close', (code) => resolve({ code, output }));
  });
}
