// @ts-check
// Runs over the fail-points: a process under load is started with a point, dies there, and is started again.
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { armedWith, failPoints, snapshotWithFailPoints } from './fail-points.mjs';
import { processFaults, recordKill, runDatabaseFault } from './faults.mjs';
import { describeMachineOf, keptFailPoints } from './keep.mjs';
import { startPostgres } from './postgres.mjs';
import { randomFrom } from './random.mjs';
import { reportLines } from './report.mjs';
import { runOnce } from './run.mjs';

/**
 * @typedef {import('./fail-points.mjs').FailPoint} FailPoint
 * @typedef {import('./faults.mjs').Stage} Stage
 * @typedef {import('./fleet.mjs').Member} Member
 * @typedef {{ name: string, hits: number, lost: number, duplicates: number, bound: number, ok: boolean, lines: string[] }} PointResult
 * @typedef {{ folder: string, main: string, postgres: import('./postgres.mjs').Postgres, seed: number, say: (line: string) => void }} Ground
 */

const perSecond = 120;
const slowMs = 40;
/** The load ends when the last point was hit: more than that takes. */
const eventsMax = 1_000_000;
const hitTimeoutMs = 40_000;
const triesMax = 3;
const triggerEveryMs = 8_000;
const triggerAfterMs = 1_200;
const muteMs = 700;
/** Longer than the silence after which a process counts as dead, with a heartbeat of another one behind it. */
const frozenMs = 22_000;
const breathMs = 200;
const runsMax = 12;
/** Processes are dead or starting most of the time. */
const lateMaxMs = 120_000;

/** Everything in one mix, for a run over all points. @type {import('./plan.mjs').Mix} */
const everything = [
  ['steady', 30],
  ['pair', 10],
  ['flaky', 20],
  ['gone', 15],
  ['gone_too', 10],
  ['dead', 25],
];

/**
 * Starts the process with the point again and again until it dies there; false when it does not.
 * @param {Stage} stage
 * @param {Member} member
 * @param {FailPoint} failPoint
 * @param {() => number} random
 */
async function dieAt(stage, member, failPoint, random) {
  for (let tries = 0; tries < triesMax; tries += 1) {
    const over = new AbortController();
    /** @type {Promise<number>} */
    const hit = new Promise((resolve) => {
      member.onHit = resolve;
    });
    // A point that is hard to come by is met at the first pass when the drawn one did not come.
    member.armed = armedWith({ ...failPoint, passMax: tries === 0 ? failPoint.passMax : 1 }, random);
    await stage.fleet.launch(member);
    void provoke(stage, member, failPoint, over.signal);
    const timeout = pause(hitTimeoutMs, 0, { signal: over.signal }).catch(() => 0);
    const pid = await Promise.race([hit, timeout]);
    over.abort();
    delete member.armed;
    if (pid > 0) {
      void recordKill(stage, pid);
      return true;
    }
    void recordKill(stage, await stage.fleet.kill(member));
  }
  return false;
}

/** Does what the point needs besides load. @param {Stage} stage @param {Member} member @param {FailPoint} failPoint @param {AbortSignal} signal */
async function provoke(stage, member, { need }, signal) {
  while (need !== 'load' && !signal.aborted) {
    await pause(triggerAfterMs, undefined, { signal }).catch(() => {});
    if (signal.aborted || member.state !== 'up') return;
    if (need === 'term') return stage.fleet.signal(member, 'SIGTERM');
    if (need === 'freeze') await processFaults.freeze(stage, member, frozenMs);
    else await runDatabaseFault(stage, { kind: 'proxy_mute', lastsMs: muteMs });
    await pause(triggerEveryMs, undefined, { signal }).catch(() => {});
  }
}

/**
 * One run; `points` are hit one after the other, by `lanes` processes at a time, with one more process that is left
 * alone. Those that need it come first, with one process in all.
 * @param {Ground} ground
 * @param {{ name: string, points: readonly FailPoint[], lanes: number, mix: import('./plan.mjs').Mix }} options
 */
async function runPoints(ground, { name, points, lanes, mix }) {
  const random = randomFrom(ground.seed ^ 0xfa11);
  const alone = points.filter(({ isAlone }) => isAlone);
  const together = points.filter(({ isAlone }) => !isAlone);
  /** @type {Map<string, number>} */
  const hits = new Map();
  const drive = async (/** @type {Stage} */ stage) => {
    const lane = async (/** @type {Member} */ member, /** @type {FailPoint[]} */ queue) => {
      for (let next = queue.shift(); next; next = queue.shift()) {
        const isHit = await dieAt(stage, member, next, random);
        hits.set(next.name, (hits.get(next.name) ?? 0) + (isHit ? 1 : 0));
        if (lanes > 1) ground.say(`${isHit ? 'died at ' : 'NOT HIT '} ${next.name}`);
        await pause(breathMs);
      }
    };
    const { members } = stage.fleet;
    const mortal = alone.length > 0 ? members : members.slice(0, lanes);
    for (const member of mortal) void recordKill(stage, await stage.fleet.kill(member));
    const [first] = members;
    if (first) await lane(first, [...alone]);
    if (alone.length > 0) await Promise.all(members.slice(lanes).map((member) => stage.fleet.launch(member)));
    const queue = [...together];
    await Promise.all(members.slice(0, lanes).map((member) => lane(member, queue)));
    await Promise.all(members.slice(0, lanes).map((member) => stage.fleet.launch(member)));
  };
  const { folder, main, postgres, seed } = ground;
  const verdict = await runOnce({
    folder: join(folder, name),
    main,
    postgres,
    seed,
    database: name.replaceAll('-', '_'),
    events: eventsMax,
    processes: lanes + (together.length > 0 ? 1 : 0),
    faults: [],
    perSecond,
    slowMs,
    lateMaxMs,
    mix,
    drive,
    say: (line) => ground.say(`${name}: ${line}`),
  });
  return { verdict, hits };
}

/** Every point once in one run. @param {Ground} ground */
async function runAllPointsOnce(ground) {
  const { verdict, hits } = await runPoints(ground, {
    name: 'fail-points',
    points: failPoints,
    lanes: 2,
    mix: everything,
  });
  const missed = failPoints.filter(({ name }) => (hits.get(name) ?? 0) === 0).map(({ name }) => name);
  const ok = verdict.ok && missed.length === 0;
  const { seed } = ground;
  const lines = [
    ...missed.map((name) => `  NOT HIT ${name}`),
    ...reportLines({ ...verdict, ok }, { seed, ms: verdict.ms }),
    `${ok ? 'PASSED' : 'FAILED'}: ${failPoints.length} fail-points, ${missed.length} of them not hit`,
  ];
  return { ok, document: { ok, seed, missed, rules: verdict.rules, counts: verdict.counts }, lines };
}

/** One point, `times` times, with a verdict of its own. @param {Ground} ground @param {FailPoint} failPoint @param {{ place: number, times: number }} about */
async function runPoint(ground, failPoint, { place, times }) {
  const { name, mix } = failPoint;
  /** @type {PointResult} */
  const result = { name, hits: 0, lost: 0, duplicates: 0, bound: 0, ok: true, lines: [] };
  for (let turn = 0; turn < runsMax && result.hits < times && result.ok; turn += 1) {
    const count = failPoint.isLast ? 1 : times - result.hits;
    const points = Array.from({ length: count }, () => failPoint);
    const seed = ground.seed + turn;
    const own = { name: `point-${place}-${turn}`, points, lanes: 1, mix };
    const { verdict, hits } = await runPoints({ ...ground, seed }, own);
    const { lost = 0, duplicates = 0, duplicatesBound = 0 } = verdict.counts;
    const made = hits.get(name) ?? 0;
    result.hits += made;
    result.lost += lost;
    result.duplicates += duplicates;
    result.bound += duplicatesBound;
    if (!verdict.ok) result.lines = reportLines(verdict, { seed, ms: verdict.ms });
    result.ok &&= verdict.ok && made > 0;
  }
  result.ok &&= result.hits >= times;
  return result;
}

/** @param {PointResult} result */
const row = ({ ok, name, hits, lost, duplicates, bound }) =>
  `${ok ? 'holds ' : 'BROKEN'} ${name.padEnd(58)} ${[hits, lost, duplicates, bound].map((count) => String(count).padStart(6)).join('')}`;

/** @param {string} folder @param {import('./options.mjs').Options} options @param {(line: string) => void} say */
export async function runFailPoints(folder, options, say) {
  const { seed, short, write } = options;
  const main = await snapshotWithFailPoints(join(folder, 'product'));
  const postgres = await startPostgres(join(folder, 'postgres'));
  const ground = { folder, main, postgres, seed, say };
  try {
    if (short) return await runAllPointsOnce(ground);
    const machine = write ? await describeMachineOf(postgres.url) : undefined;
    const result = await runEachPoint(ground, options);
    return { ...result, machine, kept: { crashFailPoints: keptFailPoints(result.document) } };
  } finally {
    await postgres.stop();
  }
}

/** @param {Ground} ground @param {{ only: string[], times: number }} options */
async function runEachPoint(ground, { only, times }) {
  const { seed, say } = ground;
  const wanted = failPoints.filter(
    ({ name }) => only.length === 0 || only.some((part) => name.includes(part)),
  );
  if (wanted.length === 0) throw new Error(`no fail-point is named ${only.join(', ')}`);
  const points = [];
  for (const [place, failPoint] of wanted.entries()) {
    const result = await runPoint(ground, failPoint, { place, times });
    points.push(result);
    say(row(result));
  }
  const ok = points.every((result) => result.ok);
  const lines = [
    `       ${'fail-point'.padEnd(58)} ${['hit', 'lost', 'dupl.', 'bound'].map((title) => title.padStart(6)).join('')}`,
    ...points.flatMap((result) => [row(result), ...result.lines]),
    `${ok ? 'PASSED' : 'FAILED'}: ${points.length} fail-points, ${times} times each, --seed ${seed}`,
  ];
  return { ok, document: { ok, seed, times, points }, lines };
}
