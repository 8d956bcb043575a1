// Who is told what went wrong. Without hooks, what only the operator can mend goes to the console: a bare 500 helps nobody.
import type { ReceivedEvent } from './events.ts';
import type { IncomingRequest } from './incoming.ts';
import type { Rejection } from './rejection.ts';

/** `url` and headers of the request may hold secrets: log them with care. */
export type RejectedRequest = Omit<Rejection, 'ok'> & {
  /** Undefined when the path names no source. */
  readonly source: string | undefined;
  readonly status: number;
  readonly request: Pick<IncomingRequest, 'method' | 'url' | 'headers'>;
  /** The event that did not fit its schema. */
  readonly event?: ReceivedEvent;
};

export type Failure = {
  readonly source: string;
  readonly step: 'receive' | 'handle' | 'dedupe' | 'background';
  readonly event?: ReceivedEvent;
};

export type ReportHooks = {
  /** A request, or an event of it, was refused. */
  readonly onRejected?: ((rejected: RejectedRequest) => unknown) | undefined;
  /** A handler, or something that the receiver was given, threw. */
  readonly onError?: ((error: unknown, failure: Failure) => unknown) | undefined;
};

export type Reports = {
  rejected(rejected: RejectedRequest): void;
  failed(error: unknown, failure: Failure): void;
};

export function createReports({ onRejected = showMistake, onError = showFailure }: ReportHooks): Reports {
  return {
    rejected: (rejected) => tell('onRejected', () => onRejected(rejected)),
    failed: (error, failure) => tell('onError', () => onError(error, failure)),
  };
}

/** A hook changes no answer, whatever becomes of it. */
function tell(hook: string, call: () => unknown): void {
  const failed = (error: unknown) => print(`webhooks: ${hook} failed`, error);
  try {
    Promise.resolve(call()).catch(failed);
  } catch (error) {
    failed(error);
  }
}

function showMistake({ source = 'a request', status, reason, detail }: RejectedRequest): void {
  if (status >= 500) print(`webhooks: ${source} was answered ${status}, ${reason}: ${detail}`);
}

function showFailure(error: unknown, { source, step, event }: Failure): void {
  print(`webhooks: ${source} failed to ${step} ${event?.type ?? 'a request'}`, error);
}

function print(...words: unknown[]): void {
  // oxlint-disable-next-line no-console -- the one place; hooks replace it
  console.error(...words);
}
