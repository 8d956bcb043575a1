// What the machine costs before anything is measured: how long its disk takes for one write, and how late an idle
// process is woken. No server can answer sooner than these allow.
import { closeSync, fdatasyncSync, openSync, rmSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { monotonicMs } from './clock.ts';
import { Histogram } from './histogram.ts';

const writeBytes = 8_192;
const fileBytes = 16 * 2 ** 20;
const syncsForMs = 2_000;
const wakesForMs = 2_000;
const wakeEveryMs = 1;

export interface Stillness {
  /** 8 KiB written over what was there, and fdatasync: what a commit waits for. */
  syncP50Ms: number;
  syncP99Ms: number;
  syncMaxMs: number;
  /** How much later than asked a timer of 1 ms fires in a process that does nothing else. */
  wakeP99Ms: number;
  wakeMaxMs: number;
}

/** Takes 4 s. `folder`: on the disk that PostgreSQL writes to. */
export async function probeStillness(folder: string): Promise<Stillness> {
  const sync = syncTimes(join(folder, 'stillness')).summary();
  const wake = (await wakeTimes()).summary();
  return {
    syncP50Ms: sync.p50Ms,
    syncP99Ms: sync.p99Ms,
    syncMaxMs: sync.maxMs,
    wakeP99Ms: wake.p99Ms,
    wakeMaxMs: wake.maxMs,
  };
}

/** As one sentence of the report. */
export function stillnessLine(stillness: Stillness): string {
  const { syncP50Ms, syncP99Ms, syncMaxMs, wakeP99Ms, wakeMaxMs } = stillness;
  const sync = `a write and fdatasync took ${inMs(syncP50Ms)} (p50), ${inMs(syncP99Ms)} (p99), ${inMs(syncMaxMs)} ms (longest)`;
  return `before the cases ${sync}, and an idle process was woken ${inMs(wakeP99Ms)} (p99), ${inMs(wakeMaxMs)} ms (longest) late`;
}

const inMs = (ms: number) => ms.toFixed(ms < 1 ? 2 : 1);

function syncTimes(file: string): Histogram {
  const times = new Histogram();
  const page = Buffer.alloc(writeBytes, 'x');
  const descriptor = openSync(file, 'w');
  try {
    // Like a log segment that is used again: the file has its length before it is timed.
    for (let at = 0; at < fileBytes; at += writeBytes) writeSync(descriptor, page, 0, writeBytes, at);
    fdatasyncSync(descriptor);
    const endsAt = monotonicMs() + syncsForMs;
    for (let at = 0, now = monotonicMs(); now < endsAt; at = (at + writeBytes) % fileBytes) {
      writeSync(descriptor, page, 0, writeBytes, at);
      fdatasyncSync(descriptor);
      const after = monotonicMs();
      times.record(after - now);
      now = after;
    }
  } finally {
    closeSync(descriptor);
    rmSync(file);
  }
  return times;
}

function wakeTimes(): Promise<Histogram> {
  const times = new Histogram();
  const endsAt = monotonicMs() + wakesForMs;
  return new Promise((resolve) => {
    const wait = (askedAt: number) =>
      setTimeout(() => {
        const now = monotonicMs();
        times.record(Math.max(0, now - askedAt - wakeEveryMs));
        if (now >= endsAt) resolve(times);
        else wait(now);
      }, wakeEveryMs);
    wait(monotonicMs());
  });
}
