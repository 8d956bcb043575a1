// What the files that declare commands share: how work is run, and how examples stand in the help.
import type { Command } from 'commander';
import type { Io } from './io.ts';

/** Runs a command's work and keeps its exit code. */
export type Run = (work: () => Promise<number>) => Promise<void>;

export interface Context {
  io: Io;
  /** For commands that end by themselves: a signal ends them with the exit code for it. */
  run: Run;
  /** For servers, which listen to signals on their own. */
  serve: Run;
}

export function withExamples(command: Command, examples: readonly string[]): Command {
  return command.addHelpText('after', `\nExamples:\n${examples.map((line) => `  $ ${line}`).join('\n')}`);
}

/** For options that may be repeated. */
export function collect(value: string, before: string[] = []): string[] {
  return [...before, value];
}
