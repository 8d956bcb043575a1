// One attempt, end to end: find the endpoint, prepare, send, settle. Storing the result is the settler's part.
import { type Cancellation, contentGone } from '../core/cancellation.ts';
import type { GateSignal } from '../core/endpoint-gate.ts';
import { httpKind } from '../core/endpoint-kind.ts';
import { holdsUp as holdsUpOthers, isOutdated, type Turn } from '../core/ordering.ts';
import { describeOutcome } from '../core/outcome.ts';
import { type RetryPolicy, withRetries } from '../core/retry-schedule.ts';
import { settle } from '../core/settle.ts';
import type {
  Transform,
  Transformation,
  TransformationResult,
  TransformedWebhook,
} from '../core/transformation.ts';
import type { Clock } from '../lib/clock.ts';
import type { NewId } from '../lib/ids.ts';
import type { EndpointConfig } from '../store/application-config.ts';
import type { AttemptRecord, Settled } from '../store/settle-deliveries.ts';
import type { StoredSettlement } from '../store/write-and-settle.ts';
import type { AccessTokens } from './access-tokens.ts';
import { askPatiently } from './ask-patiently.ts';
import type { ConfigCache } from './config-cache.ts';
import type { AttemptResult, HttpConnector } from './connectors/http.ts';
import type { Work } from './dispatch-hooks.ts';
import type { Prepare } from './prepare.ts';

export interface AttemptDeps {
  configs: ConfigCache;
  connector: HttpConnector;
  tokens: AccessTokens;
  prepare: Prepare;
  transform: Transform;
  /** Attempts of endpoints that are of another kind than `http`. */
  act: Act;
  /** False when others may have taken the delivery over meanwhile. */
  maySend(work: Work): boolean;
  /** Of a delivery that was claimed: only transformations ask for it. */
  eventTypeOf(work: Work): Promise<string>;
  policy: RetryPolicy;
  attemptTimeoutMs: number;
  clock: Clock;
  newId: NewId;
  random: () => number;
}

/** A settled delivery before its batch is written. `startedAtMs` is monotonic: its age is taken at the write. */
export interface Finished {
  work: Work;
  settled: Settled;
  startedAtMs: number;
  endpointGone: boolean;
  /** Those behind it in its endpoint's order wait until this is stored. */
  holdsUp: boolean;
  /** What the attempt tells about the endpoint's health; undefined when there was none. */
  signal?: GateSignal;
  /** It was stored together with what it wrote; this is left to do. */
  stored?: StoredSettlement;
}

/** What becomes of a delivery after an attempt; nothing is stored yet. `url`: where it went. */
export type Conclude = (url: string, result: AttemptResult) => Finished;

/** One attempt that is no HTTP delivery (actions.ts). */
export type Act = (
  work: Work,
  endpoint: EndpointConfig,
  payload: Uint8Array,
  conclude: Conclude,
) => Promise<Finished | Postponed>;

/** No attempt was made, and none counts: it may not be tried out of turn, or its code did not get its turn. */
export interface Postponed {
  postponedMs: number;
}

export type MakeAttempt = (work: Work) => Promise<Finished | Postponed>;

// By then others have had their turns.
const busyMs = 1_000;

export function createAttempt(deps: AttemptDeps): MakeAttempt {
  return async (work) => {
    const endpoint = await askPatiently(() => findEndpoint(deps.configs, work), {
      mayWait: () => deps.maySend(work),
      random: deps.random,
    });
    const startedAtMs = deps.clock.monotonicMs();
    if (!endpoint || endpoint.disabled || work.payload === null)
      return cancelled(work, startedAtMs, cancellationOf(endpoint));
    if (endpoint.ordering && !work.ordering && !work.turn) return { postponedMs: 0 };
    if (endpoint.onlyNewer && work.turn && isOutdated(work.turn))
      return cancelled(work, startedAtMs, outdatedBy(work.turn));
    const transformed = endpoint.transformation
      ? await transform(deps, work, endpoint, endpoint.transformation)
      : undefined;
    if (transformed?.kind === 'failed' && transformed.cause === 'busy') return { postponedMs: busyMs };
    if (transformed?.kind === 'cancelled') return cancelled(work, startedAtMs, cancelledByCode);
    // Its configuration came from the database, its code had to wait for its turn: either can take longer than a lease.
    if (!deps.maySend(work)) return { postponedMs: 0 };
    const conclude: Conclude = (url, result) =>
      finishedAs(deps, { work, endpoint, startedAtMs }, url, result);
    if (transformed?.kind === 'failed') return conclude(endpoint.url, failedResult(transformed));
    if (endpoint.kind !== httpKind) {
      return deps.act(work, endpoint, transformed?.webhook.payload ?? work.payload, conclude);
    }
    const { url, result } = await send(deps, work, endpoint, transformed?.webhook);
    return conclude(url, result);
  };
}

interface Attempted {
  work: Work;
  endpoint: EndpointConfig;
  startedAtMs: number;
}

function finishedAs(
  deps: AttemptDeps,
  { work, endpoint, startedAtMs }: Attempted,
  url: string,
  result: AttemptResult,
): Finished {
  const policy = withRetries(deps.policy, endpoint.retryDelaysSeconds);
  const { transition, endpointGone } = settle(work, result, policy, deps.random);
  const attempt = attemptRecord(deps.newId('atmpt_'), work, url, result);
  const settled: Settled = { ...leaseOf(work), ...turnOf(work, endpoint), transition, attempt };
  // A configuration from before the endpoint had its order must not let anything pass.
  const holdsUp = holdsUpOthers(work.ordering ? (endpoint.ordering ?? work.ordering) : null, transition);
  return { work, settled, startedAtMs, endpointGone, holdsUp, signal: result };
}

function outdatedBy({ eventAtMs = 0, newestAtMs = 0 }: Turn): Cancellation {
  const [at, newest] = [eventAtMs, newestAtMs].map((ms) => new Date(ms).toISOString());
  const detail = `It happened at ${at}, and what happened at ${newest} was delivered for its key before.`;
  return { reason: 'outdated', detail };
}

const cancelledByCode: Cancellation = {
  reason: 'transformation',
  detail: "The endpoint's transformation cancelled this delivery.",
};

async function transform(
  deps: AttemptDeps,
  work: Work,
  endpoint: EndpointConfig,
  transformation: Transformation,
): Promise<Exclude<TransformationResult, { kind: 'checked' }>> {
  const { applicationId, endpointId, payload } = work;
  const eventType = work.eventType ?? (await deps.eventTypeOf(work));
  const webhook = { url: endpoint.url, eventType, payload: payload ?? new Uint8Array() };
  const result = await deps.transform({ applicationId, endpointId, transformation, webhook });
  if (result.kind === 'checked') throw new Error('a transformation was checked and not run');
  return result;
}

async function send(
  { connector, tokens, prepare, attemptTimeoutMs, clock }: AttemptDeps,
  work: Work,
  endpoint: EndpointConfig,
  webhook: TransformedWebhook | undefined,
): Promise<{ url: string; result: AttemptResult }> {
  const { redaction, ...request } = prepare(work, endpoint, clock.now(), webhook);
  const { timeoutSeconds } = endpoint;
  const timeoutMs = timeoutSeconds === null ? attemptTimeoutMs : timeoutSeconds * 1_000;
  const whole = { ...request, timeoutMs };
  const result = await (request.grant ? tokens.send(whole, request.grant) : connector.send(whole));
  return { url: request.url, result: redaction ? redaction.result(result) : result };
}

/** Like any other failure it is tried again by the schedule: mending the code heals what waits. */
function failedResult({ message, durationMs }: TransformationResult & { kind: 'failed' }): AttemptResult {
  const outcome = { kind: 'unreachable', reason: 'transformation', detail: message } as const;
  return { outcome, durationMs, responseTruncated: false };
}

async function findEndpoint(configs: ConfigCache, work: Work): Promise<EndpointConfig | undefined> {
  const config = await configs.forSend(work.applicationId);
  const endpoint = config?.endpointsById.get(work.endpointId);
  if (endpoint && !endpoint.disabled) return endpoint;
  // Its message may have been accepted, elsewhere, after the endpoint was made or enabled: that is a moment ago, and the
  // configuration in memory is from before. Cancelled is for good.
  const current = await configs.forCancel(work.applicationId);
  return current?.endpointsById.get(work.endpointId);
}

function leaseOf({ applicationId, messageId, endpointId, leaseOwner, leaseSeq }: Work) {
  return { applicationId, messageId, endpointId, leaseOwner, leaseSeq };
}

/** What the next one with its key waits for. */
function turnOf({ turn }: Work, endpoint?: EndpointConfig): Pick<Settled, 'turn'> {
  if (!turn) return {};
  const passes = (endpoint?.ordering ?? turn.ordering) === 'skip';
  return { turn: { passes, eventAtMs: endpoint?.onlyNewer ? turn.eventAtMs : undefined } };
}

function cancellationOf(endpoint: EndpointConfig | undefined): Cancellation {
  if (!endpoint) return { reason: 'endpoint_deleted', detail: 'The endpoint was deleted.' };
  if (endpoint.disabled) return { reason: 'endpoint_disabled', detail: 'The endpoint was disabled.' };
  return { reason: 'content_gone', detail: contentGone };
}

function cancelled(work: Work, startedAtMs: number, cancellation: Cancellation): Finished {
  const { attempts } = work;
  const settled: Settled = {
    ...leaseOf(work),
    ...turnOf(work),
    transition: { state: 'cancelled', attempts, cancellation },
  };
  return { work, settled, startedAtMs, endpointGone: false, holdsUp: false };
}

function attemptRecord(id: string, work: Work, url: string, result: AttemptResult): AttemptRecord {
  const record: AttemptRecord = {
    id,
    trigger: work.trigger,
    url,
    outcome: result.outcome,
    responseTruncated: result.responseTruncated,
    durationMs: result.durationMs,
    startedAgoMs: 0,
  };
  if (result.outcome.kind !== 'accepted') record.detail = describeOutcome(result.outcome);
  if (result.responseHeaders) record.responseHeaders = result.responseHeaders;
  if (result.responseBody) record.responseBody = result.responseBody;
  return record;
}
