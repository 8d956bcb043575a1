// docs/benchmarks.md: what was to be reached beside what was measured, written from bench/results.json.
import { loadLine, machineLine } from './machine.ts';
import { caseNames } from './options.ts';
import { loadTable, transposed, valueText } from './report.ts';
import { type RecordedCase, type Results } from './result.ts';

const crashAcceptedMin = 1_000_000;
const crashKillsMin = 300;

type Measured = (results: Results) => number | undefined;

interface Goal {
  name: string;
  bound: 'at least' | 'at most';
  target: number;
  unit: string;
  /** Undefined: not measured. */
  measured: Measured;
}

const figure =
  (name: string, key: string): Measured =>
  (results) =>
    results[name]?.values[key];

const atLeast = (target: number, unit = '') => ({ bound: 'at least', target, unit }) as const;
const atMost = (target: number, unit = '') => ({ bound: 'at most', target, unit }) as const;

// The crash rows are measured by `npm run crash -- --write`, under the case name `crash`.
const goals: readonly Goal[] = [
  {
    name: 'Delivered per second, one endpoint, 1 KB, full durability, relative to the bare relay in the same run',
    ...atLeast(0.85),
    measured: figure('one', 'ratio'),
  },
  {
    name: 'Publish to arrival, p99, at half of the maximum rate',
    ...atMost(50, ' ms'),
    measured: figure('latency', 'arrivalP99Ms'),
  },
  {
    name: 'The same where Linux writes pages early (docs/operations.md)',
    ...atMost(50, ' ms'),
    measured: figure('latencyEarlyWriteback', 'arrivalP99Ms'),
  },
  {
    name: "Healthy endpoints' p99 while half of all endpoints hang, relative to none hanging",
    ...atMost(1.5),
    measured: figure('hanging', 'p99Ratio'),
  },
  {
    name: 'The same with half of them hanging, where Linux writes pages early',
    ...atMost(1.5),
    measured: figure('hangingEarlyWriteback', 'p99Ratio'),
  },
  {
    name: "Other endpoints' p99 while one is flooded with 50 times as much, relative to no flood",
    ...atMost(1.5),
    measured: figure('flood', 'p99Ratio'),
  },
  {
    name: 'Throughput with 100,000 endpoints and 10 million due rows, relative to empty',
    ...atLeast(0.9),
    measured: ofRows('backlog', 10_000_000, 'dueRelativeToEmpty'),
  },
  {
    name: 'Drain of 100,000 due retries, relative to the steady rate',
    ...atLeast(0.8),
    measured: figure('drain', 'relativeToSteady'),
  },
  {
    name: 'Lost, of 1,000,000 accepted under at least 300 kills',
    ...atMost(0),
    measured: ofLongCrash('lost'),
  },
  {
    name: 'All invariants hold in the run of 1,000,000 (1: yes)',
    ...atLeast(1),
    measured: ofLongCrash('allRulesHold'),
  },
  {
    name: "All invariants hold while PostgreSQL's disk is full, which is answered with 503 (1: yes)",
    ...atLeast(1),
    measured: figure('crashDiskFull', 'allRulesHold'),
  },
  { name: 'Duplicates without a fault', ...atMost(0), measured: duplicatesWithoutFault },
  {
    name: 'Duplicates under kills, relative to what was in flight at the kills',
    ...atMost(1),
    measured: ofLongCrash('duplicatedRelativeToInFlight'),
  },
  {
    name: 'Resumed after a kill',
    ...atMost(30, ' s'),
    measured: ofLongCrash('resumedSecondsMax'),
  },
  {
    name: 'RSS of a server process while it works off a backlog of 1,000,000',
    ...atMost(300, ' MiB'),
    measured: ofRows('memory', 1_000_000, 'rssMaxMiB'),
  },
  {
    name: 'Statements for each delivered message, at the maximum rate and at half of it',
    ...atMost(3),
    measured: statementsPerDelivery,
  },
  {
    name: 'Statements a second of a server that nobody asks for anything',
    ...atMost(1),
    measured: figure('idle', 'statementsPerSecond'),
  },
];

/** A figure that counts only when the case had this many rows: fewer can be asked for. */
function ofRows(name: string, rowsMin: number, key: string): Measured {
  return (results) => {
    const rows = figure(name, 'rows')(results) ?? 0;
    return rows >= rowsMin ? figure(name, key)(results) : undefined;
  };
}

/** A figure that counts only of a crash run that was as long as its goal says. */
function ofLongCrash(key: string): Measured {
  return (results) => {
    const accepted = figure('crash', 'accepted')(results) ?? 0;
    const kills = figure('crash', 'kills')(results) ?? 0;
    return accepted >= crashAcceptedMin && kills >= crashKillsMin ? figure('crash', key)(results) : undefined;
  };
}

/** Within a load, from an earlier load, and what came when all had come. */
function duplicatesWithoutFault(results: Results): number | undefined {
  const cases = Object.entries(results).filter(([name]) => !name.startsWith('crash'));
  const counts = cases.map(([, { values, loads }]) => {
    const totals = Object.entries(loads)
      .filter(([name]) => !name.startsWith('relay'))
      .flatMap(([, rounds]) => rounds.map((load) => load.totals));
    const duplicated = totals.reduce((sum, load) => sum + load.duplicated, values['duplicated'] ?? 0);
    // Where some of a load is still to come, the next one cannot tell it from what comes again.
    if (totals.some(({ missing }) => missing > 0)) return duplicated;
    const late = totals.reduce((sum, load) => sum + load.strays, values['arrivedAfterAll'] ?? 0);
    return duplicated + late;
  });
  return counts.length === 0 ? undefined : counts.reduce((sum, count) => sum + count, 0);
}

function statementsPerDelivery(results: Results): number | undefined {
  const loads = [results['one']?.loads['posthorn'], results['latency']?.loads['posthorn']].flatMap(
    (rounds) => rounds ?? [],
  );
  return loads.length === 0 ? undefined : Math.max(...loads.map((load) => load.statementsPerDelivery));
}

const introduction = `# Benchmarks

<!-- Written by \`npm run bench -- --write\` from bench/results.json: measure again instead of editing. -->

Posthorn, PostgreSQL, the publisher and the receiver share one machine, so every figure is what is left after the others took their part. Every case is one command: \`npm run bench -- --case one\`; \`npm run bench -- --help\` lists them.
`;

const method = `
## How it is measured

- **The relay** is a Node server that accepts a message, answers 202 at once and forwards it: \`node:http\` in, undici out, nothing stored, signed or checked. It and Posthorn take turns, round by round, and the ratio is taken within a round; the table gives medians.
- **Maximum**: 64 connections publish as fast as they are answered, but never more than 256 messages are under way (published and not arrived), so the rate is one that could go on for ever. **Overloaded**: the same without that limit; the relay then accepts far more than it forwards, and its delivered rate within the window falls.
- **Node** runs Posthorn with \`--max-semi-space-size=16 --heap-growing-percent=100\`, as \`npm start\` does.
- **PostgreSQL** starts with a write-ahead log that was filled once, as one that has run for a while has it: a new one makes a file of 16 MiB every 5,000 messages, and every commit waits for it.
- **Fixed rate**: messages fall due at even distances, and latency counts from that moment, also when no connection was free. Publishing is driven by a timer of 1 ms, which is part of the latency. **Kept up** (keptUp) is the share of the rate that was accepted: well below 1, the machine was too busy for the latency to say anything.
- **The machine's own delays** are taken before the cases, with nothing else running: how long a write and fdatasync take, and how late an idle process is woken. A commit waits for the one and every message passes several of the other, so a p99 is read next to them.
- **Early writeback** (latencyEarlyWriteback, hangingEarlyWriteback): the same on the same machine with \`vm.dirty_background_bytes\` set as docs/operations.md says. Without it Linux keeps new pages of PostgreSQL's files for 30 s and writes them at once, and commits wait for that; the embedded PostgreSQL, which all cases use, has them written twice a second.
- **Arrival** is when the receiver has read the whole request. All processes read one clock (CLOCK_MONOTONIC). Quantiles come from histograms whose buckets grow by 1 %, which is within 0.5 % of the true value.
- **CPU** comes from /proc, children included, in units of 10 ms, per delivery within the window. **Statements** come from pg_stat_statements, which is loaded for the measurement; PostgreSQL's other settings are the ones Posthorn ships.
- **Missing** and **duplicated** come from ids made by the publisher, compared with what the receiver wrote down. The wait ends when all of it is there, or when nothing came for 3 seconds: what is missing then may still wait its turn. What comes again later, during a later load or within 25 s after the last one (arrivedAfterAll), counts as duplicated, too, unless some of an earlier load was still missing. That nothing is lost is what the crash runs prove.
- **Requests of a provider** (inbound) are signed as GitHub signs them, by the publisher while it measures. **Acknowledged** counts from when a request was sent, or fell due, to its 2xx; each is verified and stored by then. Cost per delivery is cost per request: there is one endpoint.
- **Crash runs** (crash, crashInbound, crashFailPoints, crashMutants) are \`npm run crash\`: processes are killed, frozen and cut off from PostgreSQL under load, and a checker compares a journal of the publisher, a journal of the receiver (both on disk before they count) and the database. **inFlightAtFaults** counts the requests that were under way, or answered and not yet written down, when the process that had sent them was killed or frozen, or PostgreSQL was away for longer than 8 s: so many messages may come twice. Requests that do not say which process sent them (**senderUnknown**; all of them, where a run has no such figure) count for every process.
`;

export function benchmarksDocument(results: Results): string {
  const rows = goals.map((goal) => goalRow(goal, results));
  const short = goals.filter((goal) => meets(goal, results) === false).map(({ name }) => `- ${name}`);
  const unmeasured = caseNames.filter((name) => !(name in results));
  const parts = [
    introduction,
    '## To reach\n',
    '| | goal | measured | |\n|---|---|---|---|',
    rows.join('\n'),
    short.length > 0 ? `\nFalling short:\n\n${short.join('\n')}` : '',
    method,
    unmeasured.length > 0 ? `\nNot measured yet: ${unmeasured.join(', ')}.\n` : '',
    ...Object.entries(results).map(([name, result]) => caseSection(name, result)),
  ];
  return `${parts
    .filter((part) => part !== '')
    .join('\n')
    .trimEnd()}\n`;
}

function meets({ bound, target, measured }: Goal, results: Results): boolean | undefined {
  const value = measured(results);
  if (value === undefined) return undefined;
  return bound === 'at least' ? value >= target : value <= target;
}

function goalRow(goal: Goal, results: Results): string {
  const { name, bound, target, unit, measured } = goal;
  const value = measured(results);
  const verdict = meets(goal, results);
  const shown = value === undefined ? 'not measured' : `${valueText(value)}${unit}`;
  const word = verdict === undefined ? '' : verdict ? 'reached' : '**falls short**';
  return `| ${name} | ${bound} ${target}${unit} | ${shown} | ${word} |`;
}

function caseSection(name: string, result: RecordedCase): string {
  const { measuredAt, machine, posthorn, values, skipped } = result;
  const lines = [
    `## ${name}\n`,
    `${measuredAt}, Posthorn ${posthorn}, ${machineLine(machine)}, ${loadLine(machine)}.\n`,
  ];
  if (skipped !== undefined) lines.push(`Not measured: ${skipped}.\n`);
  const figures = Object.entries(values).map(([key, value]) => `| ${key} | ${valueText(value)} |`);
  if (figures.length > 0) lines.push(`| figure | |\n|---|---|\n${figures.join('\n')}\n`);
  for (const { title, head, rows } of result.tables ?? []) {
    const body = rows.map((row) => `| ${row.join(' | ')} |`).join('\n');
    lines.push(`${title}:\n\n| ${head.join(' | ')} |\n|${'---|'.repeat(head.length)}\n${body}\n`);
  }
  const cells = transposed(loadTable(result));
  const [titles, ...rows] = cells.map((row) => `| ${row.join(' | ')} |`);
  if (titles !== undefined)
    lines.push(`${titles}\n|${'---|'.repeat(cells[0]?.length ?? 0)}\n${rows.join('\n')}\n`);
  return lines.join('\n');
}
