// A Kafka broker for tests: the mock cluster of librdkafka, as kcat runs it, which speaks the real protocol.
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

export async function startMockKafka(): Promise<MockKafka> {
  const kcat = programPath('kcat') ?? '';
  const child = spawn(kcat, ['-M', '1'], { stdio: ['pipe', 'pipe', 'pipe'] });
  let output = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.on('data', (chunk) => {
      output += String(chunk);
    });
  }
  const exited = new Promise<void>((resolve) => child.once('exit', () => resolve()));
  const address = await waitFor(() => /BROKERS=127\.0\.0\.1:(\d+)/.exec(output)?.[1], {
    what: 'the address of the mock cluster',
  });
  return {
    port: Number(address),
    async read() {
      const args = [
        '-C',
        '-b',
        `127.0.0.1:${address}`,
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
