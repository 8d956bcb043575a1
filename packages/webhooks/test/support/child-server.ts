// A server in a process of its own: started, awaited, and ended.
import { spawn } from 'node:child_process';
import { once } from 'node:events';

export type ChildServer = {
  /** What it has printed so far. */
  output(): string;
  /** Resolves when `text` has been printed. */
  printed(text: string): Promise<void>;
  stop(): Promise<void>;
};

const startTimeoutMs = 60_000;

export async function startChild(
  command: string,
  args: readonly string[],
  options: { env: NodeJS.ProcessEnv; cwd: string; ready: string },
): Promise<ChildServer> {
  const child = spawn(command, args, { env: options.env, cwd: options.cwd });
  let output = '';
  const watchers = new Set<() => void>();
  const keep = (chunk: Buffer) => {
    output += chunk.toString();
    for (const look of watchers) look();
  };
  child.stdout.on('data', keep);
  child.stderr.on('data', keep);
  const ended = once(child, 'exit').then(() => watchers.forEach((look) => look()));
  const printed = (text: string) =>
    new Promise<void>((resolve, reject) => {
      const timer = setTimeout(() => settle(new Error(`${text} was not printed: ${output}`)), startTimeoutMs);
      const settle = (error?: Error) => {
        clearTimeout(timer);
        watchers.delete(look);
        if (error) reject(error);
        else resolve();
      };
      const look = () => {
        if (output.includes(text)) settle();
        else if (child.exitCode !== null) settle(new Error(`the process ended: ${output}`));
      };
      watchers.add(look);
      look();
    });
  await printed(options.ready);
  return {
    output: () => output,
    printed,
    async stop() {
      child.kill('SIGKILL');
      await ended;
    },
  };
}
