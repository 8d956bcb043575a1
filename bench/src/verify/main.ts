// `npm run bench:verify`: what verifying costs, in bytes to ship and in time, beside the libraries that people use.
import { parseArgs } from 'node:util';
import { keepResults, measuredVersion } from '../keep-results.ts';
import { describeMachine } from '../machine.ts';
import { Progress } from '../progress.ts';
import { textReport } from '../report.ts';
import type { CaseResult, Results, Table } from '../result.ts';
import { bodyBytes } from './pairs.ts';
import { measureSizes } from './size.ts';
import type { Size } from './size.ts';
import { measureSpeeds } from './speed.ts';
import type { Speed, SpeedOptions } from './speed.ts';

interface Options extends SpeedOptions {
  json: boolean;
  write: boolean;
}

const usage = `npm run bench:verify [-- OPTIONS]

Measures verifications a second beside other libraries, in turns, on this machine, and the size of bundles.

  --rounds N       how often each has its turn (9)
  --duration MS    length of one turn in milliseconds (300)
  --json           one JSON object on stdout
  --write          keeps the figures in bench/results.json and docs/benchmarks.md
  --help           this text
`;
const usageExitCode = 2;

function parseOptions(args: readonly string[]): Options | { problem: string } | 'help' {
  const text = { type: 'string' } as const;
  const flag = { type: 'boolean', default: false } as const;
  let values;
  try {
    const options = { rounds: text, duration: text, json: flag, write: flag, help: flag };
    ({ values } = parseArgs({ args: [...args], options }));
  } catch (error) {
    return { problem: error instanceof Error ? error.message : String(error) };
  }
  if (values.help) return 'help';
  const rounds = Number(values.rounds ?? 9);
  const windowMs = Number(values.duration ?? 300);
  if (!Number.isSafeInteger(rounds) || rounds < 1) return { problem: '--rounds takes a whole number from 1' };
  if (!(windowMs > 0 && windowMs < Infinity)) return { problem: '--duration takes milliseconds above 0' };
  return { rounds, windowMs, json: values.json, write: values.write };
}

function sizeTable(sizes: readonly Size[]): Table {
  return {
    title: 'Bytes of a bundle (esbuild, minified)',
    head: ['bundle', 'minified', 'gzip'],
    rows: sizes.map(({ bundle, minifiedBytes, gzipBytes }) => [bundle, minifiedBytes, gzipBytes]),
  };
}

function speedTable(speeds: readonly Speed[]): Table {
  return {
    title: `Verifications of a body of ${bodyBytes} bytes, one after the other; a ratio above 1: ours does more`,
    head: [
      'scheme',
      'ours',
      'theirs',
      'ours/s',
      'theirs/s',
      'ratio',
      'ours CPU µs',
      'theirs CPU µs',
      'CPU ratio',
    ],
    rows: speeds.map((speed) => [
      speed.scheme,
      speed.ours,
      speed.theirs,
      speed.oursPerSecond,
      speed.theirsPerSecond,
      speed.ratio.toFixed(2),
      speed.oursCpuMicros.toFixed(1),
      speed.theirsCpuMicros.toFixed(1),
      speed.cpuRatio.toFixed(2),
    ]),
  };
}

async function measure(options: Options): Promise<CaseResult> {
  const progress = new Progress();
  try {
    progress.inCase('bundles');
    const sizes = await measureSizes();
    const speeds = await measureSpeeds(options, progress);
    return { values: {}, loads: {}, tables: [speedTable(speeds), sizeTable(sizes)] };
  } finally {
    progress.end();
  }
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
  const machine = describeMachine();
  const result = await measure(options);
  const measuredAt = new Date().toISOString();
  const results: Results = { verify: { ...result, measuredAt, machine, posthorn: measuredVersion() } };
  const text = options.json
    ? `${JSON.stringify({ machine, results }, undefined, 2)}\n`
    : textReport(results, machine);
  process.stdout.write(text);
  if (options.write) keepResults(results);
  return 0;
}

process.exitCode = await main();
