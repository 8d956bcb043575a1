// Who is calling: a bearer token names the environment. Answers are remembered for seconds, not longer, so that a
// token revoked through another process dies here too.
import { hash } from 'node:crypto';
import type { FastifyInstance, FastifyRequest } from 'fastify';
import type { Queries } from '../store/database.ts';
import { findPollerOfToken, pollerTokenPrefix } from '../store/pollers.ts';
import { findValidToken } from '../store/tokens.ts';
import type { ApiDeps } from './context.ts';
import { ApiError } from './problems.ts';

const rememberedForMs = 5_000;
const rememberedMax = 10_000;
const tokenMaxChars = 1_024;

interface Remembered {
  tokenId: string;
  environmentId: string;
  untilMs: number;
}

export interface Authenticator {
  /** Installs the check on every route that is not public. */
  install(api: FastifyInstance): void;
  /** To be called when a token is revoked through this process: it stops working at once. */
  forget(tokenId: string): void;
}

function refusal(detail = 'Invalid token'): ApiError {
  return new ApiError('authentication_failed', 401, detail);
}

function tokenOf(request: FastifyRequest): string {
  const header = request.headers.authorization;
  if (header === undefined) throw refusal('the header "authorization: Bearer <token>" is missing');
  const text = /^bearer +(\S+)$/i.exec(header.trim())?.[1];
  if (text === undefined) throw refusal('the authorization header must read "Bearer <token>"');
  if (text.length > tokenMaxChars) throw refusal();
  return text;
}

// A poller's token is for fetching from this poller and nothing else: the path has to name it.
async function environmentOfPoller(queries: Queries, text: string, params: unknown): Promise<string> {
  const poller = await findPollerOfToken(queries, text);
  if (poller === undefined) throw refusal();
  const { app, sink } = params as { app: string; sink: string };
  const isNamed =
    [poller.applicationId, poller.applicationUid].includes(app) && [poller.id, poller.uid].includes(sink);
  if (!isNamed) throw refusal('this token is for another poller');
  return poller.environmentId;
}

export function createAuthenticator({ db, clock }: Pick<ApiDeps, 'db' | 'clock'>): Authenticator {
  // By the token's hash, so that a dump of this process's memory holds no list of tokens.
  const remembered = new Map<string, Remembered>();

  async function environmentOf(text: string): Promise<string> {
    const key = hash('sha256', text, 'base64');
    const nowMs = clock.monotonicMs();
    const known = remembered.get(key);
    if (known !== undefined && known.untilMs > nowMs) return known.environmentId;
    remembered.delete(key);
    const token = await findValidToken(db.queries, text);
    if (token === undefined) throw refusal();
    const oldest = remembered.keys().next();
    if (remembered.size >= rememberedMax && oldest.done !== true) remembered.delete(oldest.value);
    const untilMs = nowMs + Math.min(rememberedForMs, token.validForMs ?? rememberedForMs);
    remembered.set(key, { tokenId: token.tokenId, environmentId: token.environmentId, untilMs });
    return token.environmentId;
  }

  return {
    install(api) {
      api.decorateRequest('environmentId', '');
      api.addHook('onRequest', async (request) => {
        if (request.is404 || request.routeOptions.config.public === true) return;
        const text = tokenOf(request);
        const isPollers =
          request.routeOptions.config.pollerToken === true && text.startsWith(pollerTokenPrefix);
        request.environmentId = isPollers
          ? await environmentOfPoller(db.queries, text, request.params)
          : await environmentOf(text);
      });
    },
    forget(tokenId) {
      for (const [key, entry] of remembered) if (entry.tokenId === tokenId) remembered.delete(key);
    },
  };
}
