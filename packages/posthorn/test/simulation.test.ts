// The delivery engine over virtual time (bench/src/simulation): no seed breaks a rule, a seed is one story, and bugs that
// are planted are found. `npm run simulate` runs more seeds, `-- --planted ""` tries all the bugs.
import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { describe, expect, it } from 'vitest';

const program = fileURLToPath(new URL('../../../bench/dist/simulation/main.js', import.meta.url));
const seedsInCi = 1_000;
// A minute on a core of its own; much longer where several share one.
const timeoutMs = 900_000;

interface Summary {
  seeds: number;
  messages: number;
  attempts: number;
  faults: number;
  broken: { seed: number; violations: string[] }[];
  hashes: string[];
}

async function simulate(...args: string[]): Promise<string> {
  const options = { maxBuffer: 64 * 1024 * 1024 };
  const run = promisify(execFile)(process.execPath, [program, '--json', ...args], options);
  // A broken rule ends it with 1; what it found is in the output.
  const { stdout } = await run.catch((error: unknown) => error as { stdout: string });
  return stdout;
}

const summaryOf = async (...args: string[]) => JSON.parse(await simulate(...args)) as Summary;

describe('the simulation', () => {
  it(
    `breaks no rule in ${seedsInCi} seeds`,
    async () => {
      const summary = await summaryOf('--seeds', String(seedsInCi));
      expect(summary.broken).toEqual([]);
      expect(summary.seeds).toBe(seedsInCi);
      // There was something to judge.
      expect(summary.messages).toBeGreaterThan(20 * seedsInCi);
      expect(summary.attempts).toBeGreaterThan(summary.messages);
      expect(summary.faults).toBeGreaterThan(seedsInCi);
    },
    timeoutMs,
  );

  it('tells the same story for the same seed, whatever ran before it', async () => {
    const [one, other, later] = await Promise.all([
      summaryOf('--seeds', '20'),
      summaryOf('--seeds', '20'),
      summaryOf('--from', '10', '--seeds', '10'),
    ]);
    expect(one.hashes).toEqual(other.hashes);
    expect(one.hashes.slice(10)).toEqual(later.hashes);
    expect(new Set(one.hashes).size).toBe(20);
  });

  it.each(['the living are taken for dead', 'retry after 2xx', 'dispatch before the commit', 'no recovery'])(
    'finds a planted bug: %s',
    async (name) => {
      const trial = JSON.parse(await simulate('--planted', name, '--seeds', '100')) as { seed?: number };
      expect(trial.seed).toBeTypeOf('number');
    },
  );
});
