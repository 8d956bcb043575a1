// @ts-check
// The test of the test: every scenario passes with the product as it is, and fails with each bug planted into it.
import { join } from 'node:path';
import { mutants, scenarios } from './mutants.mjs';
import { describeMachineOf, keptMutants } from './keep.mjs';
import { startPostgres } from './postgres.mjs';
import { runOnce } from './run.mjs';
import { takeSnapshot } from './snapshot.mjs';

/** For the short form. */
const fastest = ['body serialised anew', 'retry after 2xx', 'endpoints of other applications'];
const fastestInbound = ['inbound: duplicates are not looked for', 'inbound: 2xx before the commit'];

/** @param {boolean} inbound */
function quick(inbound) {
  const names = inbound ? fastestInbound : fastest;
  return mutants.filter(({ name }) => names.includes(name));
}

/** Those of the gateway alone, with `inbound`. @param {string[]} parts @param {boolean} inbound */
function chosen(parts, inbound) {
  return mutants.filter(
    ({ name, scenario }) =>
      (!inbound || 'inbound' in scenarios[scenario]) &&
      (parts.length === 0 || parts.some((part) => name.includes(part))),
  );
}

/** @param {string} folder @param {import('./options.mjs').Options} options @param {(line: string) => void} say */
export async function runMutants(folder, { only, seed, write, short, inbound }, say) {
  const wanted = short ? quick(inbound) : chosen(only, inbound);
  if (wanted.length === 0) throw new Error(`no mutant is named ${only.join(', ')}`);
  const postgres = await startPostgres(join(folder, 'postgres'));
  const lines = [];
  const machine = write ? await describeMachineOf(postgres.url) : undefined;
  const results = [];
  let ok = true;
  let turn = 0;
  const run = async (/** @type {string} */ main, /** @type {keyof typeof scenarios} */ scenario) => {
    turn += 1;
    const own = { folder: join(folder, `run-${turn}`), database: `crash_${turn}` };
    const tell = (/** @type {string} */ line) => say(`${scenario}: ${line}`);
    return runOnce({
      ...own,
      main,
      postgres,
      seed,
      say: tell,
      healLate: scenario === 'zombie',
      ...scenarios[scenario],
    });
  };
  const note = (/** @type {string} */ line) => {
    lines.push(line);
    say(line);
  };
  try {
    const sound = await takeSnapshot(join(folder, 'sound'));
    for (const scenario of new Set(wanted.map((mutant) => mutant.scenario))) {
      const verdict = await run(sound, scenario);
      ok &&= verdict.ok;
      results.push({ scenario, sound: true, ok: verdict.ok, broken: brokenRules(verdict), ms: verdict.ms });
      note(
        `${verdict.ok ? 'passes  ' : 'BROKEN  '} without a bug: ${scenario} (${seconds(verdict.ms)}) ${said(verdict)}`,
      );
    }
    for (const { name, scenario, breaks, edits } of wanted) {
      const main = await takeSnapshot(join(folder, `mutant-${turn + 1}`), edits);
      const verdict = await run(main, scenario);
      const broken = brokenRules(verdict);
      const isKilled = breaks.some((rule) => broken.includes(rule));
      ok &&= isKilled;
      results.push({ name, scenario, killed: isKilled, broken, ms: verdict.ms });
      note(
        `${isKilled ? 'killed  ' : 'SURVIVED'} ${name}: ${scenario} (${seconds(verdict.ms)}) ${said(verdict)}`,
      );
    }
  } finally {
    await postgres.stop();
  }
  const killed = results.filter((result) => result.killed).length;
  lines.push(`${killed} of ${wanted.length} planted bugs caught, --seed ${seed}`);
  const document = { ok, seed, killed, planted: wanted.length, results };
  return { ok, document, lines, machine, kept: { crashMutants: keptMutants(document) } };
}

/** @param {import('./checker.mjs').Verdict} verdict */
function brokenRules({ rules }) {
  return Object.keys(rules).filter((name) => (rules[name]?.count ?? 0) > 0);
}

/** The broken rules with their counts, and one example of the first. @param {import('./checker.mjs').Verdict} verdict */
function said({ rules }) {
  const broken = Object.entries(rules).filter(([, { count }]) => count > 0);
  const counts = broken.map(([name, { count }]) => `${name} ${count}`).join(', ');
  return broken[0] ? `${counts}: ${broken[0][1].examples[0]}` : '';
}

const seconds = (/** @type {number} */ ms) => `${Math.round(ms / 1000)} s`;
