// The short form of `npm run fuzz:http`: malformed requests at the doors of sources, for a quarter of a minute.
import { spawn } from 'node:child_process';
import { randomInt } from 'node:crypto';
import { fileURLToPath } from 'node:url';
import { afterEach, expect, test } from 'vitest';

const program = fileURLToPath(new URL('../../../bench/http-fuzz/main.mjs', import.meta.url));
const seedMax = 2 ** 31;
const timeoutMs = 300_000;

let stop = () => {};
afterEach(() => stop());

test(
  'malformed requests: no crash, no 5xx but 503, memory bounded, other sources answered, nothing lost or slipped in',
  async () => {
    const args = ['--seconds', '15', '--seed', String(randomInt(seedMax))];
    const child = spawn(process.execPath, [program, ...args]);
    stop = () => child.kill('SIGTERM');
    let output = `npm run fuzz:http -- ${args.join(' ')}\n`;
    for (const stream of [child.stdout, child.stderr]) {
      stream.on('data', (chunk: unknown) => {
        output += String(chunk);
      });
    }
    const code = await new Promise<number | null>((resolve) => child.on('close', resolve));
    expect(output).toMatch(/requests \d{3,} of [1-9]\d kinds/);
    expect(code, output).toBe(0);
  },
  timeoutMs,
);
