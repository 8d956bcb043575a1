// One HTTP attempt as undici reports it: collects a bounded answer, keeps the total deadline, settles exactly once.
import { subscribe } from 'node:diagnostics_channel';
import type { Socket } from 'node:net';
import type { Dispatcher } from 'undici';
import { classifyStatus, type Outcome } from '../../core/outcome.ts';
import { isClosedByUs, unreachableFrom } from './http-failure.ts';

export interface ResponseLimits {
  /** How long the body may take once the status is known; the outcome does not wait for it. */
  readonly bodyGraceMs: number;
  readonly responseBodyReadMaxBytes: number;
  readonly responseBodyKeptMaxBytes: number;
  readonly responseHeadersKeptMaxBytes: number;
  /** 1xx answers before the real one. */
  readonly interimResponsesMax: number;
}

export const defaultResponseLimits: ResponseLimits = {
  bodyGraceMs: 5_000,
  responseBodyReadMaxBytes: 64 * 1024,
  responseBodyKeptMaxBytes: 16 * 1024,
  responseHeadersKeptMaxBytes: 8 * 1024,
  interimResponsesMax: 16,
};

/** What undici handed over until the attempt settled. `bodyTruncated`: the kept bytes are not the whole body. */
export interface RawAnswer {
  outcome: Outcome;
  headers: Record<string, string>;
  body: Uint8Array;
  bodyTruncated: boolean;
  remoteAddress: string | undefined;
}

interface AttemptOptions {
  readonly limits: ResponseLimits;
  readonly timeoutMs: number;
  readonly signal: AbortSignal | undefined;
  readonly resolve: (answer: RawAnswer) => void;
  /** Only for the caller's own abort, or a closed connector. */
  readonly reject: (reason: unknown) => void;
}

type Headers = Parameters<NonNullable<Dispatcher.DispatchHandler['onResponseStart']>>[2];

type PeerSocket = Pick<Socket, 'remoteAddress' | 'destroy'>;

// undici names the socket of a request on this channel only, in the same synchronous step as onRequestStart.
let onNextSocket: ((socket: PeerSocket) => void) | undefined;
subscribe('undici:client:sendHeaders', (message) => {
  onNextSocket?.((message as { socket: PeerSocket }).socket);
  onNextSocket = undefined;
});

/**
 * connecting -> requested -> answered -> settled. Before `answered` any failure is `unreachable`; from `answered` on the
 * status decides, whatever becomes of the body.
 */
export class HttpAttempt implements Dispatcher.DispatchHandler {
  readonly #options: AttemptOptions;
  readonly #deadline: NodeJS.Timeout;
  readonly #chunks: Buffer[] = [];
  #grace: NodeJS.Timeout | undefined;
  #settled = false;
  #status: number | undefined;
  #headers: Record<string, string> = {};
  #bytesRead = 0;
  #bytesKept = 0;
  #interimResponses = 0;
  #socket: PeerSocket | undefined;
  #remoteAddress: string | undefined;

  constructor(options: AttemptOptions) {
    this.#options = options;
    this.#deadline = setTimeout(() => this.#onDeadline(), options.timeoutMs);
    options.signal?.addEventListener('abort', this.#onCallerAbort, { once: true });
  }

  onRequestStart(controller: Dispatcher.DispatchController): void {
    // The deadline can pass while undici is still connecting; then nothing may be sent any more.
    if (this.#settled) return controller.abort(new Error('the attempt is over'));
    onNextSocket = (socket) => {
      this.#socket = socket;
      this.#remoteAddress = socket.remoteAddress;
    };
  }

  onResponseStart(_controller: Dispatcher.DispatchController, status: number, headers: Headers): void {
    if (this.#settled) return;
    if (status < 200) return this.#onInterimResponse();
    this.#status = status;
    this.#keepHeaders(headers);
    this.#grace = setTimeout(() => this.#settleWithStatus(status, true), this.#options.limits.bodyGraceMs);
  }

  onResponseData(_controller: Dispatcher.DispatchController, chunk: Buffer): void {
    if (this.#settled || this.#status === undefined) return;
    const { responseBodyKeptMaxBytes, responseBodyReadMaxBytes } = this.#options.limits;
    const kept = chunk.subarray(0, responseBodyKeptMaxBytes - this.#bytesKept);
    if (kept.length > 0) this.#chunks.push(kept);
    this.#bytesKept += kept.length;
    this.#bytesRead += chunk.length;
    if (this.#bytesRead >= responseBodyReadMaxBytes) this.#settleWithStatus(this.#status, true);
  }

  onResponseEnd(): void {
    this.#socket = undefined;
    if (this.#status !== undefined) this.#settleWithStatus(this.#status, false);
  }

  onResponseError(_controller: Dispatcher.DispatchController, error: Error): void {
    if (this.#settled) return;
    if (this.#status !== undefined) this.#settleWithStatus(this.#status, true);
    else if (isClosedByUs(error)) this.#fail(error);
    else this.#settle(unreachableFrom(error), false);
  }

  // Interim answers cost next to nothing to send; without a limit a receiver could keep the parser busy to the deadline.
  #onInterimResponse(): void {
    this.#interimResponses += 1;
    const { interimResponsesMax } = this.#options.limits;
    if (this.#interimResponses <= interimResponsesMax) return;
    const detail = `more than ${interimResponsesMax} interim (1xx) answers`;
    this.#settle({ kind: 'unreachable', reason: 'protocol', detail }, false);
  }

  #onDeadline(): void {
    if (this.#status !== undefined) return this.#settleWithStatus(this.#status, true);
    const phase = this.#socket ? 'waiting for the answer' : 'connecting';
    const detail = `no answer within ${this.#options.timeoutMs} ms; ended while ${phase}`;
    this.#settle({ kind: 'unreachable', reason: 'timeout', detail }, false);
  }

  readonly #onCallerAbort = (): void => {
    if (this.#status !== undefined) this.#settleWithStatus(this.#status, true);
    else this.#fail(this.#options.signal?.reason);
  };

  #settleWithStatus(status: number, cutShort: boolean): void {
    this.#settle(classifyStatus(status), cutShort);
  }

  #settle(outcome: Outcome, cutShort: boolean): void {
    if (this.#settled) return;
    this.#end();
    this.#options.resolve({
      outcome,
      headers: this.#headers,
      // concat copies: the chunks are views of larger socket buffers.
      body: Buffer.concat(this.#chunks),
      bodyTruncated: cutShort || this.#bytesRead > this.#bytesKept,
      remoteAddress: this.#remoteAddress,
    });
  }

  #fail(reason: unknown): void {
    if (this.#settled) return;
    this.#end();
    this.#options.reject(reason);
  }

  // The socket is destroyed rather than the request aborted: after an abort undici connects anew for the aborted request.
  // After a complete answer there is no socket here any more, and the connection is kept.
  #end(): void {
    this.#settled = true;
    clearTimeout(this.#deadline);
    clearTimeout(this.#grace);
    this.#options.signal?.removeEventListener('abort', this.#onCallerAbort);
    this.#socket?.destroy(new Error('the attempt is over'));
    this.#socket = undefined;
  }

  #keepHeaders(headers: Headers): void {
    let budgetBytes = this.#options.limits.responseHeadersKeptMaxBytes;
    const kept: [string, string][] = [];
    for (const [name, values] of Object.entries(headers)) {
      const value = Array.isArray(values) ? values.join(', ') : (values ?? '');
      const bytes = Buffer.byteLength(name) + Buffer.byteLength(value);
      if (bytes > budgetBytes) continue;
      budgetBytes -= bytes;
      kept.push([name, value]);
    }
    // fromEntries makes own properties even of names like __proto__.
    this.#headers = Object.fromEntries(kept);
  }
}
