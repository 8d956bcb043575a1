// The fuzzer (bench/src/fuzz): ten seconds find nothing, and bugs of each kind that are planted are found.
import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { expect, it } from 'vitest';

const program = fileURLToPath(new URL('../../../bench/dist/fuzz/main.js', import.meta.url));
// A hang is told by the time of the processor, which a busy machine gives slowly.
const timeoutMs = 600_000;

async function fuzz(...args: string[]): Promise<{ code: number; output: string }> {
  const run = promisify(execFile)(process.execPath, [program, '--seed', '1', ...args]);
  return run.then(
    ({ stdout }) => ({ code: 0, output: stdout }),
    (error: { code: number; stdout: string }) => ({ code: error.code, output: error.stdout }),
  );
}

it(
  'finds nothing in ten seconds',
  async () => {
    const { code, output } = await fuzz('--seconds', '10');
    expect(code, output).toBe(0);
    const [, inputs, blocks] =
      /(\d+) inputs, (\d+) blocks of code reached, \d+ inputs kept, seed 1\n$/.exec(output) ?? [];
    // There was something to find in.
    expect(Number(inputs)).toBeGreaterThan(100);
    expect(Number(blocks)).toBeGreaterThan(1_000);
  },
  timeoutMs,
);

it.each([
  ['throw', /URIError/],
  ['hang', /hangs|ms of the processor/],
  ['forgery', /was forged/],
])(
  'finds a bug that is planted, and shows it again: %s',
  async (planted, problem) => {
    const { code, output } = await fuzz('--seconds', '240', '--planted', planted);
    expect(code, output).toBe(1);
    expect(output).toMatch(problem);
    const [, input = ''] = /--input ([0-9a-f]+)/.exec(output) ?? [];
    const again = await fuzz('--planted', planted, '--input', input);
    expect(again.output).toMatch(problem);
  },
  timeoutMs,
);
