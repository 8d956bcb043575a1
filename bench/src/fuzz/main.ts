// `npm run fuzz`: throws mutated requests at everything that reads what strangers send, led by the coverage of our code.
import { randomInt } from 'node:crypto';
import { parseArgs } from 'node:util';
import { Worker } from 'node:worker_threads';
import { Heartbeat } from './heartbeat.ts';
import { plantedNames } from './planted.ts';
import type { PlantedName } from './planted.ts';
import type { FuzzData, FuzzFinding, FuzzReport } from './protocol.ts';

interface Options {
  seconds: number;
  seed: number;
  planted: PlantedName | undefined;
  input: Uint8Array | undefined;
}

const usage = `npm run fuzz [-- OPTIONS]

Mutates requests and looks for a throw, a hang or a forgery in: verifyRequest of every provider, diagnoseRefusal,
readEvents, handshakes, receivers, JWTs, structured fields, HTTP signatures, CloudEvents, and the raw requests that the
command line reads.

  --seconds N    how long (60)
  --seed N       makes the same mutations again (random)
  --planted NAME plants a bug that must be found: ${plantedNames.join(', ')}
  --input HEX    runs one input, as a finding prints it
  --help         this text
`;
const usageExitCode = 2;
const seedBelow = 2 ** 31;
const hangCpuMs = 15_000;
const lookEveryMs = 1_000;
const memoryMaxMb = 512;

function parseOptions(args: readonly string[]): Options | { problem: string } | 'help' {
  const text = { type: 'string' } as const;
  let values;
  try {
    const options = {
      seconds: text,
      seed: text,
      input: text,
      planted: text,
      help: { type: 'boolean', default: false } as const,
    };
    ({ values } = parseArgs({ args: [...args], options }));
  } catch (error) {
    return { problem: error instanceof Error ? error.message : String(error) };
  }
  if (values.help) return 'help';
  const seconds = Number(values.seconds ?? 60);
  const seed = Number(values.seed ?? randomInt(seedBelow));
  if (!(seconds > 0)) return { problem: '--seconds takes a number above 0' };
  if (!Number.isSafeInteger(seed)) return { problem: '--seed takes a whole number' };
  const planted = plantedNames.find((name) => name === values.planted);
  if (values.planted !== undefined && planted === undefined)
    return { problem: `--planted takes ${plantedNames.join(', ')}` };
  return {
    seconds,
    seed,
    planted,
    input: values.input === undefined ? undefined : Buffer.from(values.input, 'hex'),
  };
}

/** The exit code: 1 when something was found. */
function run(options: Options): Promise<number> {
  const shared = Heartbeat.allocate();
  const heartbeat = new Heartbeat(shared);
  const workerData: FuzzData = { heartbeat: shared, ...options };
  const worker = new Worker(new URL('./worker.js', import.meta.url), {
    workerData,
    resourceLimits: { maxOldGenerationSizeMb: memoryMaxMb },
  });
  return new Promise((resolve) => {
    const end = (code: number) => {
      clearInterval(watch);
      void worker.terminate().then(() => resolve(code));
    };
    const found = (input: Uint8Array, problem: string) => {
      process.stdout.write(findingText(input, problem));
      end(1);
    };
    const watch = watchFor(heartbeat, () => found(heartbeat.input, 'hangs'));
    worker.on('message', (message: FuzzReport | FuzzFinding) => {
      if (message.kind === 'found') return found(message.input, message.problem);
      process.stdout.write(reportText(message, options.seed));
      if (message.kind === 'done') end(0);
    });
    worker.on('error', (error) => found(heartbeat.input, `not caught: ${error.stack ?? error.message}`));
  });
}

/** By the time of the processor: on a machine that is busy with others, a clock says nothing. */
function watchFor(heartbeat: Heartbeat, onHang: () => void): NodeJS.Timeout {
  let beats = heartbeat.beats;
  let since = process.cpuUsage();
  return setInterval(() => {
    if (heartbeat.beats !== beats) {
      beats = heartbeat.beats;
      since = process.cpuUsage();
    } else if (beats > 0 && process.cpuUsage(since).user / 1_000 > hangCpuMs) onHang();
  }, lookEveryMs);
}

function reportText({ executions, blocks, corpus, seconds }: FuzzReport, seed: number): string {
  return `${seconds} s: ${executions} inputs, ${blocks} blocks of code reached, ${corpus} inputs kept, seed ${seed}\n`;
}

function findingText(input: Uint8Array, problem: string): string {
  const hex = Buffer.from(input).toString('hex');
  return `found: ${problem}\nagain: npm run fuzz -- --input ${hex}\n`;
}

async function main(): Promise<number> {
  const options = parseOptions(process.argv.slice(2));
  if (options === 'help') {
    process.stdout.write(usage);
    return 0;
  }
  if ('problem' in options) {
    process.stderr.write(`${options.problem}\n\n${usage}`);
    return usageExitCode;
  }
  return run(options);
}

process.exitCode = await main();
