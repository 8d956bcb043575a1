// From the events of a verified request to its answer: for each event claim its id -> validate -> handlers -> remember it.
// Events are taken one after another, in the order in which they were sent; one that fails stops none of the others.
import { accepted, refused, sendAgain } from './answers.ts';
import { claim, eventKeys } from './dedupe.ts';
import type { Claim } from './dedupe.ts';
import type { ReceivedEvent } from './events.ts';
import { covers } from './pattern.ts';
import { reject, statusOf } from './rejection.ts';
import type { Rejection } from './rejection.ts';
import type { Handler, HandlerContext, SourceParts } from './source-parts.ts';
import { schemaFor, validate } from './validate.ts';

/** What became of an event; a `Response` is what its handler wants to answer. */
type Outcome = Response | 'handled' | 'passed over' | 'invalid' | 'busy' | 'failed';

type Job<Env> = {
  readonly event: ReceivedEvent;
  readonly handlers: readonly Handler<ReceivedEvent, Env>[];
  /** The event's id, held while the handlers run. */
  readonly held: Claim | undefined;
};

/** What the events of one request share. */
export type Delivery<Env> = {
  readonly source: SourceParts<Env>;
  readonly context: HandlerContext<Env>;
  /** The id that the request was signed with: of events that have none themselves. */
  readonly signedId: string | undefined;
};

export async function handleEvents<Env>(
  delivery: Delivery<Env>,
  events: readonly ReceivedEvent[],
): Promise<Response> {
  const { source, context, signedId } = delivery;
  const { dedupeKey = (event: ReceivedEvent) => event.id ?? signedId, answerFirst } = source.options;
  const keys = eventKeys(source.name, events.map(dedupeKey));
  const outcomes: Outcome[] = [];
  const later: Job<Env>[] = [];
  for (const [index, event] of events.entries()) {
    const job = await take(source, event, keys[index]);
    if (typeof job === 'string') outcomes.push(job);
    else if (answerFirst === true) later.push(job);
    else outcomes.push(await perform(delivery, job));
  }
  if (later.length > 0) context.waitUntil(performAll(delivery, later));
  return answerTo(source, outcomes);
}

async function performAll<Env>(delivery: Delivery<Env>, jobs: readonly Job<Env>[]): Promise<void> {
  for (const job of jobs) await perform(delivery, job);
}

/** Claims the event, if anybody waits for it and nobody has it. */
async function take<Env>(
  source: SourceParts<Env>,
  event: ReceivedEvent,
  key: string | undefined,
): Promise<Job<Env> | 'passed over' | 'busy' | 'failed'> {
  const handlers = source.routes.filter(({ pattern }) => covers(pattern, event.type));
  if (handlers.length === 0) return 'passed over';
  const job = { event, handlers: handlers.map(({ handler }) => handler) };
  if (source.dedupe === undefined || key === undefined) return { ...job, held: undefined };
  try {
    const held = await claim(source.dedupe, key);
    if (typeof held !== 'string') return { ...job, held };
    return held === 'done' ? 'passed over' : 'busy';
  } catch (error) {
    // Without knowing whether it is new, it is neither handled twice nor forgotten.
    source.reports.failed(error, { source: source.name, step: 'dedupe', event });
    return 'failed';
  }
}

async function perform<Env>(delivery: Delivery<Env>, job: Job<Env>): Promise<Outcome> {
  const outcome = await run(delivery, job);
  const { source } = delivery;
  try {
    await (isDone(outcome) ? job.held?.done() : job.held?.release());
  } catch (error) {
    // What was handled stays handled; the claim runs out by itself.
    source.reports.failed(error, { source: source.name, step: 'dedupe', event: job.event });
  }
  return outcome;
}

/** The handlers, in the order in which they were added; the first that throws is the last. */
async function run<Env>({ source, context }: Delivery<Env>, job: Job<Env>): Promise<Outcome> {
  const { event, handlers } = job;
  try {
    const valid = await validate(schemaFor(source.options.schemas ?? {}, event.type), event.payload);
    if (!valid.ok) return refuseEvent(source, context, { event, detail: valid.detail });
    let reply: Response | undefined;
    for (const handler of handlers) {
      const result = await handler({ ...event, payload: valid.value }, context);
      if (isResponse(result)) reply ??= sendable(result);
    }
    return reply ?? 'handled';
  } catch (error) {
    source.reports.failed(error, { source: source.name, step: 'handle', event });
    return 'failed';
  }
}

function refuseEvent<Env>(
  source: SourceParts<Env>,
  { request }: HandlerContext<Env>,
  { event, detail }: { event: ReceivedEvent; detail: string },
): 'invalid' | 'passed over' {
  const { reason } = invalidPayload;
  const skipped = source.options.onInvalid === 'skip';
  const status = skipped ? accepted(source).status : statusOf(invalidPayload);
  source.reports.rejected({
    source: source.name,
    reason,
    status,
    detail: `${event.type}: ${detail}`,
    request,
    event,
  });
  return skipped ? 'passed over' : 'invalid';
}

const invalidPayload: Rejection = reject('invalid-payload', 'a payload does not fit its schema');

/** An answer by which the provider comes again must find the event as new as it was. */
function isDone(outcome: Outcome): boolean {
  if (typeof outcome === 'string') return outcome === 'handled' || outcome === 'passed over';
  return outcome.status < 400;
}

function answerTo<Env>(source: SourceParts<Env>, outcomes: readonly Outcome[]): Response {
  if (outcomes.includes('failed') || outcomes.includes('busy')) return sendAgain(source);
  if (outcomes.includes('invalid')) return refused(statusOf(invalidPayload), source.methods);
  return outcomes.find((outcome) => typeof outcome !== 'string') ?? accepted(source);
}

/** Throws for an answer that cannot be given: the event would count as handled, and its answer be lost. */
function sendable(response: Response): Response {
  if (response.bodyUsed)
    throw new TypeError('the body of the Response that a handler returned was read already');
  if (response.status === 0) throw new TypeError('a handler returned Response.error(), which is no answer');
  return response;
}

// By brand: a framework may bring a Response class of its own.
function isResponse(value: unknown): value is Response {
  return Object.prototype.toString.call(value) === '[object Response]';
}
