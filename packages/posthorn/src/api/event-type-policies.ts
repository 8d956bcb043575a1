// What environments ask of messages because of their event type, in memory: at most seconds old, and read again once a
// second only while messages come in.
import type { Clock } from '../lib/clock.ts';
import type { Queries } from '../store/database.ts';
import { currentEventTypesVersion, loadEventTypePolicy } from '../store/event-type-policy.ts';
import type { EventTypePolicy } from '../store/event-type-policy.ts';

const environmentsMax = 10_000;
// Younger than this it is not looked at again.
const freshMs = 1_000;
// Up to this age it still counts, while it is being looked at again.
const usableMs = 5_000;

interface Entry {
  policy: EventTypePolicy;
  checkedAtMs: number;
}

type Load = Promise<EventTypePolicy | undefined>;

export class EventTypePolicies {
  readonly #queries: Queries;
  readonly #clock: Clock;
  readonly #entries = new Map<string, Entry>();
  readonly #loading = new Map<string, Load>();

  constructor(queries: Queries, clock: Clock) {
    this.#queries = queries;
    this.#clock = clock;
  }

  /** The policy, or where it is too old the promise of it; undefined when the environment is gone. */
  of(environmentId: string): EventTypePolicy | Load {
    const entry = this.#entries.get(environmentId);
    if (entry === undefined) return this.#readOnce(environmentId);
    const ageMs = this.#clock.monotonicMs() - entry.checkedAtMs;
    if (ageMs > usableMs) return this.#readOnce(environmentId);
    // A database that is away is told to whoever has to wait for it.
    if (ageMs > freshMs) this.#readOnce(environmentId).catch(() => {});
    return entry.policy;
  }

  /** To be called when event types were changed through this process: the next message is judged by them. */
  forget(environmentId: string): void {
    this.#entries.delete(environmentId);
    this.#loading.delete(environmentId);
  }

  async #read(environmentId: string): Load {
    const known = this.#entries.get(environmentId)?.policy;
    const version = known && (await currentEventTypesVersion(this.#queries, environmentId));
    if (known !== undefined && known.version === version) return known;
    return loadEventTypePolicy(this.#queries, environmentId);
  }

  /** One read for all who ask at the same time. */
  #readOnce(environmentId: string): Load {
    const running = this.#loading.get(environmentId);
    if (running) return running;
    const checkedAtMs = this.#clock.monotonicMs();
    const started = this.#read(environmentId)
      .then((policy) => {
        // Forgotten meanwhile: it may be older than the change it was forgotten for.
        const counts = this.#loading.get(environmentId) === started;
        if (policy && counts) this.#remember(environmentId, { policy, checkedAtMs });
        return policy;
      })
      .finally(() => {
        if (this.#loading.get(environmentId) === started) this.#loading.delete(environmentId);
      });
    this.#loading.set(environmentId, started);
    return started;
  }

  #remember(environmentId: string, entry: Entry): void {
    this.#entries.delete(environmentId);
    this.#entries.set(environmentId, entry);
    const oldest = this.#entries.keys().next();
    if (this.#entries.size > environmentsMax && oldest.done !== true) this.#entries.delete(oldest.value);
  }
}
