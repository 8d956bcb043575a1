// `npm run bench`: starts the processes, runs the cases, prints and keeps what they found, and leaves nothing behind.
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { backlog, drain, memory } from './cases/backlog.ts';
import { flood, hanging, idle, latency } from './cases/fairness.ts';
import { inbound } from './cases/inbound.ts';
import { apps, batch, fanout, fifo, large, one } from './cases/throughput.ts';
import { endAllChildren, startChild } from './child.ts';
import { keepResults, measuredVersion } from './keep-results.ts';
import { describeMachine, type Machine } from './machine.ts';
import { type CaseName, type Options, parseOptions, usage } from './options.ts';
import { startPostgres } from './postgres.ts';
import { Progress } from './progress.ts';
import { textReport } from './report.ts';
import type { CaseResult, Results } from './result.ts';
import type { Stage } from './stage.ts';
import { probeStillness } from './stillness.ts';

const cases: Readonly<Record<CaseName, (stage: Stage) => Promise<CaseResult>>> = {
  one,
  latency,
  idle,
  fanout,
  apps,
  large,
  batch,
  fifo,
  inbound,
  hanging,
  flood,
  drain,
  memory,
  backlog,
};
const caseTimeoutMs = 600_000;
const backlogTimeoutMs = 3_600_000;
const usageExitCode = 2;
const signalExitCode = 130;

interface Measured {
  machine: Machine;
  results: Results;
  failures: string[];
}

/** Runs the cases one after the other. `ended` rejects when the run is to stop. */
async function measure(options: Options, ended: Promise<never>): Promise<Measured> {
  const folder = await mkdtemp(join(tmpdir(), 'posthorn-bench-'));
  const progress = new Progress();
  progress.inCase('starting');
  let stopPostgres: (() => Promise<void>) | undefined;
  try {
    const postgres = await startPostgres(folder);
    stopPostgres = postgres.stop;
    const machine = { ...describeMachine(postgres), stillness: await probeStillness(folder) };
    const sink = startChild('sink');
    const { port: sinkPort } = await sink.next('listening');
    const generator = startChild('generator');
    await generator.next('ready');
    sink.on('arriving', ({ arrived }) => arrived > 0 && progress.at(`${arrived} arrived`));
    let load = 0;
    const nextLoad = () => (load += 1);
    const bench = { generator, sink, sinkPort, postgres, progress, nextLoad };
    const found = await runCases({ bench, options, folder }, machine, ended);
    return { machine, ...found };
  } finally {
    progress.end();
    endAllChildren();
    await stopPostgres?.();
    await rm(folder, { recursive: true, force: true });
  }
}

async function runCases(
  stage: Stage,
  machine: Machine,
  ended: Promise<never>,
): Promise<Omit<Measured, 'machine'>> {
  const results: Results = {};
  const failures: string[] = [];
  const version = measuredVersion();
  for (const name of stage.options.cases) {
    stage.bench.progress.inCase(name);
    delete stage.profile;
    const aborted = deadline(name === 'backlog' ? backlogTimeoutMs : caseTimeoutMs);
    try {
      const result = await Promise.race([cases[name](stage), ended, aborted.expired]);
      const profile = stage.profile === undefined ? {} : { profile: stage.profile };
      results[recordedAs(name, machine)] = {
        ...result,
        ...profile,
        measuredAt: new Date().toISOString(),
        machine,
        posthorn: version,
      };
    } catch (error) {
      if (error instanceof Interrupted) throw error;
      failures.push(`${name}: ${error instanceof Error ? error.message : String(error)}`);
      // A case that was left in the middle goes on using the processes.
      if (error instanceof Expired) break;
    } finally {
      aborted.clear();
    }
  }
  return { results, failures };
}

// A machine that was set for it is another machine: its figures do not take the place of those as machines come.
const recordedAs = (name: CaseName, { writebackBytes }: Machine): string =>
  writebackBytes === undefined ? name : `${name}EarlyWriteback`;

class Interrupted extends Error {}
class Expired extends Error {}

function deadline(timeoutMs: number): { expired: Promise<never>; clear(): void } {
  let timer: NodeJS.Timeout | undefined;
  const expired = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => reject(new Expired(`not done after ${timeoutMs / 1_000} s`)), timeoutMs);
  });
  return { expired, clear: () => clearTimeout(timer) };
}

function interruption(): Promise<never> {
  return new Promise((_resolve, reject) => {
    for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
      process.once(signal, () => reject(new Interrupted(signal)));
    }
  });
}

async function main(): Promise<number> {
  const options = parseOptions(process.argv.slice(2));
  if (options === 'help') {
    process.stdout.write(usage);
    return 0;
  }
  if ('problem' in options) {
    process.stderr.write(`${options.problem}\n\n${usage}`);
    return usageExitCode;
  }
  try {
    const { machine, results, failures } = await measure(options, interruption());
    const text = options.json
      ? `${JSON.stringify({ machine, results, failures }, undefined, 2)}\n`
      : textReport(results, machine);
    process.stdout.write(text);
    if (options.write) keepResults(results);
    for (const failure of failures) process.stderr.write(`failed: ${failure}\n`);
    return failures.length === 0 ? 0 : 1;
  } catch (error) {
    if (!(error instanceof Interrupted)) throw error;
    process.stderr.write(`stopped by ${error.message}\n`);
    return signalExitCode;
  }
}

// What a case left in the middle would still wait for does not hold the end up.
process.exit(await main());
