// The processes that this one starts, what they answer, and their end, whatever happens here.
import { type ChildProcess, fork } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import type { FromGenerator, FromRelay, FromSink, ToGenerator, ToSink } from './protocol.ts';

type Answer = FromGenerator | FromSink | FromRelay;
type Answers = { [K in Answer['kind']]: Extract<Answer, { kind: K }> };

const answerTimeoutMs = 60_000;
const started = new Set<ChildProcess>();

export interface Child {
  pid: number;
  tell(message: ToGenerator | ToSink): void;
  /** The next message of this kind. Rejects when the process ends first, or after a minute. */
  next<K extends Answer['kind']>(kind: K): Promise<Answers[K]>;
  /** Calls back on each message of this kind, until the process ends. */
  on<K extends Answer['kind']>(kind: K, listener: (answer: Answers[K]) => void): void;
  end(): void;
}

/** Starts a file of this folder as a process of its own. */
export function startChild(name: 'generator' | 'sink' | 'relay', args: readonly string[] = []): Child {
  const path = fileURLToPath(new URL(`./${name}.js`, import.meta.url));
  const child = fork(path, args, { serialization: 'advanced', execArgv: [] });
  keep(child);
  const on: Child['on'] = (kind, listener) => {
    child.on('message', (message) => {
      const answer = message as unknown as Answer;
      if (answer.kind === kind) (listener as (answer: Answer) => void)(answer);
    });
  };
  return {
    pid: child.pid ?? 0,
    tell: (message) => void child.send(message),
    on,
    next: (kind) =>
      new Promise((resolve, reject) => {
        const settle = (act: () => void) => {
          clearTimeout(timer);
          child.off('message', onMessage);
          child.off('exit', onExit);
          act();
        };
        const onMessage = (message: unknown) => {
          const answer = message as Answers[typeof kind];
          if (answer.kind === kind) settle(() => resolve(answer));
        };
        const onExit = (code: number | null) =>
          settle(() => reject(new Error(`the ${name} ended with ${code ?? 'a signal'}`)));
        const timer = setTimeout(
          () => settle(() => reject(new Error(`the ${name} did not say "${kind}" in time`))),
          answerTimeoutMs,
        );
        child.on('message', onMessage);
        child.on('exit', onExit);
      }),
    end: () => void child.kill('SIGKILL'),
  };
}

/** Has a process ended when this one ends. */
export function keep(child: ChildProcess): void {
  started.add(child);
  child.once('exit', () => started.delete(child));
}

/** At once, without asking: what they know is lost with them. */
export function endAllChildren(): void {
  for (const child of started) child.kill('SIGKILL');
}
