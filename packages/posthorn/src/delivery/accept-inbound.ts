// Accepts the requests of providers by group commit: messages, deliveries and the requests themselves in one transaction.
import { createHash } from 'node:crypto';
import type pg from 'pg';
import { OverloadedError } from '../core/acceptance.ts';
import { schemaReason, unverifiedReason } from '../core/inbound-names.ts';
import type { AcceptInbound, InboundAcceptance, InboundMessage, InboundRequest } from '../core/inbound.ts';
import { type Batcher, createBatcher } from '../lib/batcher.ts';
import { acceptMessages, type MessageToStore, type StoredMessage } from '../store/accept-messages.ts';
import {
  type ApplicationConfig,
  holdApplicationConfig,
  loadApplicationConfig,
} from '../store/application-config.ts';
import { isDatabaseUnavailable, isLockTimeout } from '../store/availability.ts';
import {
  insertRequests,
  noteRepeated,
  type RequestToStore,
  trimSetAside,
  updateReplayed,
} from '../store/record-requests.ts';
import { inTransaction } from '../store/transaction.ts';
import type { AcceptDeps } from './accept.ts';
import { OwnBatches } from './own-batches.ts';
import { Patience, type Waiter } from './patience.ts';

const batchMax = 200;
// Rows that a transaction stores, of messages and deliveries.
const batchRowsMax = 5_000;
// Content that waits for its transaction, and that memory is held for.
const waitingBytesMax = 64 * 1024 * 1024;
const batchesInFlightMax = 2;
const batchBesideMin = 100;
// After so many tries under an application that changes all the time, it is held still for one.
const triesMax = 3;

interface Unit extends Waiter {
  request: InboundRequest;
  triesLeft: number;
  resolve(acceptance: InboundAcceptance): void;
}

interface Pending extends Unit {
  config: ApplicationConfig;
}

interface Unstored {
  /** Matched against a configuration that has changed since. */
  stale: readonly Planned[];
  /** Given up for a row that somebody has locked: one of theirs. */
  locked: readonly Planned[];
}

interface Planned {
  unit: Unit;
  config: ApplicationConfig;
  stores: MessageToStore[];
}

/** What the transaction made of one unit. */
interface Outcome extends Planned {
  kind: 'stored' | 'stale' | 'repeated';
  stored: { store: MessageToStore; result: StoredMessage & { kind: 'stored' } }[];
  altered: boolean;
}

export class InboundAcceptor {
  readonly #deps: AcceptDeps;
  readonly #batcher: Batcher<Pending>;
  /** Of sources that have a row that is locked. */
  readonly #own: OwnBatches<Pending>;
  readonly #patience: Patience<Pending>;
  #waitingBytes = 0;

  constructor(deps: AcceptDeps) {
    this.#deps = deps;
    this.#patience = new Patience<Pending>({ ...deps, takeOut: (isLate) => this.#takeOut(isLate) });
    const bounds = {
      itemsMax: batchMax,
      weigh: ({ request, config }: Pending) => 1 + request.messages.length * (1 + config.endpoints.length),
      weightMax: batchRowsMax,
    };
    this.#own = new OwnBatches({ ...bounds, run: (batch) => this.#commitOwn(batch) });
    this.#batcher = createBatcher({
      ...bounds,
      concurrencyMax: batchesInFlightMax,
      crowdMin: batchBesideMin,
      run: (batch) => this.#commit(batch),
    });
  }

  readonly accept: AcceptInbound = async (request) => {
    const bytes = request.bodyBytes;
    if (this.#waitingBytes + bytes > waitingBytesMax) throw new OverloadedError();
    this.#waitingBytes += bytes;
    try {
      return await this.#patience.during(
        (sinceMs) =>
          new Promise<InboundAcceptance>((resolve, reject) => {
            void this.#enqueue({ request, triesLeft: triesMax, sinceMs, resolve, reject });
          }),
      );
    } finally {
      this.#waitingBytes -= bytes;
    }
  };

  async drain(): Promise<void> {
    await Promise.all([this.#batcher.drain(), this.#own.drain()]);
  }

  #takeOut(isLate: (pending: Pending) => boolean): Pending[] {
    return [...this.#batcher.remove(isLate), ...this.#own.remove(isLate)];
  }

  async #enqueue(unit: Unit): Promise<void> {
    try {
      if (unit.triesLeft === 0) return await this.#commitHeld(unit);
      const config = await this.#configFor(unit.request);
      if ('kind' in config) unit.resolve(config);
      else this.#add({ ...unit, config, triesLeft: unit.triesLeft - 1 });
    } catch (error) {
      unit.reject(error);
    }
  }

  /** The configuration that has the source as the request was judged by it; what to answer when there is none. */
  async #configFor({
    environmentId,
    sourceId,
    sourceVersion,
  }: InboundRequest): Promise<ApplicationConfig | InboundAcceptance> {
    const { configs } = this.#deps;
    const known = await configs.forAccept(environmentId, sourceId);
    if (known?.sourceVersion === sourceVersion) return known;
    // Either of the two may be the older one.
    if (known) configs.refuse(known);
    const config = await configs.forAccept(environmentId, sourceId);
    if (!config || config.sourceVersion === null) return { kind: 'unknown_source' };
    return config.sourceVersion === sourceVersion ? config : { kind: 'stale' };
  }

  #add(pending: Pending): void {
    const { applicationId } = pending.config;
    if (this.#own.has(applicationId)) this.#own.add(applicationId, pending);
    else this.#batcher.add(pending);
  }

  async #commit(batch: readonly Pending[]): Promise<void> {
    const { locked } = await this.#commitOnce(batch);
    for (const pending of locked) this.#own.addLocked(pending.config.applicationId, pending);
  }

  /** Asks again while a row is locked, for as long as the requests may wait. */
  async #commitOwn(batch: readonly Pending[]): Promise<void> {
    for (let left = batch; left[0]; ) {
      const { applicationId } = left[0].config;
      const again = left;
      left = (await this.#own.try(applicationId, () => this.#commitOnce(again))).locked;
    }
  }

  /** Resolves with what was given up for a row that somebody has locked. */
  async #commitOnce(batch: readonly Pending[]): Promise<{ locked: readonly Pending[] }> {
    const inTime = this.#patience.inTime(batch);
    if (inTime.length === 0) return { locked: [] };
    const { stale, locked } = await this.#store(inTime.map((pending) => this.#plan(pending, pending.config)));
    for (const { unit, config } of stale) {
      this.#deps.configs.refuse(config);
      void this.#enqueue(unit);
    }
    return { locked: locked.map(({ unit, config }) => ({ ...unit, config })) };
  }

  #plan(unit: Unit, config: ApplicationConfig): Planned {
    const { id: requestId, messages } = unit.request;
    const stores = messages.map((message) => this.#deps.planner.plan({ ...message, requestId }, config));
    return { unit, config, stores };
  }

  /** Answers all but those that it resolves with. */
  async #store(batch: readonly Planned[]): Promise<Unstored> {
    const owner = this.#deps.leaseOwner();
    try {
      const outcomes = await inTransaction(this.#deps.pool, (client) => this.#write(client, batch, owner));
      return { stale: this.#conclude(outcomes, owner), locked: [] };
    } catch (error) {
      if (isLockTimeout(error)) {
        this.#unreserve(batch);
        return { stale: [], locked: batch };
      }
      const isUnavailable = isDatabaseUnavailable(error);
      if (isUnavailable) this.#deps.onUncertain();
      // What cannot be stored must not keep out what came at the same time.
      if (!isUnavailable && batch.length > 1) return this.#storeOneByOne(batch);
      this.#unreserve(batch);
      for (const { unit } of batch) unit.reject(error);
      return { stale: [], locked: [] };
    }
  }

  async #storeOneByOne(batch: readonly Planned[]): Promise<Unstored> {
    const unstored: Unstored[] = [];
    for (const planned of batch) unstored.push(await this.#store([planned]));
    return {
      stale: unstored.flatMap(({ stale }) => stale),
      locked: unstored.flatMap(({ locked }) => locked),
    };
  }

  #unreserve(batch: readonly Planned[]): void {
    for (const store of batch.flatMap(({ stores }) => stores)) this.#deps.planner.unreserve(store);
  }

  async #write(client: pg.ClientBase, batch: readonly Planned[], owner: number): Promise<Outcome[]> {
    const { firstDelayMs } = this.#deps;
    const stores = batch.flatMap((planned) => planned.stores);
    const results = await acceptMessages(client, stores, { owner, firstDelayMs });
    const outcomes = batch.map((planned) => outcomeOf(planned, results));
    // First what others of the batch repeat: there they are counted.
    const isNew = (outcome: Outcome) => outcome.stored.length === outcome.stores.length;
    await record(client, outcomes.filter(isNew));
    await markAltered(client, outcomes);
    await record(
      client,
      outcomes.filter((outcome) => !isNew(outcome)),
    );
    return outcomes;
  }

  #conclude(outcomes: readonly Outcome[], owner: number): Planned[] {
    const stale = outcomes.filter(({ kind }) => kind === 'stale');
    for (const outcome of outcomes) {
      const isStored = new Set(outcome.stored.map(({ store }) => store));
      for (const store of outcome.stores) if (!isStored.has(store)) this.#deps.planner.unreserve(store);
      if (outcome.kind !== 'stale') this.#finish(outcome, owner);
    }
    return stale;
  }

  #finish({ unit, config, kind, stored, altered }: Outcome, owner: number): void {
    this.#deps.configs.confirm(config);
    if (kind === 'repeated') {
      unit.resolve({ kind: 'duplicate', altered });
      if (altered) void trimSetAside(this.#deps.pool, config.applicationId).catch(() => undefined);
      return;
    }
    unit.resolve({ kind: 'accepted', messageIds: stored.map(({ store }) => store.id) });
    const waiting = stored.filter(({ store, result }) => this.#deps.planner.dispatch(store, result, owner));
    if (waiting.length > 0) this.#deps.onWaiting();
  }

  /** One request in a transaction that nobody can change its application during. */
  async #commitHeld(unit: Unit): Promise<void> {
    const { pool, box } = this.#deps;
    const { sourceId, sourceVersion } = unit.request;
    const owner = this.#deps.leaseOwner();
    let planned: Planned | undefined;
    try {
      const outcomes = await inTransaction(pool, async (client) => {
        await holdApplicationConfig(client, sourceId);
        const config = await loadApplicationConfig(client, box, sourceId);
        if (config?.sourceVersion !== sourceVersion) return undefined;
        planned = this.#plan(unit, config);
        return this.#write(client, [planned], owner);
      });
      if (outcomes === undefined) return unit.resolve({ kind: 'stale' });
      this.#conclude(outcomes, owner);
    } catch (error) {
      if (planned) this.#unreserve([planned]);
      if (isDatabaseUnavailable(error)) this.#deps.onUncertain();
      throw error;
    }
  }
}

function outcomeOf(planned: Planned, results: ReadonlyMap<string, StoredMessage>): Outcome {
  const stored: Outcome['stored'] = [];
  let isStale = false;
  for (const store of planned.stores) {
    const result = results.get(store.id) ?? { kind: 'stale' };
    if (result.kind === 'stored') stored.push({ store, result });
    // All messages of a unit are of one application and one version: all of them are stale, or none.
    isStale ||= result.kind === 'stale';
  }
  const isRepeated = stored.length === 0 && planned.stores.length > 0;
  return { ...planned, kind: isStale ? 'stale' : isRepeated ? 'repeated' : 'stored', stored, altered: false };
}

async function record(client: pg.ClientBase, outcomes: readonly Outcome[]): Promise<void> {
  const fresh: RequestToStore[] = [];
  for (const outcome of outcomes) {
    const request = requestOf(outcome);
    if (request === undefined) continue;
    if (outcome.unit.request.replayed) await updateReplayed(client, request);
    else fresh.push(request);
  }
  await insertRequests(client, fresh);
}

/** Counts what came before with where it came first, and finds what says something else now. */
async function markAltered(client: pg.ClientBase, outcomes: readonly Outcome[]): Promise<void> {
  const repeated = outcomes
    .filter(({ kind, stored, stores }) => kind !== 'stale' && stored.length < stores.length)
    .flatMap((outcome) => repeatedOf(outcome).map((message) => ({ outcome, ...message })));
  const altered = await noteRepeated(client, repeated);
  for (const [index, { outcome }] of repeated.entries()) outcome.altered ||= altered.has(index);
}

function repeatedOf({ stores, stored, unit }: Outcome) {
  const isStored = new Set(stored.map(({ store }) => store));
  const { sourceId } = unit.request;
  return stores
    .filter((store) => !isStored.has(store))
    .map(({ eventId = '', payload }) => ({ sourceId, eventId, payloadHash: sha256(payload) }));
}

const sha256 = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest();

const alteredDetail = 'its id came before, with another body; that one was kept, and this one was set aside';
const alteredPartDetail = 'some of its events came before, saying something else; those were kept';

/** What is written of the request; undefined for one that only repeats. */
function requestOf({ unit, kind, stored, altered }: Outcome): RequestToStore | undefined {
  const { request } = unit;
  if (kind === 'stale') return undefined;
  if (kind === 'repeated') {
    if (!altered && !request.replayed) return undefined;
    const { reason = 'duplicate', detail } = request;
    const alteredReason = request.verdict === 'unverified' ? unverifiedReason : 'altered';
    const why = altered ? { reason: alteredReason, detail: alteredDetail } : { reason, detail };
    return { ...request, ...why, verdict: altered ? 'altered' : request.verdict, messageIds: [] };
  }
  const isWhole = request.messages.length === 1 && isBody(request.messages[0], request);
  return {
    ...request,
    // What still waits for a replay must be found.
    ...(altered && request.reason !== schemaReason ? { reason: 'altered', detail: alteredPartDetail } : {}),
    // The message holds it.
    body: isWhole ? undefined : request.body,
    messageIds: stored.map(({ store }) => store.id),
  };
}

const isBody = (message: InboundMessage | undefined, { body }: InboundRequest) => message?.payload === body;
