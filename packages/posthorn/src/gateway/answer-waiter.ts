// Waits for what the first endpoint answers to a message, where a source is told to answer the same. The message is stored
// by then: whatever goes wrong here, it is delivered, and its provider gets the ordinary answer.
import { setTimeout as pause } from 'node:timers/promises';
import type pg from 'pg';
import type { Clock } from '../lib/clock.ts';
import { idFloor } from '../lib/ids.ts';
import type { Log } from '../lib/log.ts';
import { type FirstAnswer, findFirstAnswers } from '../store/first-answers.ts';
import type { Answer } from './answer.ts';

const lookEveryMs = 20;
const waitingMax = 1_000;
// Attempts get their ids by the clock of the process that makes them.
const clocksDifferMaxMs = 60 * 60 * 1000;
// Nothing that a browser would run.
const shownType = /^(?:application\/json|application\/xml|text\/xml|text\/plain)(?:;|$)/i;
const noContent = 204;

interface Waiting {
  sourceId: string;
  messageId: string;
  /** At the deadline, whatever the database does. */
  timer: NodeJS.Timeout;
  resolve(answer: Answer | undefined): void;
}

export interface AnswerWaiterDeps {
  pool: pg.Pool;
  clock: Clock;
  log: Log;
}

export class AnswerWaiter {
  readonly #deps: AnswerWaiterDeps;
  readonly #waiting = new Map<string, Waiting>();
  #isLooking = false;
  #stopped = false;

  constructor(deps: AnswerWaiterDeps) {
    this.#deps = deps;
  }

  /** Undefined when no endpoint accepted it in time, with an answer that was kept whole; or when too many wait already. */
  wait(sourceId: string, messageId: string, timeoutMs: number): Promise<Answer | undefined> {
    if (this.#stopped || this.#waiting.size >= waitingMax) return Promise.resolve(undefined);
    return new Promise((resolve) => {
      const timer = setTimeout(() => this.#end(messageId, undefined), timeoutMs);
      this.#waiting.set(messageId, { sourceId, messageId, timer, resolve });
      if (!this.#isLooking) void this.#lookUntilNobodyWaits();
    });
  }

  /** A server that stops keeps nobody waiting: whoever comes later is answered at once. */
  stop(): void {
    this.#stopped = true;
    for (const messageId of this.#waiting.keys()) this.#end(messageId, undefined);
  }

  async #lookUntilNobodyWaits(): Promise<void> {
    this.#isLooking = true;
    while (this.#waiting.size > 0) {
      await pause(lookEveryMs);
      for (const found of await this.#find()) this.#end(found.messageId, answerOf(found));
    }
    this.#isLooking = false;
  }

  async #find(): Promise<FirstAnswer[]> {
    const { pool, clock, log } = this.#deps;
    try {
      const attemptIdMin = idFloor('atmpt_', clock.now() - clocksDifferMaxMs);
      return await findFirstAnswers(pool, [...this.#waiting.values()], attemptIdMin);
    } catch (err) {
      log.warn({ err }, 'the answers of endpoints could not be looked up');
      return [];
    }
  }

  #end(messageId: string, answer: Answer | undefined): void {
    const waiting = this.#waiting.get(messageId);
    if (!waiting) return;
    this.#waiting.delete(messageId);
    clearTimeout(waiting.timer);
    waiting.resolve(answer);
  }
}

function answerOf({ status, contentType, body }: FirstAnswer): Answer | undefined {
  if (status === noContent) return { status };
  if (body === null) return undefined;
  const type = contentType !== null && shownType.test(contentType) ? contentType : 'application/octet-stream';
  return { status, headers: { 'content-type': type }, body };
}
