// Keeps the requests that were not taken in, so that somebody can see why and have them again: a bounded number of each
// source, and no more of a flood than a few a second.
import type pg from 'pg';
import type { ReceivedFacts } from '../core/inbound.ts';
import { RateBudget } from '../core/rate-budget.ts';
import type { Hidden } from '../core/redaction.ts';
import { BoundedMap } from '../lib/bounded-map.ts';
import type { Clock } from '../lib/clock.ts';
import { insertRequests, trimSetAside } from '../store/record-requests.ts';
import { requestOwner } from '../store/requests.ts';
import type { SecretBox } from '../store/secret-box.ts';
import type { Refusal } from './judge.ts';

const keptOfSource = { perSecond: 5, burst: 200, keysMax: 10_000 };
const bodyKeptMaxBytes = 1024 * 1024;
// How far one process can pass the bound on what a source has set aside.
const trimEvery = 20;

export class RefusalKeeper {
  readonly #deps: { pool: pg.Pool; box: SecretBox; clock: Clock };
  readonly #budget = new RateBudget(keptOfSource);
  readonly #untrimmed = new BoundedMap<string, number>(keptOfSource.keysMax);

  constructor(deps: { pool: pg.Pool; box: SecretBox; clock: Clock }) {
    this.#deps = deps;
  }

  /** Resolves when it is stored, or when there have been too many of this source to store it. */
  async keep(facts: ReceivedFacts, hidden: Hidden | undefined, refusal: Refusal): Promise<void> {
    const { pool, box, clock } = this.#deps;
    const { sourceId } = facts;
    if (!this.#budget.take(sourceId, clock.monotonicMs())) return;
    const sealed = hidden && box.seal(JSON.stringify(hidden), requestOwner(facts.id));
    await insertRequests(pool, [
      {
        ...facts,
        body: facts.bodyBytes > bodyKeptMaxBytes ? undefined : facts.body,
        verdict: 'rejected',
        ...refusal,
        hidden: sealed,
        messageIds: [],
      },
    ]);
    const untrimmed = (this.#untrimmed.get(sourceId) ?? trimEvery) + 1;
    this.#untrimmed.set(sourceId, untrimmed % trimEvery);
    if (untrimmed >= trimEvery) await trimSetAside(pool, sourceId);
  }
}
