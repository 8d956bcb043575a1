// The fuzzing itself, in a thread of its own: the main thread watches it, and can end it when it hangs.
import { parentPort, workerData } from 'node:worker_threads';
import { Coverage } from './coverage.ts';
import { createRandom, mutated } from './mutate.ts';
import type { Target } from './target.ts';
import { Heartbeat } from './heartbeat.ts';
import type { FuzzData, FuzzFinding, FuzzReport } from './protocol.ts';

const batchSize = 128;
const slowCpuMs = 2_000;
const reportEveryMs = 5_000;
// Past this many of a reader, nothing is kept: what they hold stays a few MiB.
const groupMax = 1_000;

const { heartbeat: shared, seconds, seed, planted, input } = workerData as FuzzData;
const heartbeat = new Heartbeat(shared);

const tell = (message: FuzzReport | FuzzFinding) => parentPort?.postMessage(message, []);

class Found extends Error {
  readonly input: Uint8Array;
  constructor(found: Uint8Array, cause: unknown) {
    super(cause instanceof Error ? (cause.stack ?? cause.message) : String(cause));
    this.input = found;
  }
}

async function execute(target: Target, bytes: Uint8Array): Promise<void> {
  heartbeat.beat(bytes);
  const before = process.cpuUsage();
  try {
    await target.run(bytes);
  } catch (error) {
    throw new Found(bytes, error);
  }
  const { user } = process.cpuUsage(before);
  if (user / 1_000 > slowCpuMs)
    throw new Found(bytes, new Error(`took ${Math.round(user / 1_000)} ms of the processor`));
}

/** By reader, so that each has as many turns: there are some hundred times as many seeds for providers as for the others. */
class Corpus {
  readonly #groups = new Map<string, Uint8Array[]>();
  readonly #target: Target;
  constructor(target: Target) {
    this.#target = target;
    for (const bytes of target.seeds) this.add(bytes);
  }

  get size(): number {
    return Array.from(this.#groups.values(), ({ length }) => length).reduce((sum, length) => sum + length, 0);
  }

  add(bytes: Uint8Array): void {
    const kind = this.#target.kindOf(bytes);
    const group = this.#groups.get(kind) ?? [];
    if (group.length < groupMax) group.push(bytes);
    this.#groups.set(kind, group);
  }

  group(random: (below: number) => number): readonly Uint8Array[] {
    const groups = [...this.#groups.values()];
    return groups[random(groups.length)] ?? [];
  }
}

/** Keeps the inputs of a batch that reach code which none before them did. */
async function keepNew(
  batch: readonly Uint8Array[],
  { corpus, target, coverage }: { corpus: Corpus; target: Target; coverage: Coverage },
): Promise<void> {
  for (const bytes of batch) {
    await execute(target, bytes);
    if (await coverage.takeNew()) corpus.add(bytes);
  }
}

async function fuzz(target: Target, coverage: Coverage): Promise<FuzzReport> {
  const corpus = new Corpus(target);
  const random = createRandom(seed);
  const startedAtMs = performance.now();
  let executions = 0;
  // All of them stay, so that every provider has its turn, also those that run the same code.
  for (const bytes of target.seeds) await execute(target, bytes);
  executions += target.seeds.length;
  await coverage.takeNew();
  const report = (): FuzzReport => ({
    kind: 'report',
    executions,
    blocks: coverage.size,
    corpus: corpus.size,
    seconds: Math.round((performance.now() - startedAtMs) / 1_000),
  });
  tell(report());
  let reportedAtMs = performance.now();
  while (performance.now() - startedAtMs < seconds * 1_000) {
    const batch = Array.from({ length: batchSize }, () =>
      mutated({ corpus: corpus.group(random), words: target.words, random }),
    );
    for (const bytes of batch) await execute(target, bytes);
    executions += batch.length;
    // Asking for coverage costs as much as many runs: only a batch that found something is looked at one by one.
    if (await coverage.peekNew()) await keepNew(batch, { corpus, target, coverage });
    if (performance.now() - reportedAtMs > reportEveryMs) {
      reportedAtMs = performance.now();
      tell(report());
    }
  }
  return report();
}

async function main(): Promise<void> {
  const coverage = new Coverage();
  await coverage.start();
  // V8 counts the blocks only of code that it compiles after it was told to.
  const { createTarget } = await import('./target.ts');
  const target = await createTarget(planted);
  try {
    if (input === undefined) tell({ ...(await fuzz(target, coverage)), kind: 'done' });
    else {
      await execute(target, input);
      tell({ kind: 'done', executions: 1, blocks: 0, corpus: 0, seconds: 0 });
    }
  } catch (error) {
    if (!(error instanceof Found)) throw error;
    tell({ kind: 'found', input: error.input, problem: error.message });
  }
}

await main();
