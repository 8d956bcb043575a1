// Accepts messages: matched in memory, stored by group commit, dispatched from memory straight after the commit.
import type pg from 'pg';
import { type Accept, type Acceptance, type NewMessage, OverloadedError } from '../core/acceptance.ts';
import { type Batcher, createBatcher } from '../lib/batcher.ts';
import type { Clock } from '../lib/clock.ts';
import {
  acceptMessages,
  type Conflict,
  findConflicts,
  type MessageToStore,
  type StoredMessage,
} from '../store/accept-messages.ts';
import {
  type ApplicationConfig,
  holdApplicationConfig,
  loadApplicationConfig,
} from '../store/application-config.ts';
import { isDatabaseUnavailable, isLockTimeout } from '../store/availability.ts';
import { forgetKeys, type SpentKey } from '../store/idempotency-keys.ts';
import { SharedBytes } from '../lib/shared-bytes.ts';
import type { SecretBox } from '../store/secret-box.ts';
import { inTransaction } from '../store/transaction.ts';
import type { ConfigCache } from './config-cache.ts';
import type { MessagePlanner } from './message-planner.ts';
import { OwnBatches } from './own-batches.ts';
import { Patience, type Waiter } from './patience.ts';

const batchMax = 200;
// Rows that a statement stores: more of them take longer than others can wait.
const batchRowsMax = 5_000;
// An application with so many endpoints has batches of its own: nobody else waits until its messages are fanned out.
const wideFrom = 500;
// Content that waits for its statement, and that memory is held for; applications share it.
const waitingBytesMax = 64 * 1024 * 1024;
// What a message that waits takes besides its content.
const waitingBytesOfOne = 1_024;
// An application that more messages of wait has batches of its own from there on: those of the others are next.
const sharedOfOneMax = 1_000;
const batchesInFlightMax = 2;
const batchBesideMin = 100;
// After so many tries under an application that changes all the time, it is held still for one.
const triesMax = 3;

export interface AcceptDeps {
  pool: pg.Pool;
  box: SecretBox;
  configs: ConfigCache;
  planner: MessagePlanner;
  leaseOwner(): number;
  firstDelayMs: number;
  clock: Clock;
  /** What has waited for longer before its statement starts is refused. */
  waitMaxMs?: number;
  /** A statement failed with its effect unknown: deliveries may be leased to us that we do not know of. */
  onUncertain(): void;
  /** Deliveries were stored that wait in the database. */
  onWaiting(): void;
}

interface Waiting extends Waiter {
  message: NewMessage;
  triesLeft: number;
  resolve(acceptance: Acceptance): void;
}

interface Pending extends Waiting {
  config: ApplicationConfig;
}

const rowsOf = ({ config }: Pending) => 1 + config.endpoints.length;

interface Planned {
  pending: Pending;
  store: MessageToStore;
}

interface Unstored {
  /** Matched against a configuration that has changed since. */
  stale: Planned[];
  /** Their idempotency key or event id is taken. */
  refused: Planned[];
  /** Given up for a row that somebody has locked: one of theirs. */
  locked: Planned[];
}

export class Acceptor {
  readonly #deps: AcceptDeps;
  readonly #planner: MessagePlanner;
  readonly #batcher: Batcher<Pending>;
  /** How many messages wait in the batches that applications share, by application. */
  readonly #shared = new Map<string, number>();
  /** Of applications that have endpoints with an order, or very many, or a crowd of messages, or a row that is locked. */
  readonly #own: OwnBatches<Pending>;
  /** Ends with the last of the batches that have started. */
  #started: Promise<void> = Promise.resolve();
  readonly #waitingBytes = new SharedBytes(waitingBytesMax);
  readonly #patience: Patience<Pending>;

  constructor(deps: AcceptDeps) {
    this.#deps = deps;
    this.#planner = deps.planner;
    this.#patience = new Patience<Pending>({ ...deps, takeOut: (isLate) => this.#takeOut(isLate) });
    const bounds = { itemsMax: batchMax, weigh: rowsOf, weightMax: batchRowsMax };
    this.#own = new OwnBatches({ ...bounds, run: (batch) => this.#commitInOrder(batch) });
    this.#batcher = createBatcher({
      ...bounds,
      concurrencyMax: batchesInFlightMax,
      crowdMin: batchBesideMin,
      run: (batch) => this.#commit(batch),
    });
  }

  readonly accept: Accept = async (message) => {
    const bytes = message.payload.length + waitingBytesOfOne;
    const owner = `${message.environmentId}/${message.application}`;
    if (!this.#waitingBytes.hasRoom(owner, bytes)) throw new OverloadedError();
    this.#waitingBytes.add(owner, bytes);
    try {
      return await this.#patience.during(
        (sinceMs) =>
          new Promise<Acceptance>((resolve, reject) => {
            void this.#enqueue({ message, triesLeft: triesMax, sinceMs, resolve, reject });
          }),
      );
    } finally {
      this.#waitingBytes.remove(owner, bytes);
    }
  };

  async drain(): Promise<void> {
    await Promise.all([this.#batcher.drain(), this.#own.drain()]);
  }

  async #enqueue(waiting: Waiting): Promise<void> {
    const { message, triesLeft, resolve, reject } = waiting;
    try {
      if (triesLeft === 0) return await this.#commitHeld(waiting);
      const config = await this.#deps.configs.forAccept(message.environmentId, message.application);
      if (!config) return resolve({ kind: 'unknown_application' });
      if (this.#goesAlone(config)) this.#own.add(config.applicationId, { ...waiting, config });
      else this.#share({ ...waiting, config, triesLeft: triesLeft - 1 });
    } catch (error) {
      reject(error);
    }
  }

  #goesAlone(config: ApplicationConfig): boolean {
    const isCrowd = (this.#shared.get(config.applicationId) ?? 0) >= sharedOfOneMax;
    return isCrowd || goesAlone(config) || this.#own.has(config.applicationId);
  }

  #share(pending: Pending): void {
    const { applicationId } = pending.config;
    this.#shared.set(applicationId, (this.#shared.get(applicationId) ?? 0) + 1);
    this.#batcher.add(pending);
  }

  #unshare({ config: { applicationId } }: Pending): void {
    const left = (this.#shared.get(applicationId) ?? 0) - 1;
    if (left > 0) this.#shared.set(applicationId, left);
    else this.#shared.delete(applicationId);
  }

  #takeOut(isLate: (pending: Pending) => boolean): Pending[] {
    const shared = this.#batcher.remove(isLate);
    for (const pending of shared) this.#unshare(pending);
    return [...shared, ...this.#own.remove(isLate)];
  }

  async #commit(pendings: Pending[]): Promise<void> {
    for (const pending of pendings) this.#unshare(pending);
    const inTime = this.#patience.inTime(pendings);
    if (inTime.length === 0) return;
    const before = this.#started;
    const stored = this.#store(inTime);
    // Without what came of them: it would hold what came of all the batches before, for as long as the process lives.
    this.#started = Promise.allSettled([before, stored]).then(() => undefined);
    const { stale, refused, locked } = await stored;
    for (const { pending } of locked) this.#own.addLocked(pending.config.applicationId, pending);
    // Two batches can find out at the same time that an order came to be: the first one's messages go round first.
    if (stale.length > 0) await before;
    for (const { pending } of stale) void this.#enqueue(pending);
    if (refused.length === 0) return;
    void this.#answerConflicts(refused).then(
      (again) => {
        for (const pending of again) void this.#enqueue(pending);
      },
      (error: unknown) => rejectAll(refused, error),
    );
  }

  /** What has to go round again does so before anything that came later is looked at. */
  async #commitInOrder(pendings: Pending[]): Promise<void> {
    let left = this.#patience.inTime(pendings);
    for (let triesLeft = triesMax; left.length > 0; triesLeft -= 1) {
      left = await this.#commitOnce(left, triesLeft > 0).catch((error: unknown) => {
        for (const { reject } of left) reject(error);
        return [];
      });
    }
  }

  async #commitOnce(pendings: readonly Pending[], mayBeStale: boolean): Promise<Pending[]> {
    if (!mayBeStale) {
      for (const pending of pendings) await this.#commitHeld(pending).catch(pending.reject);
      return [];
    }
    const current = await this.#renew(pendings);
    const { stale, refused } = await this.#storeUnlocked(current);
    const again = new Set(await this.#answerConflicts(refused));
    for (const { pending } of stale) again.add(pending);
    return current.filter((pending) => again.has(pending));
  }

  /** Asks again while a row is locked, for as long as the messages may wait. */
  async #storeUnlocked(pendings: readonly Pending[]): Promise<Unstored> {
    let left = pendings;
    for (;;) {
      const applicationId = left[0]?.config.applicationId ?? '';
      const unstored = await this.#own.try(applicationId, () => this.#store(this.#patience.inTime(left)));
      if (unstored.locked.length === 0) return unstored;
      left = unstored.locked.map(({ pending }) => pending);
    }
  }

  /** One configuration for all messages of an application: they are stored together, or not at all. */
  async #renew(pendings: readonly Pending[]): Promise<Pending[]> {
    const { configs } = this.#deps;
    const known: Pending[] = [];
    for (const pending of pendings) {
      const { environmentId, application } = pending.message;
      const config = await configs.forAccept(environmentId, application);
      if (config) known.push({ ...pending, config });
      else pending.resolve({ kind: 'unknown_application' });
    }
    return known.map(({ config, ...waiting }) => ({
      ...waiting,
      config: configs.peek(config.applicationId) ?? config,
    }));
  }

  /** Stores what can be; answers what could not be and has not been answered. */
  async #store(pendings: readonly Pending[]): Promise<Unstored> {
    if (pendings.length === 0) return { stale: [], refused: [], locked: [] };
    const batch = pendings.map((pending) => this.#plan(pending));
    const owner = this.#deps.leaseOwner();
    const { firstDelayMs } = this.#deps;
    try {
      const stores = batch.map(({ store }) => store);
      const results = await acceptMessages(this.#deps.pool, stores, { owner, firstDelayMs });
      return this.#conclude(batch, results, owner);
    } catch (error) {
      for (const planned of batch) this.#unreserve(planned);
      if (isLockTimeout(error)) return { stale: [], refused: [], locked: batch };
      if (isDatabaseUnavailable(error)) this.#deps.onUncertain();
      rejectAll(batch, error);
      return { stale: [], refused: [], locked: [] };
    }
  }

  /** One message in a transaction of its own that nobody can change the application during. */
  async #commitHeld(waiting: Waiting): Promise<void> {
    const { pool, box, configs, firstDelayMs } = this.#deps;
    const { environmentId, application } = waiting.message;
    const known = await configs.forAccept(environmentId, application);
    if (!known) return waiting.resolve({ kind: 'unknown_application' });
    const owner = this.#deps.leaseOwner();
    let planned: Planned | undefined;
    let results: Map<string, StoredMessage> | undefined;
    try {
      results = await inTransaction(pool, async (client) => {
        await holdApplicationConfig(client, known.applicationId);
        const config = await loadApplicationConfig(client, box, known.applicationId);
        if (!config) return undefined;
        planned = this.#plan({ ...waiting, config });
        return acceptMessages(client, [planned.store], { owner, firstDelayMs });
      });
    } catch (error) {
      if (planned) this.#unreserve(planned);
      if (isDatabaseUnavailable(error)) this.#deps.onUncertain();
      throw error;
    }
    if (!planned || !results) return waiting.resolve({ kind: 'unknown_application' });
    const { refused } = this.#conclude([planned], results, owner);
    for (const pending of await this.#answerConflicts(refused)) void this.#enqueue(pending);
  }

  #plan(pending: Pending): Planned {
    return { pending, store: this.#planner.plan(pending.message, pending.config) };
  }

  #unreserve({ store }: Planned): void {
    this.#planner.unreserve(store);
  }

  #conclude(batch: Planned[], results: Map<string, StoredMessage>, owner: number): Unstored {
    const stale: Planned[] = [];
    const refused: Planned[] = [];
    for (const planned of batch) {
      const result = results.get(planned.store.id) ?? { kind: 'stale' };
      if (result.kind === 'stored') this.#finish(planned, result, owner);
      else {
        this.#unreserve(planned);
        (result.kind === 'stale' ? stale : refused).push(planned);
      }
    }
    for (const { pending } of stale) this.#deps.configs.refuse(pending.config);
    return { stale, refused, locked: [] };
  }

  #finish(planned: Planned, stored: StoredMessage & { kind: 'stored' }, owner: number): void {
    const { pending, store } = planned;
    const { applicationId, id: messageId } = store;
    this.#deps.configs.confirm(pending.config);
    pending.resolve({
      kind: 'accepted',
      applicationId,
      messageId,
      createdAt: stored.createdAt,
      replayed: false,
    });
    if (this.#planner.dispatch(store, stored, owner)) this.#deps.onWaiting();
  }

  /** Answers those whose key or event id is taken; resolves with the others: whoever held it is gone again. */
  async #answerConflicts(refused: readonly Planned[]): Promise<Pending[]> {
    if (refused.length === 0) return [];
    const again: Pending[] = [];
    const spent: SpentKey[] = [];
    const stores = refused.map(({ store }) => store);
    const conflicts = await findConflicts(this.#deps.pool, stores);
    for (const { pending, store } of refused) {
      const conflict = conflicts.get(store.id) ?? {};
      const acceptance = acceptanceOf(store, conflict);
      if (acceptance) pending.resolve(acceptance);
      else {
        again.push(pending);
        spent.push(...spentKeyOf(store, conflict));
      }
    }
    if (spent.length > 0) await forgetKeys(this.#deps.pool, spent);
    return again;
  }
}

const goesAlone = ({ hasOrder, hasPollers, endpoints }: ApplicationConfig) =>
  hasOrder || hasPollers || endpoints.length >= wideFrom;

function rejectAll(batch: readonly Planned[], error: unknown): void {
  for (const { pending } of batch) pending.reject(error);
}

/** A message that was refused for its event id leaves its key behind. With the event id free again, nothing else holds it. */
function spentKeyOf({ applicationId, idempotency }: MessageToStore, { key }: Conflict): SpentKey[] {
  return key && idempotency ? [{ applicationId, key: idempotency.key, messageId: key.messageId }] : [];
}

function acceptanceOf(store: MessageToStore, conflict: Conflict): Acceptance | undefined {
  const { key, eventIdTakenBy } = conflict;
  if (key && store.idempotency && !key.fingerprint.equals(store.idempotency.fingerprint)) {
    return { kind: 'idempotency_mismatch' };
  }
  if (key?.createdAt) {
    const { messageId, createdAt } = key;
    return { kind: 'accepted', applicationId: store.applicationId, messageId, createdAt, replayed: true };
  }
  if (eventIdTakenBy !== undefined) return { kind: 'duplicate_event_id', messageId: eventIdTakenBy };
  return undefined;
}
