// Judges each commit: which changes of a row are legal, by whom, and that nothing open is forgotten.
import type { Journal } from './journal.ts';
import { retryAfterSecondsMax } from './fleet.ts';
import type { EndpointHistory } from './judge-tries.ts';
import type { Plan } from './plan.ts';
import type { Change, Transaction } from './rows.ts';
import {
  type Attempt,
  type Delivery,
  deliveryKey,
  type DeliveryState,
  type Due,
  type Endpoint,
  isOpen,
  type Message,
  type ProcessRow,
  type Schema,
} from './schema.ts';
import type { World } from './world.ts';

const silentMaxMs = 15_000;
const jitterRatio = 0.2;
// An attempt is dated by the database, less its age: right but for the way of the statement.
const datingMs = 2;
// What was delivered under a lost lease is ended by a statement of its own, after the one that records it.
const endingMs = 1_000;

const legal: Readonly<Record<DeliveryState | 'none', readonly DeliveryState[]>> = {
  none: ['pending', 'delivering'],
  pending: ['delivering', 'pending'],
  retrying: ['delivering', 'pending'],
  delivering: ['pending', 'retrying', 'succeeded', 'exhausted', 'cancelled'],
  succeeded: ['pending'],
  exhausted: ['pending'],
  cancelled: ['pending'],
};

/** The endpoints of an application as they were from some time on. */
interface Era {
  fromMs: number;
  endpoints: Endpoint[];
}

export interface RowDeps {
  world: World;
  journal: Journal;
  schema: Schema;
  plan: Plan;
  histories: Map<string, EndpointHistory>;
  isAlive(actorName: string): boolean;
}

export class RowJudge {
  readonly #deps: RowDeps;
  readonly #ownerOf = new Map<number, string>();
  readonly #eras = new Map<string, Era[]>();
  /** Deliveries that are on record as delivered. */
  readonly #successes = new Map<string, { startedAtMs: number; recordedAtMs: number }>();
  /** When each endpoint was off, however shortly: a delivery may only be cancelled for that. */
  readonly everOff = new Map<string, number>();

  constructor(deps: RowDeps) {
    this.#deps = deps;
  }

  readonly committed = (changes: readonly Change[], tx: Transaction): void => {
    const of = <V>(table: string) =>
      changes.filter((change) => change.table === table) as unknown as { before?: V; after?: V }[];
    const attempts = of<Attempt>('attempt');
    for (const { before, after } of of<ProcessRow>('process')) this.#judgeProcess(before, after, tx);
    for (const { before, after } of of<Endpoint>('endpoint')) this.#keepEra(before, after);
    for (const { after } of of<Message>('message')) if (after) this.#judgeFanOut(after, tx);
    for (const { after } of attempts) this.#keepSuccess(after);
    for (const { before, after } of of<Delivery>('delivery')) {
      if (!after) continue;
      const attempt = attempts.find(
        (one) => one.after?.messageId === after.messageId && one.after.endpointId === after.endpointId,
      )?.after;
      this.#judgeDelivery(before, after, tx, attempt);
    }
    for (const { before, after } of of<Due>('endpoint_due')) {
      const endpointId = after?.endpointId ?? before?.endpointId ?? '';
      for (const row of this.#deps.schema.deliveries.group(endpointId))
        if (row.value) this.#judgeDue(row.value);
    }
  };

  #judgeProcess(before: ProcessRow | undefined, after: ProcessRow | undefined, tx: Transaction): void {
    const { journal, world, isAlive, schema } = this.#deps;
    if (after && !before) this.#ownerOf.set(after.id, tx.origin);
    if (after || !before) return;
    const actor = this.#ownerOf.get(before.id) ?? '';
    const isSilent = before.heartbeatAtMs < world.nowMs - silentMaxMs;
    if (!isSilent && isAlive(actor) && actor !== tx.origin)
      journal.violation('lease', `${tx.origin} buries ${actor}, which is alive`);
    const orphan = schema.deliveries.values().find((one) => one.leaseOwner === before.id);
    if (orphan) journal.violation('I9', `${orphan.messageId} stays leased to ${actor}, which is forgotten`);
  }

  #judgeDelivery(
    before: Delivery | undefined,
    after: Delivery,
    tx: Transaction,
    attempt: Attempt | undefined,
  ): void {
    const { journal, world, schema } = this.#deps;
    const key = deliveryKey(after.messageId, after.endpointId);
    const from = before?.state ?? 'none';
    world.trace('row', `${tx.origin} ${key} ${from} ${after.state} ${after.attempts}`);
    // Under a lease that was lost meanwhile, whoever has it now.
    const isEndedLate = after.state === 'succeeded' && !attempt && this.#successes.has(key);
    if (!legal[from].includes(after.state) && !isEndedLate)
      journal.violation('I9', `${key} goes from ${from} to ${after.state}`);
    const isClosed = from === 'succeeded' || from === 'exhausted' || from === 'cancelled';
    if (isClosed && !journal.resent.has(key)) journal.violation('I4', `${key} was ${from}, and goes on`);
    if (after.attempts < (before?.attempts ?? 0) || after.attempts > (before?.attempts ?? 0) + 1)
      journal.violation('I9', `${key} counts from ${before?.attempts ?? 0} to ${after.attempts}`);
    if (after.state === 'delivering') {
      if (!schema.processes.rows.get(String(after.leaseOwner))?.value)
        journal.violation('I9', `${key} is leased to a process that is forgotten`);
      this.#judgeClaim(key);
      if (before && (before.nextAtMs ?? 0) > tx.nowMs) journal.violation('I5', `${key} is claimed too early`);
    }
    if (from === 'delivering' && before && !isEndedLate) this.#judgeFence(before, key, tx);
    if (from === 'delivering' && before && attempt) this.#judgeSettled(before, after, attempt);
    this.#judgeDue(after);
  }

  #keepSuccess(attempt: Attempt | undefined): void {
    if (attempt?.outcome !== 'accepted') return;
    const key = deliveryKey(attempt.messageId, attempt.endpointId);
    this.#successes.set(key, { startedAtMs: attempt.startedAtMs, recordedAtMs: this.#deps.world.nowMs });
  }

  /** I4: what is on record as delivered is not taken up again, unless somebody asked for it. */
  #judgeClaim(key: string): void {
    const { journal, world } = this.#deps;
    const success = this.#successes.get(key);
    if (!success || journal.resent.has(key) || world.nowMs < success.recordedAtMs + endingMs) return;
    const { startedAtMs, recordedAtMs } = success;
    const entry = journal.triesOf.get(key)?.find((one) => Math.abs(one.sentAtMs - startedAtMs) <= datingMs);
    if (!entry || journal.isDisturbed(entry.actor, recordedAtMs - datingMs, recordedAtMs + endingMs)) return;
    journal.violation('I4', `${key} is claimed again, and a success is on record`);
  }

  /** Who holds the lease may end it, and who buries its holder. */
  #judgeFence(before: Delivery, key: string, tx: Transaction): void {
    const holder = before.leaseOwner ?? 0;
    if (this.#ownerOf.get(holder) === tx.origin) return;
    if (!this.#deps.schema.processes.rows.get(String(holder))?.value) return;
    this.#deps.journal.violation(
      'lease',
      `${tx.origin} ends the lease of ${this.#ownerOf.get(holder)} on ${key}`,
    );
  }

  /** I5: what the receiver said is what becomes of the delivery, and when. */
  #judgeSettled(before: Delivery, after: Delivery, attempt: Attempt): void {
    const { journal, plan, world } = this.#deps;
    const key = deliveryKey(after.messageId, after.endpointId);
    const isManual = before.trigger === 'manual';
    const attempts = before.attempts + (isManual ? 0 : 1);
    const goesOn = isManual ? before.resumeAtMs !== null : attempts < plan.delaysSeconds.length;
    const failed = goesOn && attempt.status !== 410 ? 'retrying' : 'exhausted';
    const expected = attempt.outcome === 'accepted' ? 'succeeded' : failed;
    if (after.state !== expected || after.attempts !== attempts)
      journal.violation('I5', `${key} is ${after.state} ${after.attempts}, not ${expected} ${attempts}`);
    if (after.state !== 'retrying' || isManual) return;
    const known = journal.triesOf
      .get(key)
      ?.find((one) => Math.abs(one.sentAtMs - attempt.startedAtMs) <= datingMs);
    if (!known) return journal.violation('I9', `${key} has an attempt that nobody saw`);
    const askedMs = Math.min(known.retryAfterSeconds ?? 0, retryAfterSecondsMax) * 1000;
    const delayMs = Math.max((plan.delaysSeconds[attempts] ?? 0) * 1000, askedMs);
    const nextAtMs = after.nextAtMs ?? 0;
    if (nextAtMs < (known.endedAtMs ?? 0) + delayMs) journal.violation('I5', `${key} is planned too early`);
    const mostMs = delayMs * (1 + jitterRatio) + 1;
    if (nextAtMs > world.nowMs + mostMs) journal.violation('I5', `${key} is planned too late`);
  }

  /** What waits is on the list of due endpoints, at or before its time. */
  #judgeDue(delivery: Delivery): void {
    const { journal, schema, world } = this.#deps;
    if (!isOpen(delivery.state)) return;
    const due = schema.due.rows.get(delivery.endpointId)?.value;
    // What is late already stands at the time of the claim that left it: behind the other endpoints.
    if (due && due.dueAtMs <= Math.max(delivery.nextAtMs ?? 0, world.nowMs)) return;
    journal.violation(
      'I1',
      `${delivery.messageId} waits for ${delivery.endpointId}, which is not on the list`,
    );
  }

  #keepEra(before: Endpoint | undefined, after: Endpoint | undefined): void {
    const { world, schema, histories } = this.#deps;
    if (!after) return;
    const isOff = after.disabled || after.deleted;
    const wasOff = before !== undefined && (before.disabled || before.deleted);
    const history = histories.get(after.id) ?? {
      offSinceMs: Number.POSITIVE_INFINITY,
      changedAtMs: world.nowMs,
    };
    if (!isOff) history.offSinceMs = Number.POSITIVE_INFINITY;
    else if (!wasOff) history.offSinceMs = world.nowMs;
    if (before?.throttleRate !== after.throttleRate) history.changedAtMs = world.nowMs;
    histories.set(after.id, history);
    if (isOff) this.everOff.set(after.id, world.nowMs);
    const { applicationId } = after;
    const endpoints = schema.endpoints.values().filter((one) => one.applicationId === applicationId);
    const eras = this.#eras.get(applicationId) ?? [];
    this.#eras.set(applicationId, [...eras, { fromMs: world.nowMs, endpoints }]);
  }

  /** I1: a message has a delivery for every endpoint that matched at some moment of its statement, and no other. */
  #judgeFanOut(message: Message, tx: Transaction): void {
    const { journal, schema } = this.#deps;
    const eras = this.#eras.get(message.applicationId) ?? [];
    const lastBefore = eras.findLastIndex(({ fromMs }) => fromMs <= tx.nowMs);
    const possible = eras.slice(Math.max(0, lastBefore)).map(({ endpoints }) => fanOut(message, endpoints));
    const deliveries = schema.deliveries.values().filter(({ messageId }) => messageId === message.id);
    const actual = deliveries
      .map(({ endpointId }) => endpointId)
      .toSorted()
      .join(' ');
    if (!possible.includes(actual))
      journal.violation(
        'I1',
        `${message.id} has deliveries for "${actual}", not for "${possible.join('" or "')}"`,
      );
  }
}

function fanOut(message: Message, endpoints: readonly Endpoint[]): string {
  return endpoints
    .filter(({ disabled, deleted }) => !disabled && !deleted)
    .filter(({ eventTypes }) => eventTypes === null || eventTypes.includes(message.eventType))
    .filter(({ channels }) => channels === null || channels.some((one) => message.channels.includes(one)))
    .map(({ id }) => id)
    .toSorted()
    .join(' ');
}
