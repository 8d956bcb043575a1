// Notices that this process stood still: a frozen or overloaded machine, or one long computation.
import type { Clock } from './clock.ts';

const lookEveryMs = 250;
const standstillMinMs = 250;

export class StandstillWatch {
  readonly #clock: Pick<Clock, 'monotonicMs'>;
  readonly #timer: NodeJS.Timeout;
  #lookedAtMs: number;
  #endedAtMs = Number.NEGATIVE_INFINITY;

  constructor(clock: Pick<Clock, 'monotonicMs'>) {
    this.#clock = clock;
    this.#lookedAtMs = clock.monotonicMs();
    this.#timer = setInterval(() => this.#look(), lookEveryMs).unref();
  }

  /** Whether one ended within the last `ms`, or ends with this call. */
  wasWithin(ms: number): boolean {
    this.#look();
    return this.#lookedAtMs - this.#endedAtMs <= ms;
  }

  stop(): void {
    clearInterval(this.#timer);
  }

  #look(): void {
    const nowMs = this.#clock.monotonicMs();
    if (nowMs - this.#lookedAtMs - lookEveryMs > standstillMinMs) this.#endedAtMs = nowMs;
    this.#lookedAtMs = nowMs;
  }
}
