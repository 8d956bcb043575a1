// Turns what transactions wrote into the outbox into messages. One transaction takes the rows out and stores their
// messages and deliveries: each row becomes exactly one message, whoever dies when.
import type pg from 'pg';
import { FilterSubject } from '../core/filter.ts';
import { matches } from '../core/matching.ts';
import type { Clock } from '../lib/clock.ts';
import { timeOfId } from '../lib/ids.ts';
import { createLoop, type Loop } from '../lib/loop.ts';
import type { Log } from '../lib/log.ts';
import { acceptMessages, type MessageToStore } from '../store/accept-messages.ts';
import { type ApplicationConfig, loadApplicationConfig } from '../store/application-config.ts';
import { isAnswer, isDatabaseUnavailable } from '../store/availability.ts';
import {
  dateAsWritten,
  deleteRows,
  holdApplications,
  lookAtOutbox,
  type OutboxRow,
  type PublishableRow,
  readNext,
  releaseDue,
  releaseWaiting,
  setAside,
  takeShard,
} from '../store/outbox.ts';
import type { Listener } from '../store/listen.ts';
import type { SecretBox } from '../store/secret-box.ts';
import { inTransaction } from '../store/transaction.ts';

// Notifications can be lost with their connection.
const pollMs = 2_000;
const pollWhileListeningMs = 10_000;
const errorDelayMs = 1_000;
const rowsMax = 200;
const bytesMax = 8 * 1024 * 1024;
// What a chunk stores of messages and deliveries: what does not fit into a statement's time would be tried for ever.
const storedMax = 5_000;
const configsMax = 1_000;
// Longer in the outbox than this is not what usually happens, and still far from what look-ups by time allow for.
const lateMs = 10 * 60_000;
// Deliveries are not leased here: they wait in the database and are claimed like retries.
const noProcess = 0;

export interface OutboxPublisherDeps {
  pool: pg.Pool;
  box: SecretBox;
  /** When the first attempt of a delivery is due, after its message was accepted. */
  firstDelayMs: number;
  clock: Clock;
  log: Log;
  /** Deliveries were stored. */
  wake(): void;
  /** Hears of what was written; closed with the publisher. Without one, it is found by polling. */
  listener?: Listener;
}

export interface OutboxPublisher extends Loop {
  /** One chunk of every shard that has rows; resolves with the milliseconds until it is worth looking again. */
  runOnce(): Promise<number>;
  /** Some environment has operational webhooks: known from the last look. */
  isOperationalInUse(): boolean;
  /** Somebody has just made the first operational endpoint. */
  setOperationalInUse(): void;
}

function toStore(row: PublishableRow, config: ApplicationConfig): MessageToStore {
  const { eventType, eventId, channels, tags, payload } = row;
  const message = {
    eventType,
    payload,
    ...(eventId === null ? {} : { eventId }),
    ...(channels ? { channels } : {}),
    ...(tags ? { tags } : {}),
  };
  const subject = config.hasFilter ? new FilterSubject(message) : undefined;
  const deliveries = config.endpoints
    .filter((endpoint) => matches(endpoint, message))
    .map(({ id, ordering, orderByKey, filter }) => {
      const cancellation = subject && filter?.refusalOf(subject);
      if (cancellation) return { endpointId: id, leased: false, cancellation };
      return { endpointId: id, leased: false, ordered: ordering !== null, byKey: orderByKey };
    });
  return {
    id: row.messageId,
    applicationId: config.applicationId,
    configVersion: config.version,
    eventType,
    eventId: eventId ?? undefined,
    channels: channels ?? undefined,
    tags: tags ?? undefined,
    payload,
    deliveries,
    fed: config.hasPollers,
  };
}

/** As many as may be stored together, from the first on: what comes after one that does not fit stays behind it. */
function firstToStore(
  rows: readonly PublishableRow[],
  configs: ReadonlyMap<string, ApplicationConfig>,
): MessageToStore[] {
  const messages: MessageToStore[] = [];
  let weight = 0;
  for (const row of rows) {
    const config = configs.get(row.applicationId);
    if (!config) continue;
    // Before it is matched: what does not fit would be matched again by every chunk until its turn.
    weight += 1 + config.endpoints.length;
    if (messages.length > 0 && weight > storedMax) break;
    messages.push(toStore(row, config));
  }
  return messages;
}

class ShardPublisher {
  readonly #deps: OutboxPublisherDeps;
  readonly #configs = new Map<string, ApplicationConfig>();

  constructor(deps: OutboxPublisherDeps) {
    this.#deps = deps;
  }

  /** Resolves with how many rows it dealt with; 0 when there are none, or another process is at it. */
  async publish(shard: number): Promise<number> {
    try {
      return await this.#chunk(shard, rowsMax);
    } catch (error) {
      if (isDatabaseUnavailable(error)) throw error;
      return this.#oneByOne(shard, error);
    }
  }

  /** One row that cannot be stored must not hold up the others. */
  async #oneByOne(shard: number, cause: unknown): Promise<number> {
    this.#deps.log.warn({ err: cause, shard }, 'a chunk of the outbox could not be stored: row by row');
    for (let done = 0; done < rowsMax; done += 1) {
      try {
        if ((await this.#chunk(shard, 1)) === 0) return done;
      } catch (error) {
        if (isDatabaseUnavailable(error)) throw error;
        await this.#setFirstAside(shard, error);
      }
    }
    return rowsMax;
  }

  async #setFirstAside(shard: number, error: unknown): Promise<void> {
    const { pool, log } = this.#deps;
    await inTransaction(pool, async (client) => {
      if (!(await takeShard(client, shard))) return;
      const [first] = await readNext(client, shard, { rowsMax: 1, bytesMax });
      if (!first) return;
      log.error({ err: error, messageId: first.messageId }, 'a row of the outbox cannot be stored');
      const problem = error instanceof Error ? error.message : String(error);
      await setAside(client, [first], { problem, waitsForApplication: false });
    });
  }

  async #chunk(shard: number, countMax: number): Promise<number> {
    const { pool, wake } = this.#deps;
    const { dealtWith, stored } = await inTransaction(pool, async (client) => {
      if (!(await takeShard(client, shard))) return { dealtWith: 0, stored: 0 };
      await releaseDue(client, shard, rowsMax);
      const rows = await this.#readInOrder(client, shard, countMax);
      const known = rows.filter((row): row is PublishableRow => row.applicationId !== null);
      await this.#setUnknownAside(client, rows);
      return { dealtWith: rows.length, stored: await this.#store(client, known) };
    });
    if (stored > 0) wake();
    return dealtWith;
  }

  /** What has waited for an application comes before what was written after it. */
  async #readInOrder(client: pg.ClientBase, shard: number, countMax: number): Promise<OutboxRow[]> {
    const limits = { rowsMax: countMax, bytesMax };
    const rows = await readNext(client, shard, limits);
    const known = rows.filter((row) => row.applicationId !== null);
    if (known.length === 0 || !(await releaseWaiting(client, shard, { known, rowsMax }))) return rows;
    return readNext(client, shard, limits);
  }

  async #setUnknownAside(client: pg.ClientBase, rows: readonly OutboxRow[]): Promise<void> {
    const unknown = new Map<string, OutboxRow[]>();
    for (const row of rows.filter(({ applicationId }) => applicationId === null)) {
      const name = `${row.environmentId}/${row.application}`;
      unknown.set(name, [...(unknown.get(name) ?? []), row]);
    }
    for (const group of unknown.values()) {
      const [{ application, environmentId } = { application: '', environmentId: '' }] = group;
      const problem = `application ${application} does not exist: create it, or delete this row`;
      this.#deps.log.warn({ application, environmentId, rows: group.length }, 'outbox: unknown application');
      await setAside(client, group, { problem, waitsForApplication: true });
    }
  }

  /** Resolves with how many became messages. What is too much, or is not stored because its application just went, stays. */
  async #store(client: pg.ClientBase, rows: readonly PublishableRow[]): Promise<number> {
    if (rows.length === 0) return 0;
    const versions = await holdApplications(client, [...new Set(rows.map((row) => row.applicationId))]);
    const configs = new Map<string, ApplicationConfig>();
    for (const [id, version] of versions) {
      const config = await this.#config(client, id, version);
      if (config) configs.set(id, config);
    }
    const messages = firstToStore(rows, configs);
    const { firstDelayMs, log } = this.#deps;
    const results = await acceptMessages(client, messages, { owner: noProcess, firstDelayMs });
    const ended = rows.filter((row) => ['stored', 'conflict'].includes(kindOf(results.get(row.messageId))));
    await deleteRows(client, ended);
    const oldestMs = this.#deps.clock.now() - lateMs;
    const late = ended.filter(({ messageId }) => timeOfId(messageId) < oldestMs);
    if (late.length > 0) await dateAsWritten(client, late);
    const taken = ended.filter((row) => kindOf(results.get(row.messageId)) === 'conflict');
    if (taken.length > 0) log.info({ rows: taken.length }, 'outbox: event ids that were sent before');
    return ended.length - taken.length;
  }

  async #config(client: pg.ClientBase, id: string, version: string): Promise<ApplicationConfig | undefined> {
    const known = this.#configs.get(id);
    if (known?.version === version) return known;
    const config = await loadApplicationConfig(client, this.#deps.box, id);
    this.#configs.delete(id);
    if (config) this.#configs.set(id, config);
    const oldest = this.#configs.keys().next().value;
    if (this.#configs.size > configsMax && oldest !== undefined) this.#configs.delete(oldest);
    return config;
  }
}

function kindOf(result: { kind: string } | undefined): string {
  return result?.kind ?? 'stale';
}

/** One shard that cannot be published now does not keep the others waiting. */
async function publishAll(publisher: ShardPublisher, shards: readonly number[]): Promise<number> {
  let dealtWith = 0;
  const errors: unknown[] = [];
  for (const shard of shards) {
    try {
      dealtWith += await publisher.publish(shard);
    } catch (error) {
      // Without an answer from the server, there is none for the others either.
      if (!isAnswer(error)) throw error;
      errors.push(error);
    }
  }
  if (errors.length > 0) throw errors[0];
  return dealtWith;
}

export function createOutboxPublisher(deps: OutboxPublisherDeps): OutboxPublisher {
  const publisher = new ShardPublisher(deps);
  let operationalInUse = false;

  const runOnce = async (): Promise<number> => {
    await deps.listener?.ensure(() => loop.wake());
    const state = await lookAtOutbox(deps.pool);
    ({ operationalInUse } = state);
    const dealtWith = await publishAll(publisher, state.shards);
    if (dealtWith > 0) return 0;
    return deps.listener?.isConnected() === true ? pollWhileListeningMs : pollMs;
  };

  const loop = createLoop({ name: 'outbox', runOnce, errorDelayMs, log: deps.log });
  return {
    ...loop,
    runOnce,
    async stop() {
      await loop.stop();
      await deps.listener?.close();
    },
    isOperationalInUse: () => operationalInUse,
    setOperationalInUse: () => {
      operationalInUse = true;
    },
  };
}
