// Which blocks of our code have run, as V8 counts them.
import { Session } from 'node:inspector/promises';

const ours = /\/packages\/(?:webhooks\/dist|posthorn\/dist\/cli)\/|\/bench\/dist\/fuzz\/planted\.js/;

export class Coverage {
  readonly #session = new Session();
  readonly #seen = new Set<string>();

  async start(): Promise<void> {
    this.#session.connect();
    await this.#session.post('Profiler.enable');
    await this.#session.post('Profiler.startPreciseCoverage', { callCount: true, detailed: true });
  }

  /** How many blocks have ever run. */
  get size(): number {
    return this.#seen.size;
  }

  /** Whether anything ran since the last call that had not run before. */
  async takeNew(): Promise<boolean> {
    const before = this.#seen.size;
    for (const block of await this.#take()) this.#seen.add(block);
    return this.#seen.size > before;
  }

  /** Whether anything did, without taking it for seen. */
  async peekNew(): Promise<boolean> {
    const blocks = await this.#take();
    return blocks.some((block) => !this.#seen.has(block));
  }

  async #take(): Promise<readonly string[]> {
    const { result } = await this.#session.post('Profiler.takePreciseCoverage');
    return result
      .filter(({ url }) => ours.test(url))
      .flatMap(({ scriptId, functions }) =>
        functions
          .flatMap(({ ranges }) => ranges)
          .filter(({ count }) => count > 0)
          .map(({ startOffset, endOffset }) => `${scriptId}:${startOffset}:${endOffset}`),
      );
  }
}
