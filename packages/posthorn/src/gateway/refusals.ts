// Keeps the requests that were not taken in, so that somebody can see why and have them again: a bounded number of each
// source, and no more of a flood than a few a second.
import type pg from 'pg';
import { detailOf } from '../core/inbound-names.ts';
import type { ReceivedFacts } from '../core/inbound.ts';
import { RateBudget } from '../core/rate-budget.ts';
import type { Hidden } from '../core/redaction.ts';
import { BoundedMap } from '../lib/bounded-map.ts';
import type { Clock } from '../lib/clock.ts';
import { insertRequests, trimSetAside } from '../store/record-requests.ts';
import { requestOwner } from '../store/requests.ts';
import type { SecretBox } from '../store/secret-box.ts';
import { type Refusal, shownRefusal } from './judge.ts';
import type { OpenSource } from './open-source.ts';
import type { Received } from './received.ts';

const keptOfSource = { perSecond: 5, burst: 200, keysMax: 10_000 };
const bodyKeptMaxBytes = 1024 * 1024;
// A diagnosis verifies again and again.
const diagnosesOfSource = { perSecond: 1, burst: 20, keysMax: 10_000 };
const diagnosedMaxBytes = 256 * 1024;
// How far one process can pass the bound on what a source has set aside.
const trimEvery = 20;

export interface Refused {
  source: OpenSource;
  received: Received;
  refusal: Refusal;
}

export interface RefusalDeps {
  pool: pg.Pool;
  box: SecretBox;
  clock: Clock;
  /** One was stored: an operator is to be told of its cause. */
  onRefused(): void;
}

export class RefusalKeeper {
  readonly #deps: RefusalDeps;
  readonly #budget = new RateBudget(keptOfSource);
  readonly #diagnoses = new RateBudget(diagnosesOfSource);
  readonly #untrimmed = new BoundedMap<string, number>(keptOfSource.keysMax);

  constructor(deps: RefusalDeps) {
    this.#deps = deps;
  }

  /** Resolves when it is stored, or when there have been too many of this source to store it. */
  async keep(facts: ReceivedFacts, hidden: Hidden | undefined, refused: Refused): Promise<void> {
    const { pool, box, clock, onRefused } = this.#deps;
    const { sourceId } = facts;
    if (!this.#budget.take(sourceId, clock.monotonicMs())) return;
    const sealed = hidden && box.seal(JSON.stringify(hidden), requestOwner(facts.id));
    await insertRequests(pool, [
      {
        ...facts,
        body: facts.bodyBytes > bodyKeptMaxBytes ? undefined : facts.body,
        verdict: 'rejected',
        ...shownRefusal(refused.refusal),
        ...(await this.diagnosis(refused)),
        hidden: sealed,
        messageIds: [],
      },
    ]);
    onRefused();
    const untrimmed = (this.#untrimmed.get(sourceId) ?? trimEvery) + 1;
    this.#untrimmed.set(sourceId, untrimmed % trimEvery);
    if (untrimmed >= trimEvery) await trimSetAside(pool, sourceId);
  }

  /** What is most likely wrong, as far as that may cost something now. */
  async diagnosis({ source, received, refusal }: Refused): Promise<{ cause?: string; advice?: string }> {
    const { verdict } = refusal;
    if (verdict === undefined || received.body.length > diagnosedMaxBytes) return {};
    if (!this.#diagnoses.take(source.config.id, this.#deps.clock.monotonicMs())) return {};
    const { cause, advice } = await source.diagnose(received, verdict);
    return { cause, advice: detailOf(advice) };
  }
}
