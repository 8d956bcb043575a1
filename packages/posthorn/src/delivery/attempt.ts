// One attempt, end to end: find the endpoint, prepare, send, settle. Storing the result is the settler's part.
import type { Cancellation } from '../core/cancellation.ts';
import type { GateSignal } from '../core/endpoint-gate.ts';
import { holdsUp as holdsUpOthers } from '../core/ordering.ts';
import { describeOutcome } from '../core/outcome.ts';
import { type RetryPolicy, withRetries } from '../core/retry-schedule.ts';
import { settle } from '../core/settle.ts';
import type { Clock } from '../lib/clock.ts';
import type { NewId } from '../lib/ids.ts';
import type { EndpointConfig } from '../store/application-config.ts';
import type { AttemptRecord, Settled } from '../store/settle-deliveries.ts';
import type { AccessTokens } from './access-tokens.ts';
import type { ConfigCache } from './config-cache.ts';
import type { AttemptResult, HttpConnector } from './connectors/http.ts';
import type { Work } from './dispatcher.ts';
import type { Prepare, PreparedRequest } from './prepare.ts';

export interface AttemptDeps {
  configs: ConfigCache;
  connector: HttpConnector;
  tokens: AccessTokens;
  prepare: Prepare;
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
}

/** Undefined: it may not be tried out of turn, since its endpoint has got an order. */
export type MakeAttempt = (work: Work) => Promise<Finished | undefined>;

export function createAttempt(deps: AttemptDeps): MakeAttempt {
  return async (work) => {
    const endpoint = await findEndpoint(deps.configs, work);
    const startedAtMs = deps.clock.monotonicMs();
    if (!endpoint || endpoint.disabled || work.payload === null)
      return cancelled(work, startedAtMs, cancellationOf(endpoint));
    if (endpoint.ordering && !work.ordering) return undefined;
    const request = deps.prepare(work, endpoint, deps.clock.now());
    const result = await send(deps, request, endpoint.timeoutSeconds);
    const policy = withRetries(deps.policy, endpoint.retryDelaysSeconds);
    const { transition, endpointGone } = settle(work, result, policy, deps.random);
    const attempt = attemptRecord(deps.newId('atmpt_'), work, request, result);
    const settled: Settled = { ...leaseOf(work), transition, attempt };
    // A configuration from before the endpoint had its order must not let anything pass.
    const holdsUp = holdsUpOthers(work.ordering ? (endpoint.ordering ?? work.ordering) : null, transition);
    return { work, settled, startedAtMs, endpointGone, holdsUp, signal: result };
  };
}

async function findEndpoint(configs: ConfigCache, work: Work): Promise<EndpointConfig | undefined> {
  const config = await configs.forSend(work.applicationId);
  return config?.endpointsById.get(work.endpointId);
}

function send(
  { connector, tokens, attemptTimeoutMs }: AttemptDeps,
  request: PreparedRequest,
  timeoutSeconds: number | null,
): Promise<AttemptResult> {
  const timeoutMs = timeoutSeconds === null ? attemptTimeoutMs : timeoutSeconds * 1_000;
  const whole = { ...request, method: 'POST', timeoutMs } as const;
  return request.grant ? tokens.send(whole, request.grant) : connector.send(whole);
}

function leaseOf({ applicationId, messageId, endpointId, leaseOwner, leaseSeq }: Work) {
  return { applicationId, messageId, endpointId, leaseOwner, leaseSeq };
}

function cancellationOf(endpoint: EndpointConfig | undefined): Cancellation {
  if (!endpoint) return { reason: 'endpoint_deleted', detail: 'The endpoint was deleted.' };
  if (endpoint.disabled) return { reason: 'endpoint_disabled', detail: 'The endpoint was disabled.' };
  return { reason: 'content_gone', detail: 'The content of the message was deleted, or has expired.' };
}

function cancelled(work: Work, startedAtMs: number, cancellation: Cancellation): Finished {
  const { attempts } = work;
  const settled: Settled = {
    ...leaseOf(work),
    transition: { state: 'cancelled', attempts, cancellation },
  };
  return { work, settled, startedAtMs, endpointGone: false, holdsUp: false };
}

function attemptRecord(
  id: string,
  work: Work,
  request: PreparedRequest,
  result: AttemptResult,
): AttemptRecord {
  const record: AttemptRecord = {
    id,
    trigger: work.trigger,
    url: request.url,
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
