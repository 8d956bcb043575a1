// The log of `posthorn dev`: a line for people per delivery, and warnings without JSON around them.
import { Writable } from 'node:stream';
import { type Logger, pino } from 'pino';
import { loggedError } from '../lib/log-error.ts';
import type { LogLevel } from '../config-parsers.ts';
import type { Settled } from '../store/settle-deliveries.ts';
import type { Io } from './io.ts';

const hidden = new Set(['level', 'time', 'msg', 'err', 'reqId']);
const levelNames: Readonly<Record<number, string>> = {
  10: 'trace',
  20: 'debug',
  30: 'info',
  40: 'warning',
  50: 'error',
  60: 'fatal',
};
const warningLevel = 40;

/** pino, writing lines that are read and not parsed. `info` says nothing here: the banner and the deliveries do. */
export function createDevLog(io: Io, level: LogLevel): Logger {
  const stream = new Writable({
    write(chunk, _encoding, done) {
      for (const line of String(chunk).split('\n'))
        if (line !== '') io.stderr.write(`${plainLine(line, io)}\n`);
      done();
    },
  });
  return pino(
    { level: level === 'info' ? 'warn' : level, base: null, serializers: { err: loggedError } },
    stream,
  );
}

function plainLine(line: string, io: Io): string {
  const entry = JSON.parse(line) as Record<string, unknown>;
  const level = Number(entry.level);
  const name = levelNames[level] ?? String(entry.level);
  const error = entry.err as { message?: string } | undefined;
  const fields = Object.entries(entry)
    .filter(([key]) => !hidden.has(key))
    .map(([key, value]) => ` ${key}=${typeof value === 'string' ? value : JSON.stringify(value)}`);
  const painted = level >= warningLevel ? io.paint(level > warningLevel ? 'red' : 'yellow', name) : name;
  return `  ${painted}: ${String(entry.msg)}${error?.message === undefined ? '' : `: ${error.message}`}${fields.join('')}`;
}

/** `-> msg_… http://… 200 3 ms`, and below a failure what to do about it and when it is tried again. */
export function deliveryLines({ messageId, transition, attempt }: Settled, io: Io): string {
  if (!attempt) {
    const why = 'cancellation' in transition ? transition.cancellation.detail : undefined;
    return `  ${io.paint('yellow', 'cancelled')} ${messageId}: ${why ?? 'nothing is sent'}\n`;
  }
  const { outcome, url, durationMs } = attempt;
  const result = outcome.kind === 'unreachable' ? outcome.reason : String(outcome.status || outcome.kind);
  const painted = io.paint(outcome.kind === 'accepted' ? 'green' : 'red', result);
  const line = `  -> ${messageId} ${url} ${painted} ${Math.round(durationMs)} ms\n`;
  if (outcome.kind === 'accepted') return line;
  return `${line}     ${attempt.detail ?? ''} ${whatNext(transition)}\n`;
}

function whatNext(transition: Settled['transition']): string {
  if ('delayMs' in transition) return `Next attempt in ${Math.round(transition.delayMs / 1000)} s.`;
  return transition.state === 'retrying' ? 'The automatic attempts go on.' : 'No further attempt.';
}
