// Cases that ask how much: Posthorn and the relay take turns, so that a noisy machine is noisy for both.
import type { LoadOptions, LoadResult, Server } from '../load.ts';
import { createApplications, type Posthorn } from '../posthorn.ts';
import type { Body, Target } from '../protocol.ts';
import { type CaseResult, median, spread } from '../result.ts';
import {
  arrivedAfterAll,
  atMaximum,
  messageBody,
  messagePath,
  overloaded,
  publishTarget,
  sinkUrl,
  type Stage,
  withPosthorn,
  withRelay,
} from '../stage.ts';

const smallBytes = 1_024;
const largeBytes = 20 * 1_024;
const fanOut = 10;
const applicationCount = 1_000;
const batchSize = 100;
// Fewer than Posthorn keeps in memory for one endpoint.
const batchUnderWayMax = 800;
const notFound = 404;
const created = 201;
// More than is taken from the front of an order at a time.
const backlogMax = 800;

interface Comparison {
  applications: number;
  endpointsEach: number;
  payloadBytes: number;
}

type Load = (
  stage: Stage,
  server: Server,
  choice: Pick<LoadOptions, 'targets' | 'body'>,
) => Promise<LoadResult>;

/** `applications` applications, each with as many endpoints at the sink, as targets of the generator. */
export async function prepareTargets(
  stage: Stage,
  posthorn: Posthorn,
  applications: number,
  endpointsEach: number,
): Promise<Target[]> {
  const numbers = Array.from({ length: applications }, (_, index) =>
    Array.from({ length: endpointsEach }, (_unused, place) => index * endpointsEach + place),
  );
  const made = await createApplications(
    posthorn,
    numbers.map((list) => list.map((number) => sinkUrl(stage, number))),
  );
  return made.map(({ id }, index) => publishTarget(messagePath(id), numbers[index] ?? []));
}

/** Rounds of one after the other; the first of each warms up and is not counted. */
export async function takeTurns(
  rounds: number,
  runs: Record<string, () => Promise<LoadResult>>,
): Promise<Record<string, LoadResult[]>> {
  const loads: Record<string, LoadResult[]> = {};
  for (let round = 0; round <= rounds; round += 1) {
    for (const [name, run] of Object.entries(runs)) {
      const result = await run();
      if (round > 0) (loads[name] ??= []).push(result);
    }
  }
  return loads;
}

export function ratios(upper: readonly LoadResult[] = [], lower: readonly LoadResult[] = []): number[] {
  return upper.map((result, round) => result.deliveredPerSecond / (lower[round]?.deliveredPerSecond || 1));
}

async function compare(stage: Stage, comparison: Comparison, alsoOverloaded = false): Promise<CaseResult> {
  const { applications, endpointsEach, payloadBytes } = comparison;
  const body = messageBody(payloadBytes);
  return withPosthorn(stage, (server) =>
    withRelay(stage, endpointsEach, async (relay) => {
      const targets = await prepareTargets(stage, server.posthorn, applications, endpointsEach);
      const toRelay = [
        publishTarget(
          '/',
          Array.from({ length: endpointsEach }, (_, number) => number),
        ),
      ];
      const both = (load: Load) => ({
        posthorn: () => load(stage, server, { targets, body }),
        relay: () => load(stage, relay, { targets: toRelay, body }),
      });
      const { rounds } = stage.options;
      const loads = await takeTurns(rounds, both(atMaximum));
      if (alsoOverloaded) {
        const overload = both(overloaded);
        loads['posthorn overloaded'] = [await overload.posthorn()];
        loads['relay overloaded'] = [await overload.relay()];
      }
      return {
        values: {
          ...spread('ratio', ratios(loads.posthorn, loads.relay)),
          ...(alsoOverloaded
            ? spread('overloadedRatio', ratios(loads['posthorn overloaded'], loads['relay overloaded']))
            : {}),
          arrivedAfterAll: await arrivedAfterAll(stage),
        },
        loads,
      };
    }),
  );
}

export async function one(stage: Stage): Promise<CaseResult> {
  const result = await compare(stage, { applications: 1, endpointsEach: 1, payloadBytes: smallBytes }, true);
  stage.measuredMaximum = median((result.loads.posthorn ?? []).map((load) => load.deliveredPerSecond));
  return result;
}

export const fanout = (stage: Stage) =>
  compare(stage, { applications: 1, endpointsEach: fanOut, payloadBytes: smallBytes });

export const apps = (stage: Stage) =>
  compare(stage, { applications: applicationCount, endpointsEach: 1, payloadBytes: smallBytes });

export const large = (stage: Stage) =>
  compare(stage, { applications: 1, endpointsEach: 1, payloadBytes: largeBytes });

/** An endpoint that gets its messages in order, one at a time, against one that does not. */
export function fifo(stage: Stage): Promise<CaseResult> {
  return withPosthorn(stage, async (server) => {
    const { posthorn } = server;
    const [parallel] = await prepareTargets(stage, posthorn, 1, 1);
    const [application] = await createApplications(posthorn, [[]]);
    if (!parallel || !application) throw new Error('there is no application');
    const endpoint = { url: sinkUrl(stage, 1), ordering: { mode: 'fifo', onFailure: 'block' } };
    const { status, body: made } = await posthorn.post(`/api/v1/app/${application.id}/endpoint`, endpoint);
    if (status !== created || !made.ordering) return { skipped: 'no ordering', values: {}, loads: {} };
    const run = (target: Target) => () =>
      atMaximum(stage, server, { targets: [target], body: messageBody(smallBytes), underWayMax: backlogMax });
    const loads = await takeTurns(stage.options.rounds, {
      fifo: run(publishTarget(messagePath(application.id), [1])),
      parallel: run(parallel),
    });
    return { values: spread('fifoToParallel', ratios(loads.fifo, loads.parallel)), loads };
  });
}

/** A hundred messages in a request, against one. */
export function batch(stage: Stage): Promise<CaseResult> {
  return withPosthorn(stage, async (server) => {
    const [single] = await prepareTargets(stage, server.posthorn, 1, 1);
    if (!single) throw new Error('there is no application');
    const batchHead = single.head.replace('/msg HTTP', '/msg/batch HTTP');
    const path = batchHead.split(' ')[1] ?? '';
    if ((await server.posthorn.post(path, { messages: [] })).status === notFound) {
      return { skipped: 'this Posthorn has no batch route', values: {}, loads: {} };
    }
    const run = (target: Target, body: Body) => () =>
      atMaximum(stage, server, { targets: [target], body, underWayMax: batchUnderWayMax });
    const loads = await takeTurns(stage.options.rounds, {
      batch: run({ ...single, head: batchHead }, messageBody(smallBytes, batchSize)),
      single: run(single, messageBody(smallBytes)),
    });
    return { values: spread('batchToSingle', ratios(loads.batch, loads.single)), loads };
  });
}
