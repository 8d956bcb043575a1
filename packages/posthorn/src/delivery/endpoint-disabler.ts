// Disables endpoints that only fail, or said that they are gone: one after the other, and in nobody's way. Its statement
// locks an application, which may take as long as whoever else has it locked.
import type pg from 'pg';
import { type Batcher, createBatcher } from '../lib/batcher.ts';
import type { Log } from '../lib/log.ts';
import { disableEndpoint } from '../store/disable-endpoint.ts';
import type { DisabledReason } from '../store/tables.ts';

interface Wanted {
  endpointId: string;
  reason: DisabledReason;
}

export class EndpointDisabler {
  readonly #deps: { pool: pg.Pool; log: Log };
  readonly #batcher: Batcher<Wanted>;
  readonly #waiting = new Set<string>();

  constructor(deps: { pool: pg.Pool; log: Log }) {
    this.#deps = deps;
    const runAll = async (batch: Wanted[]) => {
      for (const wanted of batch) await this.#disable(wanted);
    };
    this.#batcher = createBatcher({ itemsMax: 1, concurrencyMax: 1, run: runAll });
  }

  /** Each of an endpoint's attempts gives the reason again: it waits once. */
  add(endpointId: string, reason: DisabledReason): void {
    if (this.#waiting.has(endpointId)) return;
    this.#waiting.add(endpointId);
    this.#batcher.add({ endpointId, reason });
  }

  drain(): Promise<void> {
    return this.#batcher.drain();
  }

  async #disable({ endpointId, reason }: Wanted): Promise<void> {
    const { pool, log } = this.#deps;
    this.#waiting.delete(endpointId);
    try {
      if (await disableEndpoint(pool, endpointId, reason))
        log.warn({ endpointId, reason }, 'endpoint disabled');
    } catch (error) {
      // The attempts are stored; the endpoint's next one gives the same reason again.
      log.warn({ err: error, endpointId, reason }, 'an endpoint could not be disabled');
    }
  }
}
