// Group commit: what comes in while a statement runs goes together into the next one.

export interface Batcher<T> {
  add(item: T): void;
  /** Takes out those that wait and are to leave. */
  remove(isLeaving: (item: T) => boolean): T[];
  /** Resolves when everything added so far has been through `run`. */
  drain(): Promise<void>;
}

export interface BatcherOptions<T> {
  itemsMax: number;
  /** What an item adds to its batch; without it, items are only counted. A batch of one may weigh more than `weightMax`. */
  weigh?(item: T): number;
  weightMax?: number;
  /** How many batches may run at the same time. */
  concurrencyMax: number;
  /** While one runs, another starts only for so many items: few large batches cost less than many small ones. */
  crowdMin?: number;
  /** After a batch of several items the next one waits this long for more: a lone item never waits. */
  lingerMs?: number;
  /** Nothing waits and nothing runs any more. */
  onIdle?(): void;
  /** Must not reject: what becomes of a failed batch is the owner's business. */
  run(batch: T[]): Promise<void>;
}

// A batch that takes longer holds back no other: it may wait for a lock, or for a disk.
const patienceMs = 50;
// So many items in the last batch tell that more are coming.
const severalItems = 3;

/** How many of those that wait go into one batch. */
function countOfNext<T>(
  waiting: readonly T[],
  { itemsMax, weigh, weightMax = Infinity }: BatcherOptions<T>,
): number {
  const countMax = Math.min(itemsMax, waiting.length);
  if (!weigh) return countMax;
  let weight = 0;
  for (const [count, item] of waiting.slice(0, countMax).entries()) {
    weight += weigh(item);
    if (count > 0 && weight > weightMax) return count;
  }
  return countMax;
}

function takeOut<T>(waiting: T[], isLeaving: (item: T) => boolean): T[] {
  const leaving = new Set(waiting.filter(isLeaving));
  if (leaving.size === 0) return [];
  for (const item of waiting.splice(0)) if (!leaving.has(item)) waiting.push(item);
  return [...leaving];
}

/** Rings once, so long after it was started last. Nothing that it alone would keep alive is kept alive. */
function createAlarm(delayMs: number, ring: () => void) {
  let timer: NodeJS.Timeout | undefined;
  const stop = () => {
    clearTimeout(timer);
    timer = undefined;
  };
  const start = () => {
    stop();
    timer = setTimeout(() => {
      timer = undefined;
      ring();
    }, delayMs);
    timer.unref();
  };
  return { isSet: () => timer !== undefined, start, stop };
}

export function createBatcher<T>(options: BatcherOptions<T>): Batcher<T> {
  const waiting: T[] = [];
  let runningCount = 0;
  let lastCount = 0;
  let scheduled = false;
  let lingering: NodeJS.Timeout | undefined;
  const drained: (() => void)[] = [];
  const { itemsMax, concurrencyMax, crowdMin = 1, lingerMs = 0 } = options;
  const patience = createAlarm(patienceMs, () => flush());
  const waitsForCrowd = () => runningCount > 0 && patience.isSet();
  const mayStart = () => runningCount < concurrencyMax && waiting.length >= (waitsForCrowd() ? crowdMin : 1);

  const finish = () => {
    runningCount -= 1;
    if (waiting.length > 0) flushSoon();
    else endIfIdle();
  };

  const endIfIdle = () => {
    if (runningCount > 0 || waiting.length > 0) return;
    patience.stop();
    for (const resolve of drained.splice(0)) resolve();
    options.onIdle?.();
  };

  const isLingering = () =>
    lingerMs > 0 && lastCount >= severalItems && waiting.length < Math.min(itemsMax, crowdMin);

  const flushSoon = () => {
    scheduled = false;
    if (!isLingering()) return flush();
    lingering ??= setTimeout(flush, lingerMs);
  };

  const flush = () => {
    clearTimeout(lingering);
    lingering = undefined;
    while (mayStart()) {
      const batch = waiting.splice(0, countOfNext(waiting, options));
      runningCount += 1;
      lastCount = batch.length;
      if (crowdMin > 1) patience.start();
      options.run(batch).then(finish, finish);
    }
  };

  return {
    add(item) {
      waiting.push(item);
      if (scheduled || !mayStart() || (lingering && isLingering())) return;
      // After this turn of the event loop: requests that arrived together share the first statement, too.
      scheduled = true;
      setImmediate(flushSoon);
    },
    remove(isLeaving) {
      const leaving = takeOut(waiting, isLeaving);
      if (leaving.length > 0) endIfIdle();
      return leaving;
    },
    drain() {
      if (waiting.length === 0 && runningCount === 0) return Promise.resolve();
      return new Promise((resolve) => drained.push(resolve));
    },
  };
}
