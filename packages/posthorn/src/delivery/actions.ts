// Attempts of endpoints that are of another kind than `http`: finds the connector, gives it a deadline, and turns whatever
// happens into a result without a secret in it.
//
//   own write --> one transaction: lease held? -> write -> attempt and transition (exactly once)
//   the rest  --> deliver, ended by the deadline --> settled like an HTTP attempt (at least once)
import type pg from 'pg';
import { noteOf } from '../core/attempt-note.ts';
import type { Clock } from '../lib/clock.ts';
import type { EndpointConfig, OpenedEndpoint } from '../store/application-config.ts';
import { writeAndSettle } from '../store/write-and-settle.ts';
import type { Act, Finished, Postponed } from './attempt.ts';
import {
  accepted,
  type ActionDelivery,
  type ActionResult,
  type Busy,
  BusyError,
  type Connector,
  type Connectors,
  type OwnWrite,
  refused,
  UnfitError,
} from './connectors/connector.ts';
import type { AttemptResult } from './connectors/http.ts';
import { unreachableFrom } from './connectors/http-failure.ts';
import type { Work } from './dispatch-hooks.ts';
import { secretTextsOf } from './prepare.ts';
import { createRedaction, type Redaction, secretTextsIn } from './redaction.ts';

export interface ActionsDeps {
  connectors: Connectors;
  pool: pg.Pool;
  /** Of a delivery that was claimed. */
  eventTypeOf(work: Work): Promise<string>;
  attemptTimeoutMs: number;
  failingMaxMs: number;
  isOperationalInUse?(): boolean;
  clock: Clock;
}

interface Opened {
  connector: Connector;
  config: object;
  auth: OpenedEndpoint['auth'];
  redact: Redaction;
}

const busyMs = 1_000;
const ownWriteMaxMs = 5_000;
/** Of the pool's connections: a table that is locked holds them for that long, and everything else needs some, too. */
const ownWritesShare = 1 / 3;
const ownWritesWaitingMax = 100;
// What a receiver says may be as long as it likes.
const detailMaxChars = 1_000;
const responseMaxBytes = 16 * 1024;

export class Actions {
  readonly #deps: ActionsDeps;
  // An endpoint's configuration is immutable: a change makes a new object.
  readonly #opened = new WeakMap<EndpointConfig, Opened>();
  readonly #underWay = new Set<AbortController>();
  readonly #ownWritesWaiting: (() => void)[] = [];
  #ownWrites = 0;
  #closed: Error | undefined;

  constructor(deps: ActionsDeps) {
    this.#deps = deps;
  }

  /** `payload`: what is delivered. Rejects when the database is away, or this process stops. */
  readonly attempt: Act = async (work, endpoint, payload, conclude) => {
    const opened = this.#open(endpoint);
    if (!opened) return conclude(endpoint.url, unknownKind(endpoint.kind));
    const delivery = await this.#deliveryOf(work, endpoint, payload, opened.auth);
    const startedAtMs = this.#deps.clock.monotonicMs();
    const finish = ({ target = endpoint.url, ...result }: ActionResult): Finished => {
      const durationMs = Math.round(this.#deps.clock.monotonicMs() - startedAtMs);
      return conclude(
        opened.redact.text(target),
        bounded(opened.redact.result({ responseTruncated: false, ...result, durationMs })),
      );
    };
    const result = await this.#result(delivery, opened);
    if ('isBusy' in result) return { postponedMs: busyMs };
    if (!('text' in result)) return finish(result);
    if (this.#ownWritesWaiting.length >= ownWritesWaitingMax) return { postponedMs: busyMs };
    return this.#inTurn(() => this.#writeAndSettle(work, result, finish));
  };

  /** What is under way rejects. */
  async close(): Promise<void> {
    this.#closed = new Error('the connectors were closed');
    for (const controller of this.#underWay) controller.abort(this.#closed);
    await Promise.all([...this.#deps.connectors.values()].map(async (connector) => connector.close?.()));
  }

  #open(endpoint: EndpointConfig): Opened | undefined {
    const known = this.#opened.get(endpoint);
    if (known) return known;
    const connector = this.#deps.connectors.get(endpoint.kind);
    const { config, auth } = endpoint.open();
    if (!connector || !config) return undefined;
    const secrets = [...secretTextsIn(config, connector.secretNames), ...secretTextsOf(auth)];
    const opened = { connector, config, auth, redact: createRedaction(secrets) };
    this.#opened.set(endpoint, opened);
    return opened;
  }

  async #deliveryOf(
    work: Work,
    { timeoutSeconds }: EndpointConfig,
    payload: Uint8Array,
    auth: OpenedEndpoint['auth'],
  ): Promise<ActionDelivery> {
    const { applicationId, messageId, endpointId, contentType } = work;
    return {
      applicationId,
      messageId,
      endpointId,
      contentType,
      payload,
      eventType: work.eventType ?? (await this.#deps.eventTypeOf(work)),
      atMs: this.#deps.clock.now(),
      timeoutMs: timeoutSeconds === null ? this.#deps.attemptTimeoutMs : timeoutSeconds * 1_000,
      idempotencyKey: `${messageId}.${endpointId}`,
      ...(auth ? { auth } : {}),
    };
  }

  async #result(
    delivery: ActionDelivery,
    { connector, config }: Opened,
  ): Promise<ActionResult | Busy | OwnWrite> {
    try {
      return connector.ownWrite?.(delivery, config) ?? (await this.#within(delivery, connector, config));
    } catch (error) {
      if (error === this.#closed) throw error;
      if (error instanceof BusyError) return { isBusy: true };
      return { outcome: failureOf(error) };
    }
  }

  /** Ends with the deadline, whether the connector does or not. */
  async #within(delivery: ActionDelivery, connector: Connector, config: object) {
    if (this.#closed) throw this.#closed;
    const controller = new AbortController();
    const { signal } = controller;
    const aborted = new Promise<never>((_, reject) => {
      signal.addEventListener('abort', () => reject(signal.reason as Error), { once: true });
    });
    const timer = setTimeout(
      () => controller.abort(new DeadlineError(delivery.timeoutMs)),
      delivery.timeoutMs,
    );
    this.#underWay.add(controller);
    try {
      return await Promise.race([connector.deliver(delivery, config, signal), aborted]);
    } finally {
      clearTimeout(timer);
      this.#underWay.delete(controller);
    }
  }

  /** A few at a time; whoever ends hands its turn on. */
  async #inTurn<T>(run: () => Promise<T>): Promise<T> {
    const atOnceMax = Math.max(1, Math.floor(this.#deps.pool.options.max * ownWritesShare));
    if (this.#ownWrites < atOnceMax) this.#ownWrites += 1;
    else await new Promise<void>((resolve) => this.#ownWritesWaiting.push(resolve));
    try {
      return await run();
    } finally {
      const next = this.#ownWritesWaiting.shift();
      if (next) next();
      else this.#ownWrites -= 1;
    }
  }

  async #writeAndSettle(
    work: Work,
    write: OwnWrite,
    finish: (result: ActionResult) => Finished,
  ): Promise<Finished | Postponed> {
    const { pool, failingMaxMs, clock, attemptTimeoutMs, isOperationalInUse } = this.#deps;
    const timeoutMs = Math.min(attemptTimeoutMs, ownWriteMaxMs);
    let finished: Finished | undefined;
    const stored = await writeAndSettle(pool, { lease: work, write, timeoutMs, failingMaxMs }, (written) => {
      const result = written.ok ? accepted(write.said(written.rowCount)) : refused(written.error);
      finished = finish(result);
      const { settled, startedAtMs } = finished;
      if (settled.attempt) settled.attempt.startedAgoMs = clock.monotonicMs() - startedAtMs;
      const note = isOperationalInUse?.() ? noteOf(settled.transition, work) : undefined;
      return note ? { ...settled, note } : settled;
    });
    // Somebody else has it: nothing was written.
    if (!stored || !finished) return { postponedMs: 0 };
    return { ...finished, stored };
  }
}

class DeadlineError extends Error {
  readonly code = 'ETIMEDOUT';

  constructor(timeoutMs: number) {
    super(`not done within ${timeoutMs} ms`);
    this.name = 'DeadlineError';
  }
}

function bounded(result: AttemptResult): AttemptResult {
  const { outcome, responseBody } = result;
  return {
    ...result,
    ...('detail' in outcome
      ? { outcome: { ...outcome, detail: outcome.detail.slice(0, detailMaxChars) } }
      : {}),
    ...(responseBody && responseBody.length > responseMaxBytes
      ? { responseBody: responseBody.subarray(0, responseMaxBytes), responseTruncated: true }
      : {}),
  };
}

function failureOf(error: unknown) {
  if (error instanceof DeadlineError) {
    return { kind: 'unreachable', reason: 'timeout', detail: error.message } as const;
  }
  if (!(error instanceof UnfitError)) return unreachableFrom(error);
  return { kind: 'unreachable', reason: 'config', detail: error.message } as const;
}

/** A process of an older version may meet what a newer one made. */
function unknownKind(kind: string): AttemptResult {
  const detail = `this server does not know the kind ${kind}`;
  return {
    outcome: { kind: 'unreachable', reason: 'config', detail },
    responseTruncated: false,
    durationMs: 0,
  };
}
