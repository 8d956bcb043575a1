// The other end of the wire, in place of the HTTP connector: receivers of all manners, and what they saw.
import type {
  AttemptResult,
  HttpConnector,
  HttpDeliveryRequest,
} from '../../../packages/posthorn/dist/delivery/connectors/http.js';
import type { Journal, Try } from './journal.ts';
import type { EndpointPlan, Manner } from './plan.ts';
import type { Random } from './random.ts';
import type { Actor, World } from './world.ts';

export interface Receivers {
  connector(actor: Actor): HttpConnector;
}

export interface ReceiverDeps {
  world: World;
  journal: Journal;
  random: Random;
  endpoints: readonly EndpointPlan[];
  healAtMs: number;
  /** Judges an attempt as it leaves and as it arrives. */
  onSend(entry: Try): void;
  onArrive(entry: Try): void;
  onEnd(entry: Try, result: AttemptResult): void;
}

interface Reply {
  arrives: boolean;
  status?: number;
  afterMs: number;
  retryAfterSeconds?: number;
  breaks?: boolean;
}

function reply(manner: Manner, random: Random): Reply {
  const soon = { arrives: true, afterMs: random.between(1, 60) };
  switch (manner) {
    case 'accept':
      return { ...soon, status: 200 };
    case 'slow':
      return { arrives: true, status: 200, afterMs: random.between(300, 900) };
    case 'fail':
      return { ...soon, status: random.pick([500, 502, 404]) };
    case 'busy':
      return {
        ...soon,
        status: random.pick([429, 503]),
        ...(random.chance(0.7) ? { retryAfterSeconds: random.int(0, 20) } : {}),
      };
    case 'hang':
      return { arrives: true, afterMs: Number.POSITIVE_INFINITY };
    case 'reset':
      return { ...soon, breaks: true };
    case 'refuse':
      return { arrives: false, afterMs: random.between(0.1, 5), breaks: true };
    case 'gone':
      return { ...soon, status: 410 };
    case 'flap':
      return reply(random.pick(['accept', 'fail', 'busy', 'reset', 'refuse', 'slow'] as const), random);
  }
}

function resultOf(
  { status, retryAfterSeconds }: Reply,
  durationMs: number,
  timedOut: boolean,
): AttemptResult {
  const base = { responseTruncated: false, durationMs };
  if (timedOut) return { ...base, outcome: { kind: 'unreachable', reason: 'timeout', detail: '' } };
  if (status === undefined)
    return { ...base, outcome: { kind: 'unreachable', reason: 'connection', detail: '' } };
  const kind = status < 300 ? 'accepted' : 'rejected';
  return {
    ...base,
    outcome: { kind, status },
    responseStatus: status,
    ...(retryAfterSeconds === undefined ? {} : { retryAfterSeconds }),
  };
}

export function createReceivers(deps: ReceiverDeps): Receivers {
  const { world, journal, random } = deps;
  const byUrl = new Map(deps.endpoints.map((endpoint) => [endpoint.url, endpoint]));

  const mannerOf = (endpoint: EndpointPlan): Manner => {
    if (world.nowMs >= deps.healAtMs) return 'accept';
    return endpoint.manners.findLast(({ fromMs }) => fromMs <= world.nowMs)?.manner ?? 'accept';
  };

  const arrive = (entry: Try, answered: Reply) => {
    entry.arrivedAtMs = world.nowMs;
    if (answered.status !== undefined) entry.answer = answered.status;
    world.trace(
      'arrive',
      `${entry.actor.name} ${entry.messageId} ${entry.endpointId} ${answered.status ?? '-'}`,
    );
    deps.onArrive(entry);
  };

  const send = (actor: Actor, request: HttpDeliveryRequest) => {
    const endpoint = byUrl.get(request.url);
    const messageId = request.headers['webhook-id'] ?? '';
    const entry: Try = { actor, endpointId: endpoint?.id ?? '', messageId, request, sentAtMs: world.nowMs };
    deps.onSend(entry);
    journal.addTry(entry);
    if (!endpoint) return Promise.reject(new Error(`nobody listens at ${request.url}`));
    const answered = reply(mannerOf(endpoint), random);
    const travelMs = random.between(0.05, 1);
    if (answered.arrives) world.after(world.outside, travelMs, () => arrive(entry, answered));
    const timeoutMs = request.timeoutMs ?? 0;
    const timedOut = answered.afterMs + 2 * travelMs >= timeoutMs;
    return new Promise<AttemptResult>((resolve) => {
      world.after(actor, timedOut ? timeoutMs : answered.afterMs + 2 * travelMs, () => {
        const result = resultOf(answered, Math.round(world.nowMs - entry.sentAtMs), timedOut);
        entry.endedAtMs = world.nowMs;
        entry.failed = result.outcome.kind !== 'accepted';
        entry.retryAfterSeconds = result.retryAfterSeconds;
        deps.onEnd(entry, result);
        resolve(result);
      });
    });
  };

  return {
    connector: (actor) => ({
      send: (request) => send(actor, request),
      close: () => Promise.resolve(),
    }),
  };
}
