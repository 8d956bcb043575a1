// @ts-check
// What crash runs leave in bench/results.json, and so in docs/benchmarks.md.
import { diskFullProcesses } from './disk-full.mjs';
import { ask } from './postgres.mjs';

/**
 * @typedef {{ values: Record<string, number>, tables?: { title: string, head: string[], rows: (string | number)[][] }[] }} Kept
 * @typedef {Record<string, Kept>} KeptCases
 */

const durabilitySql = `select name, setting from pg_settings
  where name in ('fsync', 'full_page_writes', 'synchronous_commit') order by name`;

/** The machine as `npm run bench` describes it; asked before the load. @param {string} url of a database */
export async function describeMachineOf(url) {
  const { describeMachine } = await import('../dist/machine.js');
  const [{ server_version: version } = {}] = await ask(url, 'show server_version');
  const rows = await ask(url, durabilitySql);
  return describeMachine({
    version,
    durability: Object.fromEntries(rows.map(({ name, setting }) => [name, setting])),
  });
}

/** @param {KeptCases} cases @param {any} machine */
export async function keep(cases, machine) {
  const { keepResults, measuredVersion } = await import('../dist/keep-results.js');
  const about = { measuredAt: new Date().toISOString(), machine, posthorn: measuredVersion() };
  keepResults(
    Object.fromEntries(Object.entries(cases).map(([name, kept]) => [name, { loads: {}, ...kept, ...about }])),
  );
}

/**
 * A new verdict on the run whose figures are kept under this name, which keep their machine and time.
 * @param {string} name
 * @param {Kept} kept
 */
export async function keepJudged(name, kept) {
  const { keepResults, readResults } = await import('../dist/keep-results.js');
  const known = readResults()[name];
  const isSame = ['seed', 'accepted', 'kills'].every((key) => known?.values[key] === kept.values[key]);
  if (!known || !isSame)
    throw new Error(`bench/results.json holds another run under ${name}: nothing is kept`);
  const { wholeRunSeconds = 0 } = known.values;
  keepResults({ [name]: { ...known, ...kept, values: { ...kept.values, wholeRunSeconds } } });
}

/**
 * @param {{ seed: number, processes: number }} options
 * @param {Pick<import('./checker.mjs').Verdict, 'ok' | 'rules' | 'counts'> & { ms: number }} verdict
 * @returns {Kept}
 */
export function keptRun({ seed, processes }, { ok, rules, counts, ms }) {
  const { acked = 0, lost = 0, duplicates = 0, duplicatesBound = 0, longestResumeMs = 0 } = counts;
  /** @type {[string, number][]} */
  const faults = Object.entries(counts)
    .filter(([name]) => name.startsWith('fault_'))
    .map(([name, count]) => [name.slice('fault_'.length), count]);
  return {
    values: {
      seed,
      processes,
      allRulesHold: ok ? 1 : 0,
      accepted: acked,
      kills: counts['fault_kill'] ?? 0,
      lost,
      ...inboundValues(counts),
      requests: counts['requests'] ?? 0,
      senderUnknown: counts['senderUnknown'] ?? 0,
      duplicated: duplicates,
      inFlightAtFaults: duplicatesBound,
      ...(duplicatesBound > 0 ? { duplicatedRelativeToInFlight: duplicates / duplicatesBound } : {}),
      resumedSecondsMax: longestResumeMs / 1000,
      wholeRunSeconds: Math.round(ms / 1000),
      checkSeconds: Math.round((counts['checkMs'] ?? 0) / 1000),
      ...(lost === 0 && acked > 0 ? { lossBelowWith95Percent: 3 / acked } : {}),
    },
    tables: [
      {
        title: 'Faults of this run',
        head: ['fault', 'times'],
        rows: faults,
      },
      ...brokenTables(rules),
    ],
  };
}

/** How PostgreSQL's disk ran full, and what came of it. @param {number} seed @param {import('./disk-full.mjs').DiskFull} disk @returns {KeptCases} */
export function keptDiskFull(seed, { verdict }) {
  if (!verdict) return {};
  const { ok, rules, counts, ms } = verdict;
  const { values, ...rest } = keptRun({ seed, processes: diskFullProcesses }, { ok, rules, counts, ms });
  return { crashDiskFull: { values: { ...values, answered503: counts['unavailable'] ?? 0 }, ...rest } };
}

/** The rules that did not hold, with an example of each. @param {import('./checker.mjs').Verdict['rules']} rules */
function brokenTables(rules) {
  const broken = Object.entries(rules).filter(([, { count }]) => count > 0);
  if (broken.length === 0) return [];
  const rows = broken.map(([name, { title, count, examples }]) => [name, title, count, examples[0] ?? '']);
  return [{ title: 'Rules that did not hold', head: ['rule', '', 'times', 'for example'], rows }];
}

/** @param {Record<string, number>} counts */
function inboundValues({ sentInAll, answered2xx = 0, countedAsRepeated = 0, setAside = 0 }) {
  return sentInAll === undefined ? {} : { sentInAll, answered2xx, countedAsRepeated, setAside };
}

/** @param {{ seed: number, times: number, points: { name: string, hits: number, lost: number, duplicates: number, bound: number, ok: boolean }[] }} document @returns {Kept} */
export function keptFailPoints({ seed, times, points }) {
  return {
    values: { seed, failPoints: points.length, timesEach: times, lost: sum(points.map(({ lost }) => lost)) },
    tables: [
      {
        title: 'A process killed itself at each of these points, under load, and was started again',
        head: ['fail-point', 'killed there', 'lost', 'duplicated', 'in flight', 'all rules'],
        rows: points.map(({ name, hits, lost, duplicates, bound, ok }) => [
          name,
          hits,
          lost,
          duplicates,
          bound,
          ok ? 'hold' : '**broken**',
        ]),
      },
    ],
  };
}

/** @param {{ seed: number, killed: number, planted: number, results: any[] }} document @returns {Kept} */
export function keptMutants({ seed, killed, planted, results }) {
  return {
    values: { seed, plantedBugs: planted, caught: killed },
    tables: [
      {
        title: 'Bugs planted into the product, each of which a run must find',
        head: ['planted bug', 'run', 'rules that it broke', ''],
        rows: results
          .filter(({ name }) => name)
          .map(({ name, scenario, broken, killed: isCaught }) => [
            name,
            scenario,
            broken.join(', '),
            isCaught ? 'caught' : '**not caught**',
          ]),
      },
    ],
  };
}

const sum = (/** @type {number[]} */ list) => list.reduce((total, one) => total + one, 0);
