// Requests that are not there in time, and whose fault that is. Node counts from the first byte that it read, also while
// this process stood still, and also for a body that is not read because something else is waited for.
//
//   nothing was ever said on the connection -> it may stay idle for as long as one between two requests
//   the body waits here to be read          -> our fault
//   the process stood still                 -> another chance, and our fault if it went on standing still
//   otherwise                               -> the caller is slow
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import type { StandstillWatch } from '../lib/standstill.ts';

export type Fault = 'caller' | 'server';

interface Exchange {
  request: IncomingMessage;
  response: ServerResponse;
}

export interface LateRequestsDeps {
  standstill: Pick<StandstillWatch, 'wasWithin'>;
  /** How long a connection may be open before its first request. */
  unusedMaxMs: number;
  /** How much longer a request may take when the process stood still. */
  graceMs: number;
}

export class LateRequests {
  readonly #deps: LateRequestsDeps;
  /** The last one of each connection. */
  readonly #exchanges = new WeakMap<Socket, Exchange>();
  readonly #unused = new WeakSet<Socket>();

  constructor(deps: LateRequestsDeps) {
    this.#deps = deps;
  }

  begins(request: IncomingMessage, response: ServerResponse): void {
    const { socket } = request;
    this.#exchanges.set(socket, { request, response });
    if (this.#unused.delete(socket)) socket.setTimeout(0);
  }

  /** Whether the answer to what is wrong is out, or begun: another one must not follow it. */
  isAnswered(socket: Socket): boolean {
    const exchange = this.#exchanges.get(socket);
    if (exchange === undefined || !exchange.response.headersSent) return false;
    return !exchange.response.writableFinished || !exchange.request.complete;
  }

  /** Node has found a request late, which it does once. `refuse` is called if there is something to refuse. */
  judge(socket: Socket, refuse: (fault: Fault) => void): void {
    const { standstill, unusedMaxMs, graceMs } = this.#deps;
    if (socket.bytesRead === 0) {
      this.#unused.add(socket);
      // Node ends it when that has passed.
      socket.setTimeout(unusedMaxMs);
      return;
    }
    const before = this.#exchanges.get(socket);
    if (isHeldBack(before)) return refuse('server');
    if (!standstill.wasWithin(graceMs)) return refuse('caller');
    const lookAgain = () => {
      const now = this.#exchanges.get(socket);
      if (socket.destroyed || !isStillLate(before, now)) return;
      refuse(isHeldBack(now) || standstill.wasWithin(graceMs) ? 'server' : 'caller');
    };
    setTimeout(lookAgain, graceMs).unref();
  }
}

/** Whether bytes of the body lie here and nobody reads them. */
function isHeldBack(exchange: Exchange | undefined): boolean {
  if (exchange === undefined || exchange.request.complete) return false;
  return exchange.request.readableFlowing !== true;
}

/** Where a head was late, nothing has come of it; where a body was, it is not complete. */
function isStillLate(before: Exchange | undefined, now: Exchange | undefined): boolean {
  const wasHead = before === undefined || before.request.complete;
  if (wasHead && now === before) return true;
  return now !== undefined && !now.request.complete;
}
