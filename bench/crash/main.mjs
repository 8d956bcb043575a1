// @ts-check
// npm run crash: kills, freezes and cuts under load, and a judge that counts what came of it.
import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { diskFullOutside, diskFullRun } from './disk-full.mjs';
import { runMutants } from './mutant-runs.mjs';
import { readOptions, usage } from './options.mjs';
import { startPostgres } from './postgres.mjs';
import { reportLines } from './report.mjs';
import { runOnce } from './run.mjs';
import { planFaults } from './schedule.mjs';
import { takeSnapshot } from './snapshot.mjs';

const options = readOptions(process.argv.slice(2));
const say = (/** @type {string} */ line) => process.stderr.write(`${line}\n`);

/** @typedef {{ ok: boolean, document: object, lines: string[] }} Result */

/** @param {string} folder @returns {Promise<Result>} */
async function crash(folder) {
  const { seed, kills, seconds, events, processes } = options;
  const faults = planFaults({ seed, kills, seconds });
  say(
    `seed ${seed}: ${events} events, ${processes} processes, ${faults.length} faults, ${kills} of them kills`,
  );
  const main = await takeSnapshot(join(folder, 'product'));
  const postgres = await startPostgres(join(folder, 'postgres'));
  try {
    const run = {
      folder: join(folder, 'run'),
      main,
      postgres,
      database: 'crash',
      seed,
      events,
      processes,
      faults,
      say,
    };
    const verdict = await runOnce(run);
    const disk = options.diskFull
      ? await diskFullOutside(seed, say)
      : { ok: true, lines: ['full disk: left out'] };
    const { ok: runOk, rules, counts, ms, record } = verdict;
    const lines = [...reportLines(verdict, { seed, ms }), ...disk.lines];
    return {
      ok: runOk && disk.ok,
      document: { seed, ok: runOk && disk.ok, rules, counts, ms, faults, record, disk },
      lines,
    };
  } finally {
    await postgres.stop();
  }
}

async function work() {
  const folder = await mkdtemp(join(tmpdir(), 'posthorn-crash-'));
  let result;
  try {
    await mkdir(folder, { recursive: true });
    if (options.diskFullFolder) result = await diskFullRun(folder, options.diskFullFolder, options.seed);
    else if (options.mutants) result = await runMutants(folder, options, say);
    else result = await crash(folder);
  } finally {
    if (options.keep) say(`kept: ${folder}`);
    else await rm(folder, { recursive: true, force: true });
  }
  process.stdout.write(
    options.json ? `${JSON.stringify(result.document)}\n` : `${result.lines.join('\n')}\n`,
  );
  process.exitCode = result.ok ? 0 : 1;
}

if (options.help) process.stdout.write(usage);
else await work();
