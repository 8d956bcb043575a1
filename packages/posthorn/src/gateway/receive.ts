// The life of a provider's request: handshake -> method -> verify -> handshake -> store -> answer. Nothing is promised
// before the commit, and no code of a user runs before the answer, unless the source is told to wait for it.
import { answerHandshake, type Handshake } from '@posthorn/webhooks/provider';
import { schemaReason } from '../core/inbound-names.ts';
import type { AcceptInbound } from '../core/inbound.ts';
import { RateBudget } from '../core/rate-budget.ts';
import type { Clock } from '../lib/clock.ts';
import type { NewId } from '../lib/ids.ts';
import type { AnswerWaiter } from './answer-waiter.ts';
import { type Answer, notFound } from './answer.ts';
import { factsOf, inboundRequestOf, judge, methodRefusal, type Passed, type Refusal } from './judge.ts';
import { type OpenSource, receivedRequest } from './open-source.ts';
import type { Received } from './received.ts';
import type { RefusalKeeper } from './refusals.ts';
import { type JudgeEvent, validated } from './validate.ts';

const acceptedStatus = 204;
const refusedStatus = 401;
const methodNotAllowed = 405;
const refusedFrom = 400;
const unprocessable = 422;
// Of a source that changes all the time.
const triesMax = 5;
// Before a request is refused, its source is read anew: it may have been mended a moment ago. Not for all of a flood.
const renewalsOfSource = { perSecond: 20, burst: 20, keysMax: 10_000 };

export interface ReceiveDeps {
  accept: AcceptInbound;
  refusals: RefusalKeeper;
  answers: AnswerWaiter;
  newId: NewId;
  clock: Clock;
  judgeEvent: JudgeEvent;
  /** Keeps a secret that a handshake taught; false when the source has another one already. */
  learn(source: OpenSource, secret: string): Promise<boolean>;
  /** Fetches a URL that a provider wants to see fetched; rejects when that fails. */
  confirm(url: string): Promise<void>;
}

/** Reads the source from the database; undefined when it is gone. */
export type Renew = () => Promise<OpenSource | undefined>;

export class Receiver {
  readonly #deps: ReceiveDeps;
  readonly #renewals = new RateBudget(renewalsOfSource);

  constructor(deps: ReceiveDeps) {
    this.#deps = deps;
  }

  /** `source` may be older than what the database has. Rejects when nothing could be stored. */
  async receive(source: OpenSource, received: Received, renew: Renew): Promise<Answer> {
    let current = source;
    for (let tries = 0; tries < triesMax; tries += 1) {
      const answer = await this.#receiveAs(current, received, renew);
      if (answer !== 'stale') return answer;
      const renewed = await renew();
      if (renewed === undefined) return notFound;
      current = renewed;
    }
    throw new Error('the source changes faster than its requests are verified');
  }

  async #receiveAs(source: OpenSource, received: Received, renew: Renew): Promise<Answer | 'stale'> {
    const question = await this.#answerHandshake(source, received, 'unverified');
    // One that is not answered as hoped may know settings that the source has since a moment.
    if (question && question.status >= refusedFrom && (await this.#isOutdated(source, renew))) return 'stale';
    if (question) return question;
    // A question of the provider may come by any method, and be known as one only once it is verified.
    const wrongMethod = methodRefusal(source, received);
    if (wrongMethod && !asksVerified(source)) {
      if (await this.#isOutdated(source, renew)) return 'stale';
      return this.#refuse(source, received, wrongMethod);
    }
    const judgement = await judge(source, received);
    if (!judgement.ok) {
      if (await this.#isOutdated(source, renew)) return 'stale';
      return this.#refuse(source, received, judgement.refusal);
    }
    if (judgement.verdict === 'accepted') {
      const verified = await this.#answerHandshake(source, received, 'verified');
      if (verified) return verified;
    }
    if (wrongMethod) return this.#refuse(source, received, wrongMethod);
    return this.#store(source, received, judgement);
  }

  async #isOutdated({ config }: OpenSource, renew: Renew): Promise<boolean> {
    if (!this.#renewals.take(config.id, this.#deps.clock.monotonicMs())) return false;
    const renewed = await renew();
    return renewed?.config.version !== config.version;
  }

  async #store(source: OpenSource, received: Received, passed: Passed): Promise<Answer | 'stale'> {
    const { newId, judgeEvent, accept } = this.#deps;
    const whole = inboundRequestOf(source, received, passed, newId('req_'));
    const request = await validated(whole, source.config.validation, judgeEvent);
    if ('refusal' in request) return this.#refuse(source, received, request.refusal);
    const acceptance = await accept(request);
    if (acceptance.kind === 'stale' || acceptance.kind === 'unknown_source') return 'stale';
    const messageIds = acceptance.kind === 'accepted' ? acceptance.messageIds : [];
    return (await this.#answerOfEndpoint(source, messageIds)) ?? acceptedAnswer(source);
  }

  /** Where the source says so, and its request is one message. */
  async #answerOfEndpoint(
    { config: { id, syncTimeoutMs } }: OpenSource,
    [messageId, ...others]: readonly string[],
  ): Promise<Answer | undefined> {
    if (syncTimeoutMs === null || messageId === undefined || others.length > 0) return undefined;
    return this.#deps.answers.wait(id, messageId, syncTimeoutMs);
  }

  async #refuse(source: OpenSource, received: Received, refusal: Refusal): Promise<Answer> {
    const { facts, hidden } = factsOf(source, received, this.#deps.newId('req_'));
    await this.#deps.refusals.keep(facts, hidden, { source, received, refusal });
    if (refusal.reason === 'method') {
      return { status: methodNotAllowed, headers: { allow: source.config.allowedMethods.join(', ') } };
    }
    if (refusal.reason === 'too-large') return { status: 413 };
    if (refusal.reason === schemaReason) return { status: unprocessable };
    return { status: source.provider.answer?.refusedStatus ?? refusedStatus };
  }

  async #answerHandshake(
    source: OpenSource,
    received: Received,
    on: Handshake['on'],
  ): Promise<Answer | undefined> {
    const { provider, config } = source;
    const secrets = config.secrets.map(({ secret }) => secret);
    const given = { on, secrets, settings: config.settings };
    const answer = await answerHandshake(provider, receivedRequest(received), given);
    if (answer === undefined) return undefined;
    const { status, headers, body, learned, confirmUrl } = answer;
    if (learned !== undefined && !(await this.#deps.learn(source, learned))) {
      const detail =
        'a handshake brought another secret: remove the one that the source has, to let it be taught anew';
      return this.#refuse(source, received, { reason: 'handshake', detail });
    }
    if (confirmUrl !== undefined) await this.#deps.confirm(confirmUrl);
    return { status, headers, body };
  }
}

function asksVerified({ provider }: OpenSource): boolean {
  return (provider.handshakes ?? []).some(({ on }) => on === 'verified');
}

function acceptedAnswer({ config, provider }: OpenSource): Answer {
  const own = config.answer;
  if (own) {
    const headers = own.contentType === null ? {} : { 'content-type': own.contentType };
    return { status: own.status, headers, body: own.body };
  }
  const { status = acceptedStatus, body } = provider.answer ?? {};
  if (body === undefined) return { status };
  return { status, headers: { 'content-type': 'text/plain; charset=utf-8' }, body };
}
