// Results as a table for people.
import type { LoadResult } from './load.ts';
import type { Machine } from './machine.ts';
import { loadLine, machineLine } from './machine.ts';
import { median, type RecordedCase, type Results } from './result.ts';

const mebibyte = 2 ** 20;
const kibibyte = 2 ** 10;

interface Column {
  title: string;
  of(load: LoadResult): number;
  digits: number;
}

const columns: readonly Column[] = [
  { title: 'accepted/s', of: (load) => load.acceptedPerSecond, digits: 0 },
  { title: 'delivered/s', of: (load) => load.deliveredPerSecond, digits: 0 },
  { title: 'publish p50', of: (load) => load.publish.p50Ms, digits: 1 },
  { title: 'p99 ms', of: (load) => load.publish.p99Ms, digits: 1 },
  { title: 'arrival p50', of: (load) => load.arrival.p50Ms, digits: 1 },
  { title: 'p95', of: (load) => load.arrival.p95Ms, digits: 1 },
  { title: 'p99', of: (load) => load.arrival.p99Ms, digits: 1 },
  { title: 'p99.9 ms', of: (load) => load.arrival.p999Ms, digits: 1 },
  { title: 'server CPU µs', of: (load) => load.cpuMicrosPerDelivery.server, digits: 0 },
  { title: 'PostgreSQL CPU µs', of: (load) => load.cpuMicrosPerDelivery.postgres, digits: 0 },
  { title: 'statements', of: (load) => load.statementsPerDelivery, digits: 3 },
  { title: 'commits', of: (load) => load.commitsPerDelivery, digits: 3 },
  { title: 'WAL KiB', of: (load) => load.walBytesPerDelivery / kibibyte, digits: 1 },
  { title: 'RSS MiB', of: (load) => load.rssMaxBytes / mebibyte, digits: 0 },
];
const counted = ['sent', 'accepted', 'delivered', 'missing', 'duplicated'] as const;

/** The median of each column over the rounds, and the sums of what was counted. */
function rowOf(name: string, loads: readonly LoadResult[]): string[] {
  const medians = columns.map(({ of, digits }) => median(loads.map(of)).toFixed(digits));
  const sums = counted.map((what) => String(loads.reduce((sum, load) => sum + load.totals[what], 0)));
  return [name, ...medians, ...sums];
}

/** Titles and rows, as cells; no rows when the case put no load on anything. */
export function loadTable(result: RecordedCase): string[][] {
  const rows = Object.entries(result.loads).map(([name, loads]) =>
    rowOf(`${name} (${loads.length}×)`, loads),
  );
  return rows.length === 0 ? [] : [['', ...columns.map(({ title }) => title), ...counted], ...rows];
}

export function valueText(value: number): string {
  if (Number.isInteger(value)) return String(value);
  return value >= 100 ? value.toFixed(0) : value.toPrecision(3);
}

/** Everything, for a terminal. Two lines a load, because one would be wider than it. */
export function textReport(results: Results, machine: Machine): string {
  const parts = [machineLine(machine), loadLine(machine)];
  for (const [name, result] of Object.entries(results)) {
    parts.push('', `== ${name}`);
    if (result.skipped !== undefined) parts.push(`not measured: ${result.skipped}`);
    for (const [key, value] of Object.entries(result.values)) parts.push(`${key}: ${valueText(value)}`);
    for (const { title, head, rows } of result.tables ?? [])
      parts.push(title, ...aligned([head, ...rows.map((row) => row.map(String))]));
    parts.push(...aligned(transposed(loadTable(result))));
    for (const [load, rounds] of Object.entries(result.loads)) {
      const errors = new Set(rounds.map((round) => round.errors).filter((error) => error !== ''));
      for (const error of errors) parts.push(`${load}: ${error}`);
    }
    parts.push(...(result.profile ?? []));
  }
  return `${parts.join('\n')}\n`;
}

export function transposed(cells: readonly (readonly string[])[]): string[][] {
  return (cells[0] ?? []).map((_, column) => cells.map((row) => row[column] ?? ''));
}

function aligned(rows: readonly (readonly string[])[]): string[] {
  const widths = (rows[0] ?? []).map((_, column) =>
    Math.max(...rows.map((row) => (row[column] ?? '').length)),
  );
  return rows.map((row) =>
    row
      .map((cell, column) =>
        column === 0 ? cell.padEnd(widths[column] ?? 0) : cell.padStart(widths[column] ?? 0),
      )
      .join('  '),
  );
}
