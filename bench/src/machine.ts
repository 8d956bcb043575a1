// What a figure was measured on: without it the figure says nothing.
import { existsSync, readFileSync } from 'node:fs';
import { availableParallelism, cpus, loadavg, release, totalmem } from 'node:os';
import { type Stillness, stillnessLine } from './stillness.ts';

const gibibyte = 2 ** 30;
const quietLoadShare = 0.5;
// What of its files' pages Linux lets lie before it writes them: 0 when that is a share of the memory, as it is unless set.
const writebackPath = '/proc/sys/vm/dirty_background_bytes';

export interface Machine {
  cpu: string;
  cores: number;
  memoryGiB: number;
  system: string;
  node: string;
  /** Version and the settings that decide what a commit is worth; absent where none took part. */
  postgres?: string;
  durability?: Record<string, string>;
  /** vm.dirty_background_bytes, where it is set: commits wait less for pages that are written early. */
  writebackBytes?: number;
  /** Average number of busy processes in the minute before the start: others on the machine make figures worse. */
  loadAtStart: number;
  /** Absent where nothing waits for the disk. */
  stillness?: Stillness;
}

export function describeMachine(postgres?: { version: string; durability: Record<string, string> }): Machine {
  const writebackBytes = existsSync(writebackPath) ? Number(readFileSync(writebackPath, 'utf8')) : 0;
  return {
    cpu: cpus()[0]?.model.trim() ?? 'unknown',
    cores: availableParallelism(),
    memoryGiB: Math.round(totalmem() / gibibyte),
    system: `${process.platform} ${release()}`,
    node: process.version,
    ...(postgres && { postgres: postgres.version, durability: postgres.durability }),
    ...(writebackBytes > 0 && { writebackBytes }),
    loadAtStart: loadavg()[0] ?? 0,
  };
}

/** How busy others kept the machine before the start, a warning when that was much, and how still it was. */
export function loadLine({ loadAtStart, cores, stillness }: Machine): string {
  const warning =
    loadAtStart > cores * quietLoadShare ? ': others were using the machine, and the figures suffer' : '';
  const line = `load average at the start ${loadAtStart.toFixed(1)}${warning}`;
  return stillness ? `${line}; ${stillnessLine(stillness)}` : line;
}

export function machineLine({
  cpu,
  cores,
  memoryGiB,
  system,
  node,
  postgres,
  durability = {},
  writebackBytes,
}: Machine): string {
  const writeback = writebackBytes === undefined ? '' : `, vm.dirty_background_bytes=${writebackBytes}`;
  const line = `${cores} cores of ${cpu}, ${memoryGiB} GiB, ${system}${writeback}, Node ${node}`;
  if (postgres === undefined) return line;
  const settings = Object.entries(durability).map(([name, value]) => `${name}=${value}`);
  return `${line}, PostgreSQL ${postgres} (${settings.join(', ')})`;
}
