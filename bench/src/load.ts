// One load on one server: ramp, measured window, stop, drain, reconcile.
import { setTimeout as pause } from 'node:timers/promises';
import type { Child } from './child.ts';
import { monotonicMs } from './clock.ts';
import type { Quantiles } from './histogram.ts';
import type { BenchPostgres, DatabaseCounts } from './postgres.ts';
import { cpuMs, rssMaxBytes } from './process-usage.ts';
import type { Progress } from './progress.ts';
import { type Body, isAccepted, type Target } from './protocol.ts';
import { type Reconciled, reconcile } from './reconcile.ts';

const drainQuietMs = 3_000;
const drainPollMs = 100;
const microseconds = 1_000;

/** The processes that a load needs, besides the server that it is put on. */
export interface Bench {
  generator: Child;
  sink: Child;
  sinkPort: number;
  postgres: BenchPostgres;
  progress: Progress;
  /** Numbers the loads of a run, so that what comes late from one is not taken for the next one's. */
  nextLoad(): number;
}

export interface Server {
  name: string;
  port: number;
  pid: number;
}

export interface LoadOptions {
  targets: readonly Target[];
  /** Message n goes to target `turns[n % turns.length]`; every target in turn when unset. */
  turns?: readonly number[];
  body: Body;
  connections: number;
  ratePerSecond?: number;
  underWayMax?: number;
  rampMs: number;
  windowMs: number;
  /** Longest wait for what was accepted and has not arrived. */
  drainMaxMs: number;
  /** Latency is taken from these targets only. */
  isMeasured?: (target: number) => boolean;
}

/** Rates are per second of the window; costs are per arrival within it. */
export interface LoadResult {
  totals: Reconciled;
  acceptedPerSecond: number;
  deliveredPerSecond: number;
  /** Everything that arrived, over the time from the first message to the last arrival. */
  deliveredPerSecondWithDrain: number;
  publish: Quantiles;
  arrival: Quantiles;
  cpuMicrosPerDelivery: { server: number; postgres: number; generator: number; sink: number };
  statementsPerDelivery: number;
  commitsPerDelivery: number;
  walBytesPerDelivery: number;
  rssMaxBytes: number;
  /** Why connections failed, if some did. */
  errors: string;
}

interface Sample {
  atMs: number;
  cpu: { server: number; postgres: number; generator: number; sink: number };
  database: DatabaseCounts;
}

async function sample({ postgres, generator, sink }: Bench, server: Server): Promise<Sample> {
  const database = await postgres.counts();
  return {
    atMs: monotonicMs(),
    cpu: {
      server: cpuMs(server.pid),
      postgres: cpuMs(postgres.pid),
      generator: cpuMs(generator.pid),
      sink: cpuMs(sink.pid),
    },
    database,
  };
}

export async function runLoad(bench: Bench, server: Server, options: LoadOptions): Promise<LoadResult> {
  const { generator, sink, sinkPort, progress } = bench;
  const { targets, turns = targets.map((_, index) => index) } = options;
  const load = bench.nextLoad();
  const endpointsByTurn = turns.map((turn) => (targets[turn] ?? { endpoints: [] }).endpoints);
  const arrivalsPerMessage = endpointsByTurn.reduce((sum, list) => sum + list.length, 0) / turns.length;
  sink.tell({ kind: 'begin', load });
  await sink.next('begun');
  progress.during(`${server.name}: ${describe(options)}`, options.rampMs + options.windowMs);
  generator.tell({
    kind: 'start',
    order: {
      load,
      port: server.port,
      sinkPort,
      heads: targets.map(({ head }) => head),
      secrets: targets.map(({ secret }) => secret),
      turns,
      body: options.body,
      connections: options.connections,
      ratePerSecond: options.ratePerSecond ?? 0,
      underWayMax: options.underWayMax ?? 0,
      arrivalsPerMessage,
    },
  });
  await pause(options.rampMs);
  const before = await sample(bench, server);
  await pause(options.windowMs);
  const after = await sample(bench, server);
  const done = generator.next('done');
  generator.tell({ kind: 'stop' });
  const published = await done;
  const acceptedCount = published.status.reduce((sum, status) => sum + (isAccepted(status) ? 1 : 0), 0);
  await drain(bench, acceptedCount * arrivalsPerMessage, options.drainMaxMs);
  const taken = sink.next('taken');
  sink.tell({ kind: 'take' });
  const { isMeasured } = options;
  const judged = reconcile(
    published,
    await taken,
    {
      endpointsByTurn,
      ...(isMeasured ? { isMeasured: (turn: number) => isMeasured(turns[turn] ?? 0) } : {}),
    },
    { fromMs: before.atMs, toMs: after.atMs },
  );
  return {
    ...summarise(judged, before, after),
    rssMaxBytes: rssMaxBytes(server.pid),
    errors: published.errors.join('; '),
  };
}

function describe({ ratePerSecond, underWayMax, connections }: LoadOptions): string {
  if (ratePerSecond) return `${Math.round(ratePerSecond)} messages/s`;
  return underWayMax ? 'as fast as it delivers' : `${connections} connections, as fast as it accepts`;
}

/** Until everything has arrived, or nothing has for a while. */
async function drain({ sink }: Bench, expected: number, drainMaxMs: number): Promise<void> {
  let arrived = 0;
  const startedAtMs = monotonicMs();
  let movedAtMs = startedAtMs;
  for (;;) {
    const progress = await sink.next('arriving');
    const nowMs = monotonicMs();
    if (progress.arrived > arrived) movedAtMs = nowMs;
    ({ arrived } = progress);
    if (arrived >= expected) break;
    if (nowMs - movedAtMs > drainQuietMs || nowMs - startedAtMs > drainMaxMs) break;
  }
  // A duplicate would come now.
  await pause(drainPollMs);
}

function summarise(judged: ReturnType<typeof reconcile>, before: Sample, after: Sample) {
  const seconds = (after.atMs - before.atMs) / 1_000;
  const { arrivedInWindow, totals } = judged;
  const each = (total: number) => (arrivedInWindow === 0 ? 0 : total / arrivedInWindow);
  const cpu = (who: keyof Sample['cpu']) => each((after.cpu[who] - before.cpu[who]) * microseconds);
  const wholeSeconds = (judged.lastArrivalAtMs - judged.firstSentAtMs) / 1_000;
  const counted = (what: keyof DatabaseCounts) => each(after.database[what] - before.database[what]);
  return {
    totals,
    acceptedPerSecond: judged.acceptedInWindow / seconds,
    deliveredPerSecond: arrivedInWindow / seconds,
    deliveredPerSecondWithDrain: wholeSeconds > 0 ? totals.delivered / wholeSeconds : 0,
    publish: judged.publish,
    arrival: judged.arrival,
    cpuMicrosPerDelivery: {
      server: cpu('server'),
      postgres: cpu('postgres'),
      generator: cpu('generator'),
      sink: cpu('sink'),
    },
    statementsPerDelivery: counted('statements'),
    commitsPerDelivery: counted('commits'),
    walBytesPerDelivery: counted('walBytes'),
  };
}
