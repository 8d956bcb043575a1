// A request as it came in at a source, and its body read within bounds.
import type { IncomingMessage } from 'node:http';
import type { HeaderValues } from '../core/inbound.ts';

export interface Received {
  method: string;
  /** Without the query: as the provider called it, or as the source's path is now. */
  url: string;
  /** With its question mark; empty without one. */
  query: string;
  headers: HeaderValues;
  body: Buffer;
  address: string | undefined;
  /** Unix milliseconds: ages are measured against it, also when the request is looked at again later. */
  atMs: number;
}

/** What one source may hold of the budget. */
export interface BodyShare {
  /** False, and nothing taken, when there is not so much left. */
  take(bytes: number): boolean;
  giveBack(bytes: number): void;
}

/**
 * Bytes of bodies that are being read or waited for, in all and of one source: what is too much for memory is not begun,
 * and a source that is sent too much leaves room for the others.
 */
export class BodyBudget {
  readonly #maxBytes: number;
  readonly #ofSourceMaxBytes: number;
  readonly #bytesOf = new Map<string, number>();
  #bytes = 0;

  constructor({ maxBytes, ofSourceMaxBytes }: { maxBytes: number; ofSourceMaxBytes: number }) {
    this.#maxBytes = maxBytes;
    this.#ofSourceMaxBytes = ofSourceMaxBytes;
  }

  shareOf(sourceId: string): BodyShare {
    return {
      take: (bytes) => {
        const held = (this.#bytesOf.get(sourceId) ?? 0) + bytes;
        if (held > this.#ofSourceMaxBytes || this.#bytes + bytes > this.#maxBytes) return false;
        this.#bytes += bytes;
        this.#bytesOf.set(sourceId, held);
        return true;
      },
      giveBack: (bytes) => {
        const held = (this.#bytesOf.get(sourceId) ?? 0) - bytes;
        this.#bytes -= bytes;
        if (held > 0) this.#bytesOf.set(sourceId, held);
        else this.#bytesOf.delete(sourceId);
      },
    };
  }
}

export type BodyRead =
  | { kind: 'read'; body: Buffer }
  | { kind: 'too_large' }
  /** Too much is being read already. */
  | { kind: 'no_room' }
  /** The caller went away. */
  | { kind: 'aborted' };

/** Reads the body to its end. What it takes of the budget is the caller's to give back: `body.length` bytes. */
export function readBody(request: IncomingMessage, bytesMax: number, budget: BodyShare): Promise<BodyRead> {
  if (Number(request.headers['content-length'] ?? 0) > bytesMax)
    return Promise.resolve({ kind: 'too_large' });
  const chunks: Buffer[] = [];
  let bytes = 0;
  return new Promise((resolve) => {
    const listeners = {
      data(chunk: Buffer) {
        if (bytes + chunk.length > bytesMax) return stop('too_large');
        if (!budget.take(chunk.length)) return stop('no_room');
        bytes += chunk.length;
        chunks.push(chunk);
      },
      end: () => leave({ kind: 'read', body: wholeOf(chunks) }),
      // After the end it says nothing any more.
      close: () => stop('aborted'),
      error: () => stop('aborted'),
    };
    const leave = (result: BodyRead) => {
      for (const [event, listener] of Object.entries(listeners)) request.off(event, listener);
      // What goes wrong from here on concerns nobody.
      request.on('error', () => {});
      resolve(result);
    };
    const stop = (kind: 'too_large' | 'no_room' | 'aborted') => {
      budget.giveBack(bytes);
      leave({ kind });
    };
    for (const [event, listener] of Object.entries(listeners)) request.on(event, listener);
  });
}

function wholeOf(chunks: readonly Buffer[]): Buffer {
  const [only, ...others] = chunks;
  return only && others.length === 0 ? only : Buffer.concat(chunks);
}

/** Every value of each header, in the order of arrival. */
export function headerValues({ headersDistinct }: IncomingMessage): HeaderValues {
  const entries = Object.entries(headersDistinct).flatMap(([name, values]) =>
    values ? [[name, values] as const] : [],
  );
  return Object.fromEntries(entries);
}
