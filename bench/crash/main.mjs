// @ts-check
// npm run crash: kills, freezes and cuts under load, and a judge that counts what came of it.
import { rmSync } from 'node:fs';
import { mkdtemp, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { diskFullOutside, diskFullRun } from './disk-full.mjs';
import { runFailPoints } from './fail-point-runs.mjs';
import { runMutants } from './mutant-runs.mjs';
import { readOptions, usage } from './options.mjs';
import { startPostgres } from './postgres.mjs';
import { describeMachineOf, keep, keepJudged, keptDiskFull, keptRun } from './keep.mjs';
import { checkKept } from './kept-run.mjs';
import { reportLines } from './report.mjs';
import { runOnce } from './run.mjs';
import { onlyOf, shares } from './plan.mjs';
import { planFaults, planShortFaults } from './schedule.mjs';
import { takeSnapshot } from './snapshot.mjs';

const signalExitCode = 130;
const shortEvents = 2_500;
/** Endpoints that only fail are closed for longer and longer, and would have to be waited for at the end. */
const shortMix = shares.filter(([type]) => type !== 'dead');

/** Their endpoints accept what they get: what is looked at is what comes in. */
const copiesMix = onlyOf(['steady', 'pair']);

/** The short form runs beside other tests: what takes long there says little. */
const shortLateMaxMs = 60_000;

const options = readOptions(process.argv.slice(2));
const say = (/** @type {string} */ line) => process.stderr.write(`${line}\n`);

/** @typedef {{ ok: boolean, document: any, lines: string[], kept?: import('./keep.mjs').KeptCases, machine?: any }} Result */

/** @param {string} folder @returns {Promise<Result>} */
async function crash(folder) {
  const { seed, kills, seconds, processes, short, inbound, copies } = options;
  const events = short && copies === undefined ? shortEvents : options.events;
  const planned = short ? planShortFaults(seed) : planFaults({ seed, kills, seconds });
  const faults = copies === undefined ? planned : [];
  say(
    `seed ${seed}: ${events} events, ${processes} processes, ${faults.length} faults, ${faults.filter(({ kind }) => kind === 'kill').length} of them kills`,
  );
  const main = await takeSnapshot(join(folder, 'product'));
  const postgres = await startPostgres(join(folder, 'postgres'));
  try {
    const machine = options.write ? await describeMachineOf(postgres.url) : undefined;
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
      isPaced: !short && faults.length > 0,
      inbound,
      ...(faults.length === 0 ? { perSecond: 0 } : {}),
      ...(short ? { mix: shortMix, lateMaxMs: shortLateMaxMs } : {}),
      ...(copies === undefined ? {} : { copies, mix: copiesMix }),
    };
    const verdict = await runOnce(run);
    const disk =
      options.diskFull && !short && !inbound
        ? await diskFullOutside(seed, say)
        : { ok: true, lines: ['full disk: left out'] };
    const { ok: runOk, rules, counts, ms, record } = verdict;
    const lines = [...reportLines(verdict, { seed, ms }), ...disk.lines];
    return {
      ok: runOk && disk.ok,
      document: { seed, ok: runOk && disk.ok, rules, counts, ms, faults, record, disk },
      lines,
      kept: { [caseName(options)]: keptRun(options, verdict), ...keptDiskFull(seed, disk) },
      machine,
    };
  } finally {
    await postgres.stop();
  }
}

/** @param {import('./options.mjs').Options} options */
function caseName({ inbound, copies }) {
  if (!inbound) return 'crash';
  return copies === undefined ? 'crashInbound' : 'crashInboundCopies';
}

/** @param {string} folder that was kept @returns {Promise<Result>} */
async function checkAgain(folder) {
  const { verdict, seed, ms } = await checkKept(folder);
  const { ok, rules, counts } = verdict;
  if (options.write) await keepJudged('crash', keptRun({ ...options, seed }, { ...verdict, ms }));
  return { ok, document: { seed, ok, rules, counts }, lines: reportLines(verdict, { seed, ms }) };
}

/** @param {string} folder @returns {Promise<Result>} */
function chosen(folder) {
  if (options.diskFullFolder) return diskFullRun(folder, options.diskFullFolder, options.seed, say);
  if (options.check !== undefined) return checkAgain(options.check);
  if (options.mutants) return runMutants(folder, options, say);
  return options.failPoints ? runFailPoints(folder, options, say) : crash(folder);
}

async function work() {
  const folder = await mkdtemp(join(tmpdir(), 'posthorn-crash-'));
  process.on('exit', () => {
    if (options.keep) say(`kept: ${folder}`);
    else rmSync(folder, { recursive: true, force: true });
  });
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'])
    process.once(signal, () => process.exit(signalExitCode));
  const result = await chosen(folder);
  // With when each fault was: what no fault explains is looked for there.
  if (options.keep) await writeFile(join(folder, 'result.json'), JSON.stringify(result.document));
  if (options.write && result.kept) await keep(result.kept, result.machine);
  process.stdout.write(
    options.json ? `${JSON.stringify(result.document)}\n` : `${result.lines.join('\n')}\n`,
  );
  process.exitCode = result.ok ? 0 : 1;
}

if (options.help) process.stdout.write(usage);
else await work();
