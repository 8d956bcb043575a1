// Tells when a run has had its time. On a machine that is short of processors, time passes without the code getting
// any of it: only what the process used counts as well. It is an upper bound for what one of its threads used, so that
// a loop cannot hide; and there is an end to waiting.
import { transformationLimits } from '../../core/transformation.ts';
import type { Clock } from '../../lib/clock.ts';

const { runTimeoutMs, runHardTimeoutMs } = transformationLimits;

export interface RunTimer {
  isOver(): boolean;
}

export function startRunTimer(clock: Clock, graceMs = 0): RunTimer {
  const startedAtMs = clock.monotonicMs();
  const used = process.cpuUsage();
  return {
    isOver() {
      const passedMs = clock.monotonicMs() - startedAtMs;
      if (passedMs <= runTimeoutMs + graceMs) return false;
      const { user, system } = process.cpuUsage(used);
      return (user + system) / 1000 > runTimeoutMs + graceMs || passedMs > runHardTimeoutMs;
    },
  };
}
