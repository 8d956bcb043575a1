// @ts-check
// npm run fuzz:http: malformed requests against the doors of sources, by a seed.
import { rmSync } from 'node:fs';
import { mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startPostgres } from '../crash/postgres.mjs';
import { takeSnapshot } from '../crash/snapshot.mjs';
import { quantile } from './bystander.mjs';
import { readOptions, usage } from './options.mjs';
import { fuzz } from './run.mjs';

/** Bodies that are read or wait to be stored are held twice for a moment; the rest is what Node and the program need. */
const rssMaxMiB = 512;
/** A machine that is busy with the junk is slower; nobody may be forgotten. */
const slowestMaxMs = 30_000;
const signalExitCode = 130;

const options = readOptions(process.argv.slice(2));
const say = (/** @type {string} */ line) => process.stderr.write(`${line}\n`);

const times = (/** @type {readonly { ms: number }[]} */ list) => list.map((one) => one.ms);
const inMs = (/** @type {number} */ value) => value.toFixed(1);
const counted = (/** @type {Record<string, number>} */ counts) =>
  Object.entries(counts)
    .map(([name, count]) => `${name} ${count}`)
    .join(', ');

async function work() {
  const folder = await mkdtemp(join(tmpdir(), 'posthorn-http-fuzz-'));
  process.on('exit', () => rmSync(folder, { recursive: true, force: true }));
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'])
    process.once(signal, () => process.exit(signalExitCode));
  say(`seed ${options.seed}: ${options.seconds} s`);
  const main = await takeSnapshot(join(folder, 'product'));
  const postgres = await startPostgres(join(folder, 'postgres'));
  try {
    return judged(await fuzz({ folder: join(folder, 'run'), main, postgres }, options));
  } finally {
    await postgres.stop();
  }
}

/** @param {Awaited<ReturnType<typeof fuzz>>} found */
function judged({ judge, rss, calm, busy }) {
  if (rss.maxMiB > rssMaxMiB) judge.violate('memory is bounded', `${rss.maxMiB} of ${rssMaxMiB} MiB`);
  for (const { id, status, ms } of [...calm, ...busy]) {
    if (status !== 204 || ms > slowestMaxMs)
      judge.violate('other sources are answered', `${id}: ${status} after ${Math.round(ms)} ms`);
  }
  const bystander = {
    requests: busy.length,
    calmP50Ms: quantile(times(calm), 0.5),
    calmP99Ms: quantile(times(calm), 0.99),
    p50Ms: quantile(times(busy), 0.5),
    p99Ms: quantile(times(busy), 0.99),
    maxMs: Math.max(0, ...times(busy)),
  };
  const { ok, rules, statuses, cases } = judge;
  const requests = Object.values(cases).reduce((sum, count) => sum + count, 0);
  const { seed, seconds } = options;
  return { ok, seed, seconds, requests, statuses, cases, rss, bystander, broken: rules };
}

/** @param {Awaited<ReturnType<typeof work>>} document */
function linesOf({ ok, seed, seconds, requests, statuses, cases, rss, bystander, broken }) {
  const lines = [
    `  requests ${requests} of ${Object.keys(cases).length} kinds; answers: ${counted(statuses)}`,
    `  memory ${rss.startMiB} MiB at the start, ${rss.maxMiB} at most, ${rss.endMiB} at the end`,
    `  another source meanwhile: ${bystander.requests} requests, p50 ${inMs(bystander.p50Ms)} ms (${inMs(bystander.calmP50Ms)} before), p99 ${inMs(bystander.p99Ms)} ms (${inMs(bystander.calmP99Ms)} before), at most ${inMs(bystander.maxMs)} ms`,
  ];
  for (const [rule, { count, examples }] of Object.entries(broken)) {
    lines.push(`  BROKEN ${rule}: ${count}`, ...examples.map((example) => `    ${example}`));
  }
  lines.push(`${ok ? 'PASSED' : 'FAILED'} in ${seconds} s, --seed ${seed}`);
  return lines;
}

if (options.help) process.stdout.write(usage);
else {
  const document = await work();
  process.stdout.write(options.json ? `${JSON.stringify(document)}\n` : `${linesOf(document).join('\n')}\n`);
  process.exitCode = document.ok ? 0 : 1;
}
