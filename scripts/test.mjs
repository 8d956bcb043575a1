// Runs vitest with the arguments given, and ends with one line that people and CI can rely on:
// `N passed, N failed, N skipped`. The exit code is vitest's, and never 0 when something failed or nothing ran.
import { spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { constants, tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const folder = mkdtempSync(join(tmpdir(), 'posthorn-test-'));
const summaryFile = join(folder, 'summary.json');

const vitestExitCode = await runVitest(process.argv.slice(2));
const judged = judge(readSummary(), vitestExitCode);
rmSync(folder, { recursive: true, force: true });
print(judged);
process.exitCode = judged.failed > 0 && vitestExitCode === 0 ? 1 : vitestExitCode;

/** Resolves with the exit code; a death by signal gives 128 + its number, as a shell would. */
function runVitest(args) {
  const vitest = join(root, 'node_modules', 'vitest', 'vitest.mjs');
  const reporters = [`--reporter=${join(root, 'scripts', 'count-reporter.mjs')}`];
  if (!args.some((arg) => arg.startsWith('--reporter'))) reporters.unshift('--reporter=default');
  const env = { ...process.env, TEST_SUMMARY_FILE: summaryFile };
  // Vitest colours its output under CI even when it goes to a file.
  if (!process.stdout.isTTY && !env.FORCE_COLOR) env.NO_COLOR = '1';
  const child = spawn(process.execPath, [vitest, 'run', ...reporters, ...args], {
    cwd: root,
    stdio: 'inherit',
    env,
  });
  // The terminal sends ^C to both; vitest stops its workers, and the count is still printed.
  process.on('SIGINT', () => {});
  process.on('SIGTERM', () => child.kill('SIGTERM'));
  return new Promise((resolve) => {
    child.on('error', (error) => {
      process.stderr.write(`vitest did not start: ${error.message}\n`);
      resolve(1);
    });
    child.on('exit', (code, signal) => resolve(code ?? 128 + constants.signals[signal]));
  });
}

function readSummary() {
  const nothing = { passed: 0, failed: 0, skipped: [], repeated: [], isSelection: false };
  return existsSync(summaryFile) ? JSON.parse(readFileSync(summaryFile, 'utf8')) : nothing;
}

/** Adds the failure that no test case stands for: vitest itself failed, or nothing ran at all. */
function judge(summary, exitCode) {
  if (summary.failed > 0) return summary;
  if (exitCode !== 0) return { ...summary, failed: 1, remark: `vitest ended with exit code ${exitCode}` };
  if (summary.passed === 0) return { ...summary, failed: 1, remark: 'no test ran' };
  return summary;
}

function print({ passed, failed, skipped, repeated, isSelection, remark }) {
  const lines = [''];
  if (isSelection && skipped.length > 0) lines.push(`${skipped.length} not selected by name, or skipped`);
  else lines.push(...skipped.map(({ name, reason }) => `skipped: ${name} (${reason})`));
  lines.push(...repeated.map(({ name, reason }) => `passed only when repeated: ${name}: ${reason}`));
  if (remark) lines.push(`failed: ${remark}`);
  lines.push(`${passed} passed, ${failed} failed, ${skipped.length} skipped`);
  process.stdout.write(`${lines.join('\n')}\n`);
}
