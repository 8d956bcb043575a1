// Delivers one signed request to a customer's URL and says what came of it. Nothing the receiver does makes it throw.
import type { Subnet } from '../../core/address.ts';
import type { Outcome } from '../../core/outcome.ts';
import { parseRetryAfter } from '../../core/retry-after.ts';
import { checkEndpointUrl, type UrlRules } from '../../core/url-rules.ts';
import type { Clock } from '../../lib/clock.ts';
import { ConnectionPool } from './connection-pool.ts';
import {
  type ClientCertificate,
  type ConnectLimits,
  createGuardedClients,
  defaultConnectLimits,
} from './guarded-client.ts';
import { defaultResponseLimits, HttpAttempt, type RawAnswer, type ResponseLimits } from './http-attempt.ts';
import type { Lookup } from './resolve-host.ts';

const defaultAttemptTimeoutMs = 20_000;
const destinationsMax = 10_000;

export interface HttpConnectorOptions {
  readonly allowSubnets: readonly Subnet[];
  readonly allowHttp: boolean;
  /** Ports below 1024 that any address may be reached on; 80 and 443 unless given. */
  readonly allowedPorts?: readonly number[];
  /** Sent when the request names none. */
  readonly userAgent: string;
  readonly clock: Clock;
  readonly lookup?: Lookup;
  /** PEM certificates trusted besides the usual authorities. */
  readonly ca?: readonly string[];
  readonly limits?: Partial<ConnectLimits & ResponseLimits>;
}

/** `headers` and `body` go out as they are; only content-length, host, connection and accept-encoding are added. */
export interface HttpDeliveryRequest {
  readonly url: string;
  readonly method: 'POST' | 'PUT' | 'PATCH' | 'DELETE' | 'GET';
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Uint8Array;
  /** From the first lookup to the last byte of the answer. */
  readonly timeoutMs?: number;
  /** Shown to the receiver over https; such a connection serves nobody else. */
  readonly certificate?: ClientCertificate;
}

/**
 * `responseHeaders`: lower-case names, the first 8 KiB. `responseBody`: the first 16 KiB as sent, never decompressed.
 * `responseTruncated`: the body was longer, or ended early. `retryAfterSeconds`: for answers that are not 2xx, not
 * capped. `error`: the detail of an unreachable outcome; it may name internal addresses, so it is for operators.
 */
export interface AttemptResult {
  outcome: Outcome;
  responseStatus?: number;
  responseHeaders?: Record<string, string>;
  responseBody?: Uint8Array;
  responseTruncated: boolean;
  durationMs: number;
  retryAfterSeconds?: number;
  remoteAddress?: string;
  error?: string;
}

export interface HttpConnector {
  /** Rejects only with the reason of the caller's own `signal`, or when the connector was closed. */
  send(request: HttpDeliveryRequest, signal?: AbortSignal): Promise<AttemptResult>;
  /** Drops every connection; attempts still under way reject. */
  close(): Promise<void>;
}

interface Addressed {
  ok: true;
  origin: string;
  path: string;
}

type Destination = Addressed | { ok: false; reason: string };

const addressed = ({ origin, pathname, search }: URL): Addressed => ({
  ok: true,
  origin,
  path: pathname + search,
});

/** One connector serves all endpoints of a process; connections are kept per origin, and per certificate. */
export function createHttpConnector(options: HttpConnectorOptions): HttpConnector {
  const { allowSubnets, allowHttp, allowedPorts, lookup, ca, clock } = options;
  const rules: UrlRules = { allowHttp, allowSubnets, ...(allowedPorts ? { allowedPorts } : {}) };
  const limits = { ...defaultResponseLimits, ...options.limits };
  const connections = new ConnectionPool({
    client: createGuardedClients({ allowSubnets, allowedPorts, lookup, ca, limits: options.limits }),
    ageMaxMs: options.limits?.keepAliveMaxMs ?? defaultConnectLimits.keepAliveMaxMs,
    clock,
  });

  async function send(request: HttpDeliveryRequest, signal?: AbortSignal): Promise<AttemptResult> {
    signal?.throwIfAborted();
    const startedMs = clock.monotonicMs();
    const destination = destinationOf(request.url);
    const answer = destination.ok
      ? await dispatch(destination, request, signal)
      : refusedAnswer(destination.reason);
    return toResult(answer, Math.round(clock.monotonicMs() - startedMs), clock.now());
  }

  // The verdict depends on the text alone: a name's addresses are judged at each connection.
  const destinations = new Map<string, Destination>();
  function destinationOf(url: string): Destination {
    const known = destinations.get(url);
    if (known) return known;
    if (destinations.size >= destinationsMax) destinations.clear();
    const verdict = checkEndpointUrl(url, rules);
    const destination = verdict.ok ? addressed(new URL(verdict.url)) : verdict;
    destinations.set(url, destination);
    return destination;
  }

  function dispatch(
    { origin, path }: Addressed,
    request: HttpDeliveryRequest,
    signal: AbortSignal | undefined,
  ): Promise<RawAnswer> {
    const timeoutMs = request.timeoutMs ?? defaultAttemptTimeoutMs;
    const headers = completeHeaders(request.headers, options.userAgent);
    return new Promise((resolve, reject) => {
      const attempt = new HttpAttempt({ limits, timeoutMs, signal, resolve, reject });
      connections.dispatch(
        { origin, certificate: request.certificate },
        { path, method: request.method, headers, body: request.body },
        attempt,
      );
    });
  }

  return { send, close: () => connections.destroy() };
}

// A compressed answer would have to be inflated to be read, and a small one can become huge.
function completeHeaders(given: Readonly<Record<string, string>>, userAgent: string): Record<string, string> {
  const headers: Record<string, string> = {};
  let namesUserAgent = false;
  for (const [name, value] of Object.entries(given)) {
    const lower = name.toLowerCase();
    if (lower === 'accept-encoding') continue;
    if (lower === 'user-agent') namesUserAgent = true;
    headers[name] = value;
  }
  if (!namesUserAgent) headers['user-agent'] = userAgent;
  headers['accept-encoding'] = 'identity';
  return headers;
}

function refusedAnswer(reason: string): RawAnswer {
  return {
    outcome: { kind: 'unreachable', reason: 'forbidden_address', detail: reason },
    headers: {},
    body: new Uint8Array(),
    bodyTruncated: false,
    remoteAddress: undefined,
  };
}

function toResult(answer: RawAnswer, durationMs: number, nowMs: number): AttemptResult {
  const { outcome, remoteAddress } = answer;
  const peer = remoteAddress === undefined ? {} : { remoteAddress };
  if (outcome.kind === 'unreachable') {
    return { outcome, responseTruncated: false, durationMs, ...peer, error: outcome.detail };
  }
  const retryAfterSeconds =
    outcome.kind === 'rejected' ? parseRetryAfter(answer.headers['retry-after'], nowMs) : undefined;
  return {
    outcome,
    responseStatus: outcome.status,
    responseHeaders: answer.headers,
    responseBody: answer.body,
    responseTruncated: answer.bodyTruncated,
    durationMs,
    ...(retryAfterSeconds === undefined ? {} : { retryAfterSeconds }),
    ...peer,
  };
}
