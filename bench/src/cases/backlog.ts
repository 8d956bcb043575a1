// Cases about what already waits in the database: that it goes out fast, and that new work does not feel it.
import { setTimeout as pause } from 'node:timers/promises';
import { monotonicMs } from '../clock.ts';
import type { LoadResult } from '../load.ts';
import { rssMaxBytes } from '../process-usage.ts';
import { type Published, reconcile } from '../reconcile.ts';
import { type CaseResult, median } from '../result.ts';
import { makeSeededDue, seedApplications, seedRetries } from '../seed.ts';
import {
  atMaximum,
  messageBody,
  messagePath,
  type PosthornServer,
  publishTarget,
  sinkUrl,
  type Stage,
  withPosthorn,
} from '../stage.ts';
import { prepareTargets } from './throughput.ts';

const body = messageBody(1_024);
const accepted = 202;
const drainApplications = 1_000;
const drainMessagesEach = 100;
// More than Posthorn takes to notice.
const drainDueInMs = 5_000;
const drainTimeoutMs = 180_000;
const drainQuietMs = 15_000;
const applicationsMax = 1_000;
const hourMs = 3_600_000;
const settleMs = 3_000;
const grownMs = 30_000;
const memoryRows = 1_000_000;
const memoryApplications = 1_000;
const mebibyte = 2 ** 20;

/** 100,000 retries of 1,000 endpoints fall due in one moment. */
export function drain(stage: Stage): Promise<CaseResult> {
  return withPosthorn(stage, async (server) => {
    const { bench } = stage;
    const numbers = Array.from({ length: drainApplications }, (_, number) => number);
    const client = await bench.postgres.connect();
    const applications = await seedApplications(
      client,
      server.posthorn,
      numbers.map((number) => [sinkUrl(stage, number)]),
    );
    const targets = applications.map(({ id }, number) => publishTarget(messagePath(id), [number]));
    const steady = await rounds(stage, server, targets);
    const load = bench.nextLoad();
    const begun = bench.sink.next('begun');
    bench.sink.tell({ kind: 'begin', load });
    await begun;
    const total = drainApplications * drainMessagesEach;
    await seedRetries(client, {
      applications,
      messagesEach: drainMessagesEach,
      load,
      dueAt: new Date(),
      listedDueAt: new Date(Date.now() + hourMs),
      onProgress: (rows) => bench.progress.at(`${rows} of ${total} rows`),
    });
    await client.end();
    const dueAtMs = monotonicMs() + drainDueInMs;
    await makeSeededDue(bench.postgres, drainDueInMs);
    await arrivals(stage, total, dueAtMs);
    const taken = bench.sink.next('taken');
    bench.sink.tell({ kind: 'take' });
    const judged = reconcile(
      seededJournal(total, dueAtMs),
      await taken,
      {
        endpointsByTurn: numbers.flatMap((number) =>
          Array.from({ length: drainMessagesEach }, () => [number]),
        ),
      },
      { fromMs: 0, toMs: Number.POSITIVE_INFINITY },
    );
    const seconds = (judged.lastArrivalAtMs - dueAtMs) / 1_000;
    const perSecond = judged.totals.delivered / seconds;
    return {
      values: {
        dueDeliveries: total,
        drainSeconds: seconds,
        drainedPerSecond: perSecond,
        relativeToSteady: perSecond / rateOf(steady),
        missing: judged.totals.missing,
        duplicated: judged.totals.duplicated,
      },
      loads: { steady },
    };
  });
}

function seededJournal(count: number, dueAtMs: number): Published {
  return {
    kind: 'done',
    intendedAtMs: new Float64Array(count).fill(dueAtMs),
    answeredAtMs: new Float64Array(count).fill(dueAtMs),
    status: new Float64Array(count).fill(accepted),
    errors: [],
  };
}

/** Until everything has arrived, or nothing has for a while. */
async function arrivals({ bench }: Stage, total: number, dueAtMs: number): Promise<void> {
  bench.progress.during('posthorn: draining', 0);
  let movedAtMs = dueAtMs;
  for (let arrived = 0; arrived < total; ) {
    const progress = await bench.sink.next('arriving');
    const nowMs = monotonicMs();
    if (progress.arrived > arrived) movedAtMs = nowMs;
    ({ arrived } = progress);
    bench.progress.at(`${arrived} of ${total}`);
    if (nowMs - movedAtMs > drainQuietMs || nowMs - dueAtMs > drainTimeoutMs) return;
  }
}

/**
 * The throughput of one endpoint: empty, then beside rows that wait for later, then beside the same rows, due, then
 * empty again: this takes long, and the machine may be another at its end.
 */
export async function backlog(stage: Stage): Promise<CaseResult> {
  const beside = await withPosthorn(stage, (server) => besideRows(stage, server), true);
  const emptyAgain = await withPosthorn(stage, async (server) => {
    const targets = await prepareTargets(stage, server.posthorn, 1, 1);
    return rounds(stage, server, targets);
  });
  const { empty, waiting, due } = beside.loads;
  const emptyRate = rateOf([...empty, ...emptyAgain]);
  return {
    values: {
      ...beside.values,
      waitingRelativeToEmpty: rateOf(waiting) / emptyRate,
      dueRelativeToEmpty: rateOf(due) / emptyRate,
      dueRelativeToWaiting: rateOf(due) / rateOf(waiting),
      arrivalP99EmptyMs: median(empty.map((load) => load.arrival.p99Ms)),
      arrivalP99DueMs: median(due.map((load) => load.arrival.p99Ms)),
    },
    loads: { empty, waiting, due, 'empty again': emptyAgain },
  };
}

async function besideRows(stage: Stage, server: PosthornServer) {
  const { bench, options } = stage;
  const targets = await prepareTargets(stage, server.posthorn, 1, 1);
  const measure = () => rounds(stage, server, targets);
  const empty = await measure();
  const rows = await grow(stage, server);
  const waiting = await measure();
  bench.progress.during('postgres: making the rows due', 0);
  await makeSeededDue(bench.postgres);
  bench.progress.during('posthorn: taking up what is due', grownMs);
  await pause(grownMs);
  const due = await measure();
  return {
    values: { rows, endpoints: options.backlogEndpoints, rssMaxBytes: rssMaxBytes(server.pid) },
    loads: { empty, waiting, due },
  };
}

/** The memory of a server that works off a million messages of 1 KB, which wait for a thousand endpoints. */
export function memory(stage: Stage): Promise<CaseResult> {
  return withPosthorn(
    stage,
    async (server) => {
      const { bench, options } = stage;
      const rows = Math.min(memoryRows, options.backlogRows);
      const messagesEach = Math.ceil(rows / memoryApplications);
      const numbers = Array.from({ length: memoryApplications }, (_, number) => number);
      const client = await bench.postgres.connect();
      const applications = await seedApplications(
        client,
        server.posthorn,
        numbers.map((number) => [sinkUrl(stage, number)]),
      );
      const load = bench.nextLoad();
      bench.progress.during('postgres: inserting rows', 0);
      await seedRetries(client, {
        applications,
        messagesEach,
        load,
        payloadBytes: 1_024,
        dueAt: new Date(),
        listedDueAt: new Date(Date.now() + hourMs),
        onProgress: (done) => bench.progress.at(`${done} of ${rows}`),
      });
      await client.query('checkpoint');
      await client.end();
      const rssBeforeBytes = rssMaxBytes(server.pid);
      const begun = bench.sink.next('begun');
      bench.sink.tell({ kind: 'begin', load });
      await begun;
      bench.progress.during('posthorn: working it off', grownMs);
      await makeSeededDue(bench.postgres);
      await pause(grownMs);
      const { arrived } = await bench.sink.next('arriving');
      return {
        values: {
          rows: messagesEach * memoryApplications,
          deliveredPerSecond: (arrived * 1_000) / grownMs,
          rssBeforeMiB: rssBeforeBytes / mebibyte,
          rssMaxMiB: rssMaxBytes(server.pid) / mebibyte,
        },
        loads: {},
      };
    },
    true,
  );
}

function rateOf(loads: readonly LoadResult[]): number {
  return median(loads.map((load) => load.deliveredPerSecond));
}

async function rounds(
  stage: Stage,
  server: PosthornServer,
  targets: Awaited<ReturnType<typeof prepareTargets>>,
): Promise<LoadResult[]> {
  await atMaximum(stage, server, { targets, body });
  const loads: LoadResult[] = [];
  for (let round = 0; round < stage.options.rounds; round += 1) {
    loads.push(await atMaximum(stage, server, { targets, body }));
  }
  return loads;
}

/**
 * Endpoints that hang, and due rows for them that nobody looks at for an hour: moving the list of endpoints with work
 * then makes them due, without rewriting ten million rows. Returns how many rows.
 */
async function grow(stage: Stage, server: PosthornServer): Promise<number> {
  const { bench, options } = stage;
  const applicationCount = Math.min(applicationsMax, options.backlogEndpoints);
  const endpointsEach = Math.ceil(options.backlogEndpoints / applicationCount);
  const messagesEach = Math.max(1, Math.round(options.backlogRows / (applicationCount * endpointsEach)));
  bench.progress.during(`postgres: inserting ${applicationCount * endpointsEach} endpoints`, 0);
  const urls = Array.from({ length: applicationCount }, (_, application) =>
    Array.from({ length: endpointsEach }, (_unused, place) =>
      sinkUrl(stage, application * endpointsEach + place + 1, 'hangs'),
    ),
  );
  const client = await bench.postgres.connect();
  const applications = await seedApplications(client, server.posthorn, urls);
  const total = applicationCount * endpointsEach * messagesEach;
  bench.progress.during('postgres: inserting rows', 0);
  await seedRetries(client, {
    applications,
    messagesEach,
    load: bench.nextLoad(),
    dueAt: new Date(),
    listedDueAt: new Date(Date.now() + hourMs),
    onProgress: (rows) => bench.progress.at(`${rows} of ${total}`),
  });
  await client.query('checkpoint');
  await client.end();
  await pause(settleMs);
  return total;
}
