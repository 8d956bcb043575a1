// The door on the server's port: requests below /in/, whatever they are, get an answer and never more.
import type { IncomingMessage, ServerResponse } from 'node:http';
import { RateBudget } from '../core/rate-budget.ts';
import type { Clock } from '../lib/clock.ts';
import type { Log } from '../lib/log.ts';
import { isDatabaseUnavailable } from '../store/availability.ts';
import { type Answer, notFound, tooLarge, tooMany, unavailable } from './answer.ts';
import type { OpenSource } from './open-source.ts';
import type { Receiver } from './receive.ts';
import { BodyBudget, headerValues, readBody } from './received.ts';
import { type Exchange, sendAnswer } from './send-answer.ts';
import type { SourceBook } from './source-book.ts';

const pathPattern = /^\/in\/([0-9A-Za-z]{20,64})\/?$/;
const prefix = '/in/';
// Bodies that are being read, or wait to be stored. Those of one source: room for the largest that there may be, and half
// of what may wait for a transaction.
const bodiesMaxBytes = 128 * 1024 * 1024;
const bodiesOfSourceMaxBytes = 32 * 1024 * 1024;
const retryAfterMinSeconds = 5;
const retryAfterSpreadSeconds = 10;
const limitedSourcesMax = 10_000;

export interface DoorDeps {
  book: SourceBook;
  receiver: Receiver;
  clock: Clock;
  random: () => number;
  log: Log;
  /** The origin by which providers reach this server; undefined: what they say in their Host header. */
  publicUrl: string | undefined;
}

export class Door {
  readonly #deps: DoorDeps;
  readonly #bodies = new BodyBudget({
    maxBytes: bodiesMaxBytes,
    ofSourceMaxBytes: bodiesOfSourceMaxBytes,
  });
  /** By limit: those of the same one share a table. */
  readonly #limits = new Map<number, RateBudget>();

  constructor(deps: DoorDeps) {
    this.#deps = deps;
  }

  /** Whether this is for the gateway. */
  readonly isFor = ({ url = '' }: IncomingMessage): boolean => url.startsWith(prefix);

  /** `isClosing`: no further request is to come on the connection. */
  readonly serve = (request: IncomingMessage, response: ServerResponse, isClosing: () => boolean): void => {
    // A caller that goes away in the middle of an answer is nobody's mistake.
    response.on('error', () => {});
    const exchange = { request, response, isClosing };
    void this.#answer(request)
      .catch((error: unknown) => this.#explain(error))
      .then((answer) => this.#send(exchange, answer));
  };

  /** An answer that cannot be written, as of a source whose own headers are none, must not end the process. */
  #send(exchange: Exchange, answer: Answer): void {
    try {
      sendAnswer(exchange, answer);
    } catch (error) {
      const instead = this.#explain(error);
      if (exchange.response.headersSent) exchange.response.destroy();
      else sendAnswer(exchange, instead);
    }
  }

  async #answer(request: IncomingMessage): Promise<Answer> {
    const [path = '', ...rest] = (request.url ?? '').split('?');
    const token = pathPattern.exec(path)?.[1];
    if (token === undefined) return notFound;
    const address = request.socket.remoteAddress;
    const source = await this.#deps.book.find(token, address ?? '');
    if (source === 'unknown') return notFound;
    if (source === 'too_many' || !this.#isWithinLimit(source)) return tooMany(1);
    const bodies = this.#bodies.shareOf(source.config.id);
    const read = await readBody(request, source.config.bodyMaxBytes, bodies);
    if (read.kind === 'too_large') return tooLarge;
    if (read.kind !== 'read') return this.#later();
    const { body } = read;
    try {
      const received = {
        method: request.method ?? '',
        url: this.#origin(request) + path,
        query: rest.length === 0 ? '' : `?${rest.join('?')}`,
        headers: headerValues(request),
        body,
        address,
        atMs: this.#deps.clock.now(),
      };
      return await this.#deps.receiver.receive(source, received, () => this.#deps.book.renew(token));
    } finally {
      bodies.giveBack(body.length);
    }
  }

  #origin({ headers }: IncomingMessage): string {
    return this.#deps.publicUrl ?? `http://${headers.host ?? 'localhost'}`;
  }

  #isWithinLimit({ config: { id, rateLimit } }: OpenSource): boolean {
    if (rateLimit === null) return true;
    let limit = this.#limits.get(rateLimit);
    if (!limit) {
      if (this.#limits.size >= limitedSourcesMax) this.#limits.clear();
      limit = new RateBudget({ perSecond: rateLimit, burst: rateLimit, keysMax: limitedSourcesMax });
      this.#limits.set(rateLimit, limit);
    }
    return limit.take(id, this.#deps.clock.monotonicMs());
  }

  /** The provider comes again: also when the mistake is ours. */
  #explain(error: unknown): Answer {
    if (isDatabaseUnavailable(error)) {
      this.#deps.log.warn({ err: error }, 'a provider was answered with 503');
    } else {
      // Not the error object itself: one of PostgreSQL can hold the row that it refused.
      const { name, message, stack } = error instanceof Error ? error : new Error(String(error));
      this.#deps.log.error({ error: { name, message, stack } }, 'a request of a provider failed');
    }
    return this.#later();
  }

  /** Spread, so that those who failed together do not come back together. */
  #later(): Answer {
    const spread = Math.floor(this.#deps.random() * retryAfterSpreadSeconds);
    return unavailable(retryAfterMinSeconds + spread);
  }
}
