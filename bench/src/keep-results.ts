// bench/results.json, and docs/benchmarks.md from it: what was measured is kept beside what other commands measured.
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { benchmarksDocument } from './document.ts';
import type { Results } from './result.ts';

const resultsPath = fileURLToPath(new URL('../results.json', import.meta.url));
const documentPath = fileURLToPath(new URL('../../docs/benchmarks.md', import.meta.url));
const manifestPath = fileURLToPath(new URL('../../packages/posthorn/package.json', import.meta.url));

/** Posthorn's version. */
export function measuredVersion(): string {
  return (JSON.parse(readFileSync(manifestPath, 'utf8')) as { version: string }).version;
}

/** What is kept. */
export const readResults = (): Results =>
  existsSync(resultsPath) ? (JSON.parse(readFileSync(resultsPath, 'utf8')) as Results) : {};

/** Keeps the results beside those of other cases, and writes the document from all of them. */
export function keepResults(results: Results): void {
  const merged = readResults();
  for (const [name, { profile: _, ...result }] of Object.entries(results)) merged[name] = result;
  writeFileSync(resultsPath, `${JSON.stringify(merged, undefined, 2)}\n`);
  writeFileSync(documentPath, benchmarksDocument(merged));
}
