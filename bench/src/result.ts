// The shape of a result, in memory, with --json and in bench/results.json.
import type { LoadResult } from './load.ts';
import type { Machine } from './machine.ts';

export interface CaseResult {
  /** Why it was not measured. */
  skipped?: string;
  /** By name with unit: `ratio`, `arrivalP99Ms`, `statementsPerSecond` … */
  values: Record<string, number>;
  /** By server and round: `posthorn`, `relay` …; the rounds of a comparison follow each other in their order. */
  loads: Record<string, LoadResult[]>;
  /** What numbers with a name do not tell. */
  tables?: Table[];
  /** The dearest functions, when a profile was asked for. */
  profile?: string[];
}

export interface Table {
  title: string;
  head: string[];
  rows: (string | number)[][];
}

export interface RecordedCase extends CaseResult {
  /** ISO 8601. */
  measuredAt: string;
  machine: Machine;
  posthorn: string;
}

/** By case; cases measured by other commands may stand beside the ones of this one. */
export type Results = Record<string, RecordedCase>;

export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = Math.floor(sorted.length / 2);
  const upper = sorted[middle] ?? 0;
  return sorted.length % 2 === 1 ? upper : ((sorted[middle - 1] ?? upper) + upper) / 2;
}

/** Median, smallest and largest of pairwise quotients, as `<name>`, `<name>Min`, `<name>Max`. */
export function spread(name: string, values: readonly number[]): Record<string, number> {
  if (values.length === 0) return {};
  return { [name]: median(values), [`${name}Min`]: Math.min(...values), [`${name}Max`]: Math.max(...values) };
}
