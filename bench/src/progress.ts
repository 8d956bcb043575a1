// What a run is doing, on stderr: one line that is rewritten on a terminal, else a line every few seconds.
import { monotonicMs } from './clock.ts';

const terminalEveryMs = 200;
const plainEveryMs = 5_000;

export class Progress {
  readonly #terminal = process.stderr.isTTY;
  readonly #timer: NodeJS.Timeout;
  #case = '';
  #text = '';
  #startedAtMs = monotonicMs();
  #expectedMs = 0;
  #counts = '';

  constructor() {
    this.#timer = setInterval(() => this.#show(), this.#terminal ? terminalEveryMs : plainEveryMs);
    this.#timer.unref();
  }

  inCase(name: string): void {
    this.#case = name;
    this.during('preparing', 0);
  }

  /** `expectedMs`: how long it should take, 0 when nobody knows. */
  during(text: string, expectedMs: number): void {
    this.#text = text;
    this.#startedAtMs = monotonicMs();
    this.#expectedMs = expectedMs;
    this.#counts = '';
    if (this.#terminal) this.#show();
  }

  /** How far it has come, in whatever it counts. */
  at(counts: string): void {
    this.#counts = counts;
  }

  end(): void {
    clearInterval(this.#timer);
    if (this.#terminal) process.stderr.write('\r\x1b[K');
  }

  #show(): void {
    const seconds = ((monotonicMs() - this.#startedAtMs) / 1_000).toFixed(0);
    const of = this.#expectedMs > 0 ? ` of ${Math.round(this.#expectedMs / 1_000)}` : '';
    const counts = this.#counts === '' ? '' : `, ${this.#counts}`;
    const line = `${this.#case}: ${this.#text}, ${seconds}${of} s${counts}`;
    process.stderr.write(this.#terminal ? `\r\x1b[K${line}` : `${line}\n`);
  }
}
