// The short forms of `npm run crash`: real kills under load, every fail-point, and planted bugs that must be found.
import { spawn } from 'node:child_process';
import { randomInt } from 'node:crypto';
import { fileURLToPath } from 'node:url';
import { afterEach, expect, test } from 'vitest';

const program = fileURLToPath(new URL('../../../bench/crash/main.mjs', import.meta.url));
// A machine that is busy takes longer; what must hold is the same.
const timeoutMs = 900_000;
const seedMax = 2 ** 31;

let stop = () => {};
afterEach(() => stop());

/** Resolves with what the command printed; the seed that repeats it is in there. */
async function crash(...args: string[]): Promise<{ code: number | null; output: string }> {
  const seed = String(randomInt(seedMax));
  const child = spawn(process.execPath, [program, '--short', '--seed', seed, ...args]);
  stop = () => child.kill('SIGTERM');
  let output = `npm run crash -- ${['--short', '--seed', seed, ...args].join(' ')}\n`;
  const keep = (chunk: unknown) => {
    output += String(chunk);
  };
  child.stdout.on('data', keep);
  child.stderr.on('data', keep);
  const code = await new Promise<number | null>((resolve) => child.on('close', resolve));
  if (code !== 0) process.stdout.write(output);
  return { code, output };
}

test(
  'kills, a kill of PostgreSQL, a cut line and hostile receivers: nothing lost, nothing twice but what was in flight',
  async () => {
    const { code, output } = await crash();
    expect(output).toMatch(/accepted \d{4}, lost 0,/);
    expect(output).toMatch(/faults: .*\d kill/);
    expect(code, output).toBe(0);
  },
  timeoutMs,
);

test(
  'providers that send twice, at once and again, under kills and a cut line: what was answered 2xx is stored once',
  async () => {
    const { code, output } = await crash('--inbound');
    expect(output).toMatch(/holds {3}I10/);
    expect(output).toMatch(/accepted \d{4}, lost 0,/);
    expect(output).toMatch(/counted as repeated \d{3,}, set aside [1-9]/);
    expect(output).toMatch(/faults: .*\d kill/);
    expect(code, output).toBe(0);
  },
  timeoutMs,
);

test(
  '100 parallel duplicates of each of 30 requests are one message each',
  async () => {
    const { code, output } = await crash('--inbound', '--copies', '100', '--events', '30');
    expect(output).toMatch(/answered with 2xx 3000, counted as repeated (?:29[7-9]\d|3\d{3}),/);
    expect(code, output).toBe(0);
  },
  timeoutMs,
);

test(
  'a process that kills itself at any step of accepting and delivering loses nothing',
  async () => {
    const { code, output } = await crash('--fail-points');
    expect(output).not.toContain('NOT HIT');
    expect(output).toMatch(/PASSED: \d{2} fail-points, 0 of them not hit/);
    expect(code, output).toBe(0);
  },
  timeoutMs,
);

test(
  'planted bugs are found, and only they',
  async () => {
    const { code, output } = await crash('--mutants');
    expect(output).toContain('3 of 3 planted bugs caught');
    expect(code, output).toBe(0);
  },
  timeoutMs,
);

test(
  'planted bugs of the gateway are found, and only they',
  async () => {
    const { code, output } = await crash('--mutants', '--inbound');
    expect(output).toContain('2 of 2 planted bugs caught');
    expect(code, output).toBe(0);
  },
  timeoutMs,
);
