// Who is calling: a bearer token names the environment, perhaps one application of it, and what may be done. Answers are
// remembered for seconds, not longer, so that a token revoked through another process dies here too.
import { hash } from 'node:crypto';
import type { FastifyInstance, FastifyRequest } from 'fastify';
import { type Access, type Caller, isBound, refusalReason } from '../core/access.ts';
import { RateBudget } from '../core/rate-budget.ts';
import { BoundedMap } from '../lib/bounded-map.ts';
import type { Clock } from '../lib/clock.ts';
import { findPollerOfToken, pollerTokenPrefix } from '../store/pollers.ts';
import { findValidToken } from '../store/tokens.ts';
import type { ApiDeps } from './context.ts';
import { ApiError, notFound } from './problems.ts';

const rememberedForMs = 5_000;
const rememberedMax = 10_000;
const refusedForMs = 1_000;
const refusedMax = 10_000;
const tokenMaxChars = 1_024;
// What is asked of the database for tokens never seen before, until it says yes. Those seen before are not counted: a
// flood of wrong tokens locks out nobody who is at work.
const failuresOfAddress = { perSecond: 10, burst: 50, keysMax: 10_000 };
const failuresOfAll = { perSecond: 100, burst: 500, keysMax: 1 };
const all = 'all';

interface Remembered {
  caller: Caller;
  untilMs: number;
}

export interface Authenticator {
  /** Installs the check on every route that is not public. */
  install(api: FastifyInstance): void;
  /** To be called when tokens are revoked through this process: those of these callers are looked up again at once. */
  forget(matches: (caller: Caller) => boolean): void;
}

function refusal(detail = 'Invalid token'): ApiError {
  return new ApiError('authentication_failed', 401, detail);
}

function tooMany(): ApiError {
  return new ApiError('too_many_requests', 429, 'too many unknown tokens were tried: try again in a second');
}

function insufficient(reason: string): ApiError {
  return new ApiError('insufficient_access', 403, `insufficient access: ${reason}`);
}

function tokenOf(request: FastifyRequest): string {
  const header = request.headers.authorization;
  if (header === undefined) throw refusal('the header "authorization: Bearer <token>" is missing');
  const text = /^bearer +(\S+)$/i.exec(header.trim())?.[1];
  if (text === undefined) throw refusal('the authorization header must read "Bearer <token>"');
  if (text.length > tokenMaxChars) throw refusal();
  return text;
}

type Poller = NonNullable<Awaited<ReturnType<typeof findPollerOfToken>>>;

// A poller's token is for fetching from this poller and nothing else: the path has to name it.
function callerOfPoller(poller: Poller, request: FastifyRequest): Caller {
  const params = request.params as { app: string; sink: string } | { app: string; poller: string };
  const named = 'sink' in params ? params.sink : params.poller;
  const isNamed =
    [poller.applicationId, poller.applicationUid].includes(params.app) &&
    [poller.id, poller.uid].includes(named);
  if (!isNamed) throw refusal('this token is for another poller');
  params.app = poller.applicationId;
  if ('sink' in params) params.sink = poller.id;
  else params.poller = poller.id;
  return {
    tokenId: poller.id,
    tokenName: 'poller',
    environmentId: poller.environmentId,
    application: { id: poller.applicationId, uid: poller.applicationUid },
    rights: new Set(),
    holderId: null,
    featureFlags: [],
  };
}

/** Tokens of the environment are held by its operator; those of applications by somebody else. */
function authorize(access: Access | undefined, caller: Caller, request: FastifyRequest): void {
  const reason = refusalReason(access, caller);
  if (reason !== undefined) throw insufficient(reason);
  if (caller.application === null) return;
  const params = request.params as { app?: string };
  if (params.app === undefined) return;
  const { id, uid } = caller.application;
  if (params.app !== id && params.app !== uid) throw notFound('Application not found');
  // The uid may belong to another application by now; the id never does.
  params.app = id;
}

/** Who calls a route that is not public. */
export function callerOf({ caller }: FastifyRequest): Caller {
  if (caller === null) throw new Error('a public route asked who is calling');
  return caller;
}

/** What may be asked of the database for tokens that it has not said yes to. */
class UnknownTokens {
  readonly #clock: Clock;
  readonly #ofAddress = new RateBudget(failuresOfAddress);
  readonly #ofAll = new RateBudget(failuresOfAll);

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Throws 429. */
  take(address: string): void {
    const nowMs = this.#clock.monotonicMs();
    if (!this.#ofAddress.take(address, nowMs)) throw tooMany();
    if (this.#ofAll.take(all, nowMs)) return;
    this.#ofAddress.giveBack(address);
    throw tooMany();
  }

  giveBack(address: string): void {
    this.#ofAddress.giveBack(address);
    this.#ofAll.giveBack(all);
  }
}

/** Looks pollers' tokens up, each time: a new one makes the one before it none at once. */
class PollerTokens {
  readonly #deps: Pick<ApiDeps, 'db' | 'clock'>;
  readonly #unknown: UnknownTokens;
  // By their hashes, as below.
  readonly #known = new BoundedMap<string, true>(rememberedMax);
  readonly #refused = new BoundedMap<string, number>(refusedMax);

  constructor(deps: Pick<ApiDeps, 'db' | 'clock'>, unknown: UnknownTokens) {
    this.#deps = deps;
    this.#unknown = unknown;
  }

  /** Throws 401, and 429 after too many that are nobody's. */
  async read(text: string, { ip }: { ip: string }): Promise<Poller> {
    const { db, clock } = this.#deps;
    const key = hash('sha256', text, 'base64');
    if ((this.#refused.get(key) ?? 0) > clock.monotonicMs()) throw refusal();
    const isKnown = this.#known.has(key);
    if (!isKnown) this.#unknown.take(ip);
    const giveBack = () => {
      if (!isKnown) this.#unknown.giveBack(ip);
    };
    const poller = await findPollerOfToken(db.queries, text).catch((error: unknown) => {
      giveBack();
      throw error;
    });
    if (poller === undefined) {
      this.#known.delete(key);
      this.#refused.set(key, clock.monotonicMs() + refusedForMs);
      throw refusal();
    }
    giveBack();
    this.#known.set(key, true);
    return poller;
  }
}

/** Looks tokens up, and remembers what it found. */
class TokenReader {
  readonly #deps: Pick<ApiDeps, 'db' | 'clock'>;
  // By the tokens' hashes, so that a dump of this process's memory holds no list of tokens.
  readonly #remembered = new BoundedMap<string, Remembered>(rememberedMax);
  readonly #refused = new BoundedMap<string, number>(refusedMax);
  readonly #running = new Map<string, Promise<Caller | undefined>>();
  readonly #unknown: UnknownTokens;
  #forgotten = 0;

  constructor(deps: Pick<ApiDeps, 'db' | 'clock'>, unknown: UnknownTokens) {
    this.#deps = deps;
    this.#unknown = unknown;
  }

  /** Throws 401 for a token that is unknown, revoked or expired, 429 after too many of them. */
  async read(text: string, from: { ip: string }): Promise<Caller> {
    const key = hash('sha256', text, 'base64');
    const nowMs = this.#deps.clock.monotonicMs();
    const known = this.#remembered.get(key);
    if (known !== undefined && known.untilMs > nowMs) return known.caller;
    if ((this.#refused.get(key) ?? 0) > nowMs) throw refusal();
    const caller = await (this.#running.get(key) ?? this.#lookUp(key, text, known ? undefined : from.ip));
    if (caller === undefined) throw refusal();
    return caller;
  }

  forget(matches: (caller: Caller) => boolean): void {
    this.#forgotten += 1;
    // What is being looked up now may have been read before the change.
    this.#running.clear();
    for (const [key, { caller }] of this.#remembered) if (matches(caller)) this.#remembered.delete(key);
  }

  /** `address` is given for a token that was never seen before. */
  #lookUp(key: string, text: string, address: string | undefined): Promise<Caller | undefined> {
    if (address !== undefined) this.#unknown.take(address);
    const looking = this.#find(key, text).then(
      (caller) => {
        if (address !== undefined && caller !== undefined) this.#unknown.giveBack(address);
        return caller;
      },
      (error: unknown) => {
        if (address !== undefined) this.#unknown.giveBack(address);
        throw error;
      },
    );
    const shared = looking.finally(() => {
      if (this.#running.get(key) === shared) this.#running.delete(key);
    });
    this.#running.set(key, shared);
    return shared;
  }

  async #find(key: string, text: string): Promise<Caller | undefined> {
    const { db, clock } = this.#deps;
    const forgotten = this.#forgotten;
    const token = await findValidToken(db.queries, text);
    const nowMs = clock.monotonicMs();
    if (token === undefined) {
      this.#remembered.delete(key);
      this.#refused.set(key, nowMs + refusedForMs);
      return undefined;
    }
    const untilMs = nowMs + Math.min(rememberedForMs, token.validForMs ?? rememberedForMs);
    if (forgotten === this.#forgotten) this.#remembered.set(key, { caller: token.caller, untilMs });
    return token.caller;
  }
}

export function createAuthenticator(deps: Pick<ApiDeps, 'db' | 'clock'>): Authenticator {
  const unknown = new UnknownTokens(deps.clock);
  const tokens = new TokenReader(deps, unknown);
  const pollers = new PollerTokens(deps, unknown);
  return {
    install(api) {
      const declared = new Map<string, Access | undefined>();
      api.decorate('access', declared);
      api.decorateRequest('environmentId', '');
      api.decorateRequest('caller', null);
      api.addHook('onRoute', ({ method, url, config }) => {
        if (!isBound(config?.access, url)) {
          throw new Error(`${url} has no :app, and is not declared as shared by all applications`);
        }
        for (const one of [method].flat()) declared.set(`${one} ${url}`, config?.access);
      });
      api.addHook('onRequest', async (request) => {
        if (request.is404) return;
        const { access, pollerToken } = request.routeOptions.config;
        if (access === 'public') return;
        const text = tokenOf(request);
        const isPollers = pollerToken === true && text.startsWith(pollerTokenPrefix);
        const caller = isPollers
          ? callerOfPoller(await pollers.read(text, request), request)
          : await tokens.read(text, request);
        request.caller = caller;
        request.environmentId = caller.environmentId;
        if (!isPollers) authorize(access, caller, request);
      });
    },
    forget: (matches) => tokens.forget(matches),
  };
}
