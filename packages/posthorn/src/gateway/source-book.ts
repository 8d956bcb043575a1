// Sources by the last part of their path, kept in memory: a request asks the database for its source once in a while.
import type { FetchText } from '@posthorn/webhooks/provider';
import { hash } from 'node:crypto';
import type pg from 'pg';
import { RateBudget } from '../core/rate-budget.ts';
import { BoundedMap } from '../lib/bounded-map.ts';
import type { Clock } from '../lib/clock.ts';
import type { SecretBox } from '../store/secret-box.ts';
import { findSourceByPath, type SourceConfig } from '../store/source-config.ts';
import { type OpenSource, openSource } from './open-source.ts';

const sourcesMax = 10_000;
// Nothing is stored by what is older: whoever stores compares versions. What is answered without storing may be.
const rememberedForMs = 10_000;
const unknownForMs = 1_000;
const unknownMax = 10_000;
// What is asked of the database for paths that nobody has seen: a flood of guesses costs no more than this.
const guessesOfAddress = { perSecond: 10, burst: 50, keysMax: 10_000 };
const guessesOfAll = { perSecond: 100, burst: 500, keysMax: 1 };
const all = 'all';

export interface SourceBookDeps {
  pool: pg.Pool;
  box: SecretBox;
  clock: Clock;
  fetchText: FetchText;
}

interface Entry {
  source: OpenSource;
  untilMs: number;
}

export type Found = OpenSource | 'unknown' | 'too_many';

export class SourceBook {
  readonly #deps: SourceBookDeps;
  // By the tokens' hashes, so that a dump of this process's memory holds no list of paths.
  readonly #entries = new BoundedMap<string, Entry>(sourcesMax);
  readonly #unknown = new BoundedMap<string, number>(unknownMax);
  readonly #reading = new Map<string, Promise<OpenSource | undefined>>();
  readonly #ofAddress = new RateBudget(guessesOfAddress);
  readonly #ofAll = new RateBudget(guessesOfAll);

  constructor(deps: SourceBookDeps) {
    this.#deps = deps;
  }

  async find(token: string, address: string): Promise<Found> {
    const key = keyOf(token);
    const nowMs = this.#deps.clock.monotonicMs();
    const known = this.#entries.get(key);
    if (known && known.untilMs > nowMs) return known.source;
    if ((this.#unknown.get(key) ?? 0) > nowMs) return 'unknown';
    if (!known && !this.#reading.has(key) && !this.#takeBudget(address, nowMs)) return 'too_many';
    const source = await this.#read(key, token);
    if (source && !known) this.#giveBudgetBack(address);
    return source ?? 'unknown';
  }

  /** As the database has it; undefined when it is gone. */
  renew(token: string): Promise<OpenSource | undefined> {
    return this.#read(keyOf(token), token);
  }

  /** One question for all who ask at the same time. */
  #read(key: string, token: string): Promise<OpenSource | undefined> {
    const running = this.#reading.get(key);
    if (running) return running;
    const started = this.#find(key, token).finally(() => this.#reading.delete(key));
    this.#reading.set(key, started);
    return started;
  }

  async #find(key: string, token: string): Promise<OpenSource | undefined> {
    const { pool, box, clock, fetchText } = this.#deps;
    const readAtMs = clock.monotonicMs();
    const config = await findSourceByPath(pool, box, token);
    const source = config && this.#opened(key, config, fetchText);
    if (!source) {
      this.#entries.delete(key);
      this.#unknown.set(key, clock.monotonicMs() + unknownForMs);
      return undefined;
    }
    const forMs = Math.min(rememberedForMs, source.config.validForMs ?? rememberedForMs);
    this.#entries.set(key, { source, untilMs: readAtMs + forMs });
    return source;
  }

  /** The one in memory where nothing has changed: its keys are imported. Secrets can end without a change. */
  #opened(key: string, config: SourceConfig, fetchText: FetchText): OpenSource | undefined {
    const known = this.#entries.get(key)?.source;
    const isSame = known?.config.version === config.version && sameIds(known.config.secrets, config.secrets);
    if (isSame) return { ...known, config };
    return openSource(config, fetchText);
  }

  #takeBudget(address: string, nowMs: number): boolean {
    if (!this.#ofAddress.take(address, nowMs)) return false;
    if (this.#ofAll.take(all, nowMs)) return true;
    this.#ofAddress.giveBack(address);
    return false;
  }

  #giveBudgetBack(address: string): void {
    this.#ofAddress.giveBack(address);
    this.#ofAll.giveBack(all);
  }
}

const keyOf = (token: string) => hash('sha256', token, 'base64');

function sameIds(a: readonly { id: string }[], b: readonly { id: string }[]): boolean {
  return a.length === b.length && a.every(({ id }, index) => id === b[index]?.id);
}
