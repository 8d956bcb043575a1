// Verifications a second, and of a second of the processor: the second figure stands also while others use the machine.
import { monotonicMs } from '../clock.ts';
import type { Progress } from '../progress.ts';
import { median } from '../result.ts';
import { pairs } from './pairs.ts';
import type { Contender, Pair } from './pairs.ts';

export interface Speed {
  scheme: string;
  ours: string;
  theirs: string;
  oursPerSecond: number;
  theirsPerSecond: number;
  /** Microseconds of the processor, those of other threads of the process included. */
  oursCpuMicros: number;
  theirsCpuMicros: number;
  /** How many times as fast ours is, by the clock; the median of the rounds. */
  ratio: number;
  /** The same by the time of the processor. */
  cpuRatio: number;
}

interface Turn {
  perSecond: number;
  cpuMicros: number;
}

export interface SpeedOptions {
  rounds: number;
  windowMs: number;
}

const batch = 50;

export async function measureSpeeds(options: SpeedOptions, progress: Progress): Promise<Speed[]> {
  const speeds: Speed[] = [];
  for (const pair of await pairs()) {
    progress.inCase('verify');
    progress.during(
      `${pair.ours.name} beside ${pair.theirs.name}`,
      2 * (options.rounds + 1) * options.windowMs,
    );
    speeds.push(await measurePair(pair, options));
  }
  return speeds;
}

/** In turns, so that both see the same machine; a first turn warms up. */
async function measurePair(pair: Pair, { rounds, windowMs }: SpeedOptions): Promise<Speed> {
  await takeTurn(pair.ours, windowMs);
  await takeTurn(pair.theirs, windowMs);
  const turns: { ours: Turn; theirs: Turn }[] = [];
  for (let round = 0; round < rounds; round += 1) {
    turns.push({ ours: await takeTurn(pair.ours, windowMs), theirs: await takeTurn(pair.theirs, windowMs) });
  }
  const medianOf = (value: (turn: { ours: Turn; theirs: Turn }) => number) => median(turns.map(value));
  return {
    scheme: pair.scheme,
    ours: pair.ours.name,
    theirs: pair.theirs.name,
    oursPerSecond: Math.round(medianOf(({ ours }) => ours.perSecond)),
    theirsPerSecond: Math.round(medianOf(({ theirs }) => theirs.perSecond)),
    oursCpuMicros: medianOf(({ ours }) => ours.cpuMicros),
    theirsCpuMicros: medianOf(({ theirs }) => theirs.cpuMicros),
    ratio: medianOf(({ ours, theirs }) => ours.perSecond / theirs.perSecond),
    cpuRatio: medianOf(({ ours, theirs }) => theirs.cpuMicros / ours.cpuMicros),
  };
}

async function takeTurn({ verify }: Contender, windowMs: number): Promise<Turn> {
  let count = 0;
  const startedAtMs = monotonicMs();
  const cpuBefore = process.cpuUsage();
  let elapsedMs = 0;
  while (elapsedMs < windowMs) {
    for (let index = 0; index < batch; index += 1) await verify();
    count += batch;
    elapsedMs = monotonicMs() - startedAtMs;
  }
  const { user, system } = process.cpuUsage(cpuBefore);
  return { perSecond: (count * 1_000) / elapsedMs, cpuMicros: (user + system) / count };
}
