// npm run simulate: runs the delivery engine over virtual time, one seed after another, and judges every run.
import { parseArgs } from 'node:util';
import { realNowMs, replaceTime } from './world.ts';
import type { RunResult } from './run.ts';

const progressEveryMs = 5_000;

const { values: options } = parseArgs({
  options: {
    seeds: { type: 'string', default: '1000' },
    from: { type: 'string', default: '0' },
    seed: { type: 'string' },
    trace: { type: 'boolean', default: false },
    json: { type: 'boolean', default: false },
    /** Ends with the first seed that breaks a rule. */
    first: { type: 'boolean', default: false },
    /** Puts the simulation itself on trial: with the bugs of planted.ts, or those whose name contains this. */
    planted: { type: 'string' },
  },
});

const say = (line: string) => process.stderr.write(`${line}\n`);

function wholeNumber(name: string, text: string): number {
  const value = Number(text);
  if (Number.isSafeInteger(value) && value >= 0) return value;
  throw new Error(`--${name} must be a whole number, not ${text}`);
}

interface Summary {
  seeds: number;
  virtualHours: number;
  events: number;
  messages: number;
  attempts: number;
  faults: number;
  duplicates: number;
  lateMs: number;
  seconds: number;
  broken: { seed: number; violations: string[] }[];
  hashes: string[];
}

function add(summary: Summary, result: RunResult): void {
  summary.seeds += 1;
  summary.virtualHours += result.virtualMs / 3_600_000;
  for (const name of ['events', 'messages', 'attempts', 'faults', 'duplicates'] as const) {
    summary[name] += result[name];
  }
  summary.lateMs = Math.max(summary.lateMs, result.lateMs);
  summary.hashes.push(result.hash);
  if (result.violations.length > 0) summary.broken.push({ seed: result.seed, violations: result.violations });
}

async function runSeeds(from: number, count: number): Promise<Summary> {
  replaceTime();
  // Loaded only now: the product must find the virtual timers when it is loaded.
  const { runSeed } = await import('./run.ts');
  const totals = { seeds: 0, virtualHours: 0, events: 0, messages: 0, attempts: 0, faults: 0, duplicates: 0 };
  const summary: Summary = { ...totals, lateMs: 0, seconds: 0, broken: [], hashes: [] };
  const startedAtMs = realNowMs();
  let saidAtMs = startedAtMs;
  const print = options.trace ? (line: string) => void process.stdout.write(`${line}\n`) : undefined;
  for (let seed = from; seed < from + count; seed += 1) {
    const result = await runSeed(seed, print);
    add(summary, result);
    if (result.violations.length > 0) say(`seed ${seed}: ${result.violations[0]}`);
    if (options.first && summary.broken.length > 0) break;
    if (realNowMs() - saidAtMs < progressEveryMs) continue;
    saidAtMs = realNowMs();
    say(`${summary.seeds} of ${count} seeds, ${summary.broken.length} broken`);
  }
  summary.seconds = Math.round((realNowMs() - startedAtMs) / 100) / 10;
  summary.virtualHours = Math.round(summary.virtualHours * 10) / 10;
  return summary;
}

function report(summary: Summary): void {
  for (const { seed, violations } of summary.broken)
    say(`seed ${seed}\n  ${violations.join('\n  ')}\n  npm run simulate -- --seed ${seed} --trace`);
  const { seeds, seconds, virtualHours, messages, attempts, faults, duplicates, broken } = summary;
  say(
    `${seeds} seeds in ${seconds} s: ${virtualHours} virtual hours, ${messages} messages, ${attempts} attempts, ` +
      `${faults} faults, ${duplicates} duplicates, ${broken.length} broken`,
  );
}

async function tryPlanted(part: string, seeds: number): Promise<boolean> {
  const { plantedBugs, tryBug } = await import('./planted.ts');
  const chosen = plantedBugs.filter(({ name }) => name.includes(part));
  let foundCount = 0;
  for (const bug of chosen) {
    const { name, seed, violation, seeds: tried } = await tryBug(bug, seeds);
    if (seed !== undefined) foundCount += 1;
    say(`${seed === undefined ? `MISSED in ${tried} seeds` : `seed ${seed}`}: ${name}: ${violation}`);
    if (options.json) process.stdout.write(`${JSON.stringify({ name, seed, violation })}\n`);
  }
  say(`${foundCount} of ${chosen.length} planted bugs found`);
  return chosen.length > 0 && foundCount === chosen.length;
}

async function main(): Promise<boolean> {
  if (options.planted !== undefined) return tryPlanted(options.planted, wholeNumber('seeds', options.seeds));
  const from = wholeNumber('seed', options.seed ?? options.from);
  const count = options.seed === undefined ? wholeNumber('seeds', options.seeds) : 1;
  const summary = await runSeeds(from, count);
  if (options.json) process.stdout.write(`${JSON.stringify(summary)}\n`);
  else report(summary);
  return summary.broken.length === 0;
}

process.exitCode = (await main()) ? 0 : 1;
