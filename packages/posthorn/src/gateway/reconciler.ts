// Compares what a source's provider says it delivered with what came in, page by page, and has what is missing. How far it
// is is stored with what was found, before anything is done about it: whoever dies leaves it to the next one.
import type pg from 'pg';
import type { GithubDelivery } from '../core/github-deliveries.ts';
import type { Clock } from '../lib/clock.ts';
import { createLoop, type Loop } from '../lib/loop.ts';
import type { Log } from '../lib/log.ts';
import {
  claimReconcile,
  type ClaimedReconcile,
  type FoundMissing,
  knownEvents,
  type MissingRow,
  nextOpenMissing,
  nextReconcileInMs,
  reconcileOwner,
  recordPage,
  releaseReconcile,
  updateMissing,
  type Walk,
} from '../store/reconcile.ts';
import type { ReconcileState } from '../store/reconcile-tables.ts';
import type { SecretBox } from '../store/secret-box.ts';
import type { GithubApi, GithubHook, Withheld } from './github-api.ts';
import type { StoreFetched } from './store-fetched.ts';

const minuteMs = 60_000;
/** A new one, of another process, is heard of this late. */
const idleMs = 30_000;
const errorDelayMs = 10_000;
const againMinMs = 1_000;
/** A run is over long before: each of its calls has a deadline. What a dead process had is free after it. */
const claimMs = 15 * minuteMs;
const runMaxMs = 5 * minuteMs;
/** One run reads so many pages of the list; a longer walk goes on in the next one, which follows at once. */
const pagesMax = 10;
const missingOfRunMax = 100;
/** What was delivered a moment ago may be on its way in. */
const settlingMs = minuteMs;
/** Two clocks; what was judged twice is only looked up twice. */
const overlapMs = 5 * minuteMs;
const triesMax = 5;
const retryMs = 10 * minuteMs;

interface ReconcilerDeps {
  pool: pg.Pool;
  box: SecretBox;
  clock: Clock;
  log: Log;
  github: GithubApi;
  store: StoreFetched;
}

export interface Reconciler extends Loop {
  /** One run for one source, if one is due; resolves with the milliseconds until it is worth looking again. */
  runOnce(): Promise<number>;
}

/** Why a run ends; null when all was done. */
type Ending = Withheld | { kind: 'more' } | { kind: 'taken' } | null;

export function createReconciler(deps: ReconcilerDeps): Reconciler {
  const { pool, log } = deps;
  const stopping = new AbortController();
  const runOnce = async () => {
    const claimed = await claimReconcile(pool, claimMs);
    if (claimed === undefined) {
      const inMs = await nextReconcileInMs(pool);
      return Math.min(idleMs, Math.max(inMs ?? idleMs, againMinMs));
    }
    await new Run(deps, claimed, stopping.signal).toItsEnd();
    return 0;
  };
  const loop = createLoop({ name: 'reconciler', runOnce, errorDelayMs, log });
  const stop = () => {
    stopping.abort();
    return loop.stop();
  };
  return { ...loop, stop, runOnce };
}

class Run {
  readonly #deps: ReconcilerDeps;
  readonly #row: ClaimedReconcile;
  readonly #claim: { sourceId: string; seq: string };
  readonly #endsAtMs: number;
  readonly #stopping: AbortSignal;
  #found = 0;

  constructor(deps: ReconcilerDeps, row: ClaimedReconcile, stopping: AbortSignal) {
    this.#deps = deps;
    this.#stopping = stopping;
    this.#row = row;
    this.#claim = { sourceId: row.source_id, seq: row.claim_seq };
    this.#endsAtMs = deps.clock.monotonicMs() + runMaxMs;
  }

  async toItsEnd(): Promise<void> {
    const { pool, log } = this.#deps;
    let ending: Ending;
    try {
      const hook = this.#hook();
      const walked = await this.#walk(hook);
      // What is missing is had even where the list could not be read to its end, unless nobody may ask.
      const isStopped = walked !== null && walked.kind !== 'more';
      ending = isStopped ? walked : ((await this.#remedy(hook)) ?? walked);
    } catch (error) {
      log.warn({ err: error, sourceId: this.#row.source_id }, 'reconciling failed');
      await releaseReconcile(pool, this.#claim, this.#next({ kind: 'failed', problem: internalProblem }));
      throw error;
    }
    if (this.#found > 0)
      log.info({ sourceId: this.#row.source_id, found: this.#found }, 'deliveries were missing');
    await releaseReconcile(pool, this.#claim, this.#next(ending));
  }

  /** The next run goes on: after a while of work, and when the process stops, after the call that is under way. */
  #isOver(): boolean {
    return this.#stopping.aborted || this.#deps.clock.monotonicMs() > this.#endsAtMs;
  }

  #hook(): GithubHook {
    const { source_id: sourceId, hook_url: hookUrl, token_sealed: sealed, app_id: appId } = this.#row;
    return { hookUrl, appId, token: this.#deps.box.open(sealed, reconcileOwner(sourceId)) };
  }

  #next(ending: Ending): { state: ReconcileState; problem: string | null; inMs: number } {
    const everyMs = this.#row.every_minutes * minuteMs;
    switch (ending?.kind) {
      case undefined:
      case 'taken':
        return { state: 'ok', problem: null, inMs: everyMs };
      case 'more':
        return { state: 'ok', problem: null, inMs: 0 };
      case 'limited':
        return { state: 'limited', problem: limitProblem, inMs: Math.max(ending.forMs, 0) };
      case 'refused':
      case 'failed':
        return { state: ending.kind, problem: ending.problem, inMs: everyMs };
    }
  }

  /** From the newest delivery, or where the last run was, back to what has been judged. */
  async #walk(hook: GithubHook): Promise<Ending> {
    const { judged_until: judgedUntil, now } = this.#row;
    const untilMs = judgedUntil.getTime() - overlapMs;
    const from = this.#row.walk_from ?? new Date(Math.max(now.getTime() - settlingMs, judgedUntil.getTime()));
    let cursor = this.#row.walk_cursor;
    for (let pages = 0; pages < pagesMax; pages += 1) {
      if (this.#isOver()) return { kind: 'more' };
      const page = await this.#deps.github.list(hook, cursor);
      if (page.kind !== 'page') return this.#givingUpWalk(page, cursor);
      const within = page.deliveries.filter(
        ({ deliveredAtMs }) => deliveredAtMs >= untilMs && deliveredAtMs <= from.getTime(),
      );
      const isEnd =
        page.cursor === undefined || page.deliveries.some(({ deliveredAtMs }) => deliveredAtMs < untilMs);
      const walk: Walk = isEnd
        ? { judgedUntil: from, from: null, cursor: null }
        : { judgedUntil, from, cursor: page.cursor ?? null };
      if (!(await this.#record(within, walk))) return { kind: 'taken' };
      if (page.limitedForMs !== undefined) return { kind: 'limited', forMs: page.limitedForMs };
      if (isEnd) return null;
      cursor = walk.cursor;
    }
    return { kind: 'more' };
  }

  /** A cursor that the provider does not take any more must not be asked for for ever: the walk begins anew. */
  async #givingUpWalk(withheld: Withheld, cursor: string | null): Promise<Ending> {
    if (withheld.kind === 'refused' && cursor !== null) {
      const walk = { judgedUntil: this.#row.judged_until, from: null, cursor: null };
      await recordPage(this.#deps.pool, this.#claim, { walk, judged: 0, missing: [] });
    }
    return withheld;
  }

  async #record(deliveries: readonly GithubDelivery[], walk: Walk): Promise<boolean> {
    const { pool } = this.#deps;
    const guids = [...new Set(deliveries.map(({ guid }) => guid))];
    const known = await knownEvents(pool, this.#row.source_id, guids);
    const missing = new Map<string, FoundMissing>();
    // The newest try of each event comes first.
    for (const { guid, id, deliveredAtMs, status, event } of deliveries) {
      if (known.has(guid) || missing.has(guid)) continue;
      const deliveredAt = new Date(deliveredAtMs);
      missing.set(guid, { eventId: guid, deliveryId: id, eventType: event, deliveredAt, status });
    }
    const page = { walk, judged: guids.length, missing: [...missing.values()] };
    this.#found += missing.size;
    return recordPage(pool, this.#claim, page);
  }

  /** Has what was found missing, now or by an earlier run, and did not come in since. */
  async #remedy(hook: GithubHook): Promise<Ending> {
    const { pool } = this.#deps;
    const rows = await nextOpenMissing(pool, this.#row.source_id, missingOfRunMax);
    const known = await knownEvents(
      pool,
      this.#row.source_id,
      rows.map(({ event_id }) => event_id),
    );
    for (const row of rows) {
      if (known.has(row.event_id)) {
        await updateMissing(pool, row, { state: 'arrived', tries: row.tries, detail: null });
        continue;
      }
      if (this.#isOver()) return { kind: 'more' };
      const ending = await (this.#row.missing === 'fetch'
        ? this.#fetch(hook, row)
        : this.#redeliver(hook, row));
      if (ending !== null) return ending;
    }
    return rows.length < missingOfRunMax ? null : { kind: 'more' };
  }

  async #fetch(hook: GithubHook, row: MissingRow): Promise<Ending> {
    const { pool, github, store } = this.#deps;
    const fetched = await github.fetch(hook, row.delivery_id);
    if (fetched.kind === 'gone') return this.#fail(row, goneProblem);
    if (fetched.kind === 'failed') return this.#tryLater(row, fetched);
    if (fetched.kind !== 'fetched') return fetched;
    const { environment_id: environmentId, source_id: sourceId } = this.#row;
    const { headers, payload } = fetched;
    const stored = await store({ environmentId, sourceId, eventId: row.event_id, headers, payload });
    const tries = row.tries + 1;
    if (stored.kind === 'mismatch') return this.#fail(row, mismatchProblem);
    if (stored.kind === 'unknown_source') return { kind: 'taken' };
    await updateMissing(pool, row, { state: stored.kind, tries, detail: null });
    return fetched.limitedForMs === undefined ? null : { kind: 'limited', forMs: fetched.limitedForMs };
  }

  async #redeliver(hook: GithubHook, row: MissingRow): Promise<Ending> {
    const { pool, github } = this.#deps;
    if (row.tries >= triesMax) return this.#fail(row, vainProblem);
    const asked = await github.redeliver(hook, row.delivery_id);
    if (asked.kind === 'gone') return this.#fail(row, goneProblem);
    if (asked.kind === 'failed') return this.#tryLater(row, asked);
    if (asked.kind !== 'asked') return asked;
    const change = { state: 'asked', tries: row.tries + 1, detail: null, againInMs: retryMs } as const;
    await updateMissing(pool, row, change);
    return asked.limitedForMs === undefined ? null : { kind: 'limited', forMs: asked.limitedForMs };
  }

  async #fail(row: MissingRow, detail: string): Promise<null> {
    await updateMissing(this.#deps.pool, row, { state: 'failed', tries: row.tries, detail });
    return null;
  }

  /** One that cannot be read does not hold up the others. */
  async #tryLater(row: MissingRow, { problem }: Withheld & { kind: 'failed' }): Promise<null> {
    const tries = row.tries + 1;
    if (tries >= triesMax) return this.#fail({ ...row, tries }, problem);
    const change = { state: row.state, tries, detail: problem, againInMs: retryMs };
    await updateMissing(this.#deps.pool, row, change);
    return null;
  }
}

const internalProblem = 'an unexpected error occurred; the log has it under the id of the source';
const limitProblem = 'GitHub limits how often it is asked; it is asked again when it allows it';
const goneProblem =
  'GitHub does not have this delivery any more, or does not send it again: it keeps them for some days';
const mismatchProblem = 'GitHub answered with another event than it had listed';
const vainProblem =
  'GitHub was asked to send it again and again, and it did not come in: look at what the source refused, or set missing to "fetch"';
