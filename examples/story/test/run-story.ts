// Runs an example as a user would, with nothing of the environment but what is given.
import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';

export interface Told {
  code: number | null;
  stdout: string;
  stderr: string;
}

/** Resolves when it has ended. */
export function runStory(story: URL, env: Record<string, string>): Promise<Told> {
  const child = spawn(process.execPath, [fileURLToPath(story)], {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { PATH: process.env.PATH, ...env },
  });
  const told = { stdout: '', stderr: '' };
  child.stdout.on('data', (chunk) => {
    told.stdout += String(chunk);
  });
  child.stderr.on('data', (chunk) => {
    told.stderr += String(chunk);
  });
  return new Promise((resolve) => child.on('close', (code) => resolve({ code, ...told })));
}
