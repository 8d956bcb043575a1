// A Kafka broker for tests: the mock cluster of librdkafka, which speaks the real protocol and lives in a kcat that waits for
// its input.
import { execFile, spawn } from 'node:child_process';
import { promisify } from 'node:util';
import type { Received } from './connector-conformance.ts';
import { programPath } from './services.ts';
import { waitFor } from './wait.ts';

export interface MockKafka {
  port: number;
  /** Everything in the topic `orders`, with its idempotency keys. */
  read(): Promise<Received[]>;
  stop(): Promise<void>;
}

const startMaxMs = 60_000;

export async function startMockKafka(): Promise<MockKafka> {
  const kcat = programPath('kcat') ?? '';
  const mock = ['-b', 'mock', '-X', 'test.mock.num.brokers=1'];
  const child = spawn(kcat, ['-P', '-t', 'orders', ...mock], { stdio: ['pipe', 'pipe', 'pipe'] });
  let output = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.on('data', (chunk) => {
      output += String(chunk);
    });
  }
  const exited = new Promise<void>((resolve) => child.once('exit', () => resolve()));
  const port = await waitFor(() => /replaced with 127\.0\.0\.1:(\d+)/.exec(output)?.[1], {
    what: 'the address of the mock cluster',
    timeoutMs: startMaxMs,
  }).catch((error: unknown) => {
    child.kill('SIGKILL');
    throw new Error(`kcat said:\n${output}`, { cause: error });
  });
  return {
    port: Number(port),
    async read() {
      const args = [
        '-C',
        '-b',
        `127.0.0.1:${port}`,
        '-t',
        'orders',
        '-o',
        'beginning',
        '-e',
        '-q',
        '-f',
        '%h\\t%s\\n',
      ];
      const { stdout } = await promisify(execFile)(kcat, args);
      return stdout
        .split('\n')
        .filter((line) => line !== '')
        .map((line) => {
          const [headers = '', text = ''] = line.split('\t');
          return { text, key: /idempotencyKey=([^,]*)/.exec(headers)?.[1] };
        });
    },
    async stop() {
      child.kill('SIGKILL');
      await exited;
    },
  };
}
