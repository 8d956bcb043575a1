// Cases that ask how soon, and whether one endpoint's trouble is felt by the others.
import { setTimeout as pause } from 'node:timers/promises';
import type { LoadResult } from '../load.ts';
import { createApplications } from '../posthorn.ts';
import type { CaseResult } from '../result.ts';
import {
  atMaximum,
  atRate,
  halfOfMaximum,
  messageBody,
  messagePath,
  publishTarget,
  sinkUrl,
  type Stage,
  withPosthorn,
} from '../stage.ts';
import { prepareTargets } from './throughput.ts';

const payloadBytes = 1_024;
const settleMs = 3_000;
const shortLatencyMs = 10_000;
const fullLatencyMs = 30_000;
const shortIdleMs = 10_000;
const fullIdleMs = 20_000;
// Half of them hang in the second part. Longer than an attempt may take, so that timeouts and breakers play.
const endpointCount = 200;
const hangingWindowMs = 30_000;
const hangingRampMs = 5_000;
const normalCount = 100;
const floodFactor = 50;
const floodWindowMs = 15_000;

const body = messageBody(payloadBytes);

/** The smallest share of a fixed rate that was accepted. Well below 1, latency tells of a machine that was too busy. */
function keptUp(loads: readonly LoadResult[], rates: readonly number[]): number {
  return Math.min(...loads.map((load, index) => load.acceptedPerSecond / (rates[index] ?? 0)));
}

/** Publish to arrival at half of the maximum. */
export function latency(stage: Stage): Promise<CaseResult> {
  return withPosthorn(stage, async (server) => {
    const targets = await prepareTargets(stage, server.posthorn, 1, 1);
    const choice = { targets, body };
    await atMaximum(stage, server, choice);
    const rate = await halfOfMaximum(stage, server, choice);
    const windowMs = stage.options.isShort ? shortLatencyMs : fullLatencyMs;
    const load = await atRate(stage, server, rate, { ...choice, windowMs });
    return {
      values: {
        ratePerSecond: rate,
        keptUp: keptUp([load], [rate]),
        publishP99Ms: load.publish.p99Ms,
        arrivalP99Ms: load.arrival.p99Ms,
      },
      loads: { posthorn: [load] },
    };
  });
}

/** Statements of a server that nobody asks for anything, after it has had some work. */
export function idle(stage: Stage): Promise<CaseResult> {
  return withPosthorn(stage, async (server) => {
    const targets = await prepareTargets(stage, server.posthorn, 1, 1);
    await atMaximum(stage, server, { targets, body });
    const windowMs = stage.options.isShort ? shortIdleMs : fullIdleMs;
    stage.bench.progress.during('posthorn: idle', settleMs + windowMs);
    await pause(settleMs);
    const before = await stage.bench.postgres.counts();
    await pause(windowMs);
    const after = await stage.bench.postgres.counts();
    const perSecond = ((after.statements - before.statements) * 1_000) / windowMs;
    return { values: { statementsPerSecond: perSecond }, loads: {} };
  });
}

/** 200 endpoints, each of an application of its own, first all healthy, then half of them never answering. */
export function hanging(stage: Stage): Promise<CaseResult> {
  const half = endpointCount / 2;
  return withPosthorn(
    stage,
    async (server) => {
      const urls = Array.from({ length: endpointCount + half }, (_, number) => [
        sinkUrl(stage, number, number < endpointCount ? 'answers' : 'hangs'),
      ]);
      const applications = await createApplications(server.posthorn, urls);
      const targets = applications.map(({ id }, number) =>
        publishTarget(messagePath(id), number < endpointCount ? [number] : []),
      );
      const healthy = targets.slice(0, endpointCount);
      await atMaximum(stage, server, { targets: healthy, body });
      const rate = await halfOfMaximum(stage, server, { targets: healthy, body });
      const choice = { body, windowMs: hangingWindowMs, rampMs: hangingRampMs };
      const isMeasured = (target: number) => target < half;
      const none = await atRate(stage, server, rate, { ...choice, targets: healthy, isMeasured });
      const mixed = [...targets.slice(0, half), ...targets.slice(endpointCount)];
      const some = await atRate(stage, server, rate, { ...choice, targets: mixed, isMeasured });
      return {
        values: {
          ratePerSecond: rate,
          keptUp: keptUp([none, some], [rate, rate]),
          p99NoneHangingMs: none.arrival.p99Ms,
          p99HalfHangingMs: some.arrival.p99Ms,
          p99Ratio: some.arrival.p99Ms / none.arrival.p99Ms,
        },
        loads: { 'none hanging': [none], 'half hanging': [some] },
      };
    },
    true,
  );
}

/** 100 endpoints get one message each while one slow endpoint gets 50. */
export function flood(stage: Stage): Promise<CaseResult> {
  return withPosthorn(
    stage,
    async (server) => {
      const urls = Array.from({ length: normalCount + 1 }, (_, number) => [
        sinkUrl(stage, number, number < normalCount ? 'answers' : 'slow'),
      ]);
      const applications = await createApplications(server.posthorn, urls);
      const targets = applications.map(({ id }, number) => publishTarget(messagePath(id), [number]));
      const normal = targets.slice(0, normalCount);
      await atMaximum(stage, server, { targets: normal, body });
      const rate = await halfOfMaximum(stage, server, { targets: normal, body });
      const normalRate = (rate * normalCount) / (normalCount + floodFactor);
      const choice = { body, windowMs: floodWindowMs, isMeasured: (target: number) => target < normalCount };
      const without = await atRate(stage, server, normalRate, { ...choice, targets: normal });
      // Every third message goes to the flooded endpoint: 50 of 150.
      const every = normalCount / floodFactor;
      const turns = targets
        .slice(0, normalCount)
        .flatMap((_, index) => ((index + 1) % every === 0 ? [index, normalCount] : [index]));
      const flooded = await atRate(stage, server, rate, { ...choice, targets, turns });
      return {
        values: {
          ratePerSecond: rate,
          keptUp: keptUp([without, flooded], [normalRate, rate]),
          p99WithoutFloodMs: without.arrival.p99Ms,
          p99WithFloodMs: flooded.arrival.p99Ms,
          p99Ratio: flooded.arrival.p99Ms / without.arrival.p99Ms,
        },
        loads: { 'without flood': [without], flooded: [flooded] },
      };
    },
    true,
  );
}
