// @ts-check
// The faults of a run, decided beforehand from its seed: the same seed and options give the same list.
import { between, pickWeighted, randomFrom } from './random.mjs';

/**
 * @typedef {'kill' | 'freeze' | 'term' | 'pg_kill' | 'pg_freeze' | 'proxy_stall' | 'proxy_mute' | 'proxy_slow' | 'proxy_reset' | 'disk_full'} FaultKind
 * @typedef {object} PlannedFault
 * @property {FaultKind} kind
 * @property {number} atMs since the start of the load
 * @property {number} target a number that picks the process
 * @property {number} lastsMs how long a freeze or a stall lasts, or until a killed process is started again
 */

const warmUpMs = 2_000;
const gapMs = /** @type {const} */ ([1_000, 5_000]);
const restartMs = /** @type {const} */ ([100, 4_000]);
const freezeMs = /** @type {const} */ ([5_000, 25_000]);
const outageMs = /** @type {const} */ ([1_000, 9_000]);
/** How many of each other kind there are for each kill, by weight. */
const otherShare = 0.45;
/** @type {readonly (readonly [FaultKind, number])[]} */
const others = [
  ['term', 3],
  ['freeze', 3],
  ['pg_kill', 3],
  ['proxy_mute', 3],
  ['proxy_stall', 2],
  ['proxy_reset', 2],
  ['proxy_slow', 1],
  ['pg_freeze', 1],
];

/**
 * `kills` SIGKILLs of Posthorn, 1 to 5 s apart (closer where `seconds` is short), with other faults between them.
 * @param {{ seed: number, kills: number, seconds?: number | undefined }} options
 * @returns {PlannedFault[]}
 */
export function planFaults({ seed, kills, seconds }) {
  const random = randomFrom(seed ^ 0xfa017);
  const meanMs = (gapMs[0] + gapMs[1]) / 2;
  const scale = seconds ? Math.max(0.1, (seconds * 1000 - warmUpMs) / Math.max(1, kills * meanMs)) : 1;
  /** @type {PlannedFault[]} */
  const faults = [];
  let atMs = warmUpMs;
  let pgBusyUntilMs = 0;
  let frozenUntilMs = 0;
  for (let kill = 0; kill < kills; kill += 1) {
    atMs += between(random, ...gapMs) * scale;
    const shortened = Math.min(1, scale);
    faults.push(fault('kill', atMs, random, between(random, ...restartMs) * shortened));
    if (random() >= otherShare) continue;
    const kind = pickWeighted(random, others);
    const at = atMs + between(random, 100, 900) * scale;
    const lastsMs = lengthOf(kind, random);
    const isPg = kind.startsWith('p');
    if ((isPg && at < pgBusyUntilMs) || (kind === 'freeze' && at < frozenUntilMs)) continue;
    if (isPg) pgBusyUntilMs = at + lastsMs + 6_000;
    if (kind === 'freeze') frozenUntilMs = at + lastsMs;
    faults.push(fault(kind, at, random, lastsMs));
  }
  return faults.sort((a, b) => a.atMs - b.atMs);
}

/** At which second each fault of the short form comes, about. @type {readonly (readonly [FaultKind, number, number])[]} */
const shortList = [
  ['kill', 2, 500],
  ['kill', 4, 300],
  ['proxy_mute', 6, 700],
  ['kill', 9, 1_500],
  ['pg_kill', 11, 0],
  ['kill', 15, 200],
  ['proxy_stall', 17, 2_500],
  ['term', 20, 300],
  ['kill', 22, 300],
];

/** A few faults of each kind within half a minute: the same kinds for every seed, at other moments. @param {number} seed @returns {PlannedFault[]} */
export function planShortFaults(seed) {
  const random = randomFrom(seed ^ 0x5407);
  return shortList.map(([kind, second, lastsMs]) =>
    fault(kind, second * 1_000 + between(random, 0, 900), random, lastsMs),
  );
}

/**
 * @param {FaultKind} kind
 * @param {number} atMs
 * @param {() => number} random
 * @param {number} lastsMs
 * @returns {PlannedFault}
 */
function fault(kind, atMs, random, lastsMs) {
  return { kind, atMs: Math.round(atMs), target: Math.floor(random() * 1_000), lastsMs: Math.round(lastsMs) };
}

/**
 * @param {FaultKind} kind
 * @param {() => number} random
 */
function lengthOf(kind, random) {
  if (kind === 'freeze') return between(random, ...freezeMs);
  if (kind === 'term') return between(random, ...restartMs);
  if (kind === 'proxy_mute') return between(random, 200, 1_500);
  return between(random, ...outageMs);
}
