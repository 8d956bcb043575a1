// Writes down every change that was asked for: who and what before it is made, and what became of it before the answer
// leaves. No change is without an entry, whoever dies when. Publishing messages is not a change: nothing of this is on
// its way.
import type { FastifyInstance, FastifyRequest, RouteOptions } from 'fastify';
import type { Access, Caller } from '../core/access.ts';
import { RateBudget } from '../core/rate-budget.ts';
import { findApplication } from '../store/applications.ts';
import { completeAuditEntry, insertAuditEntry, withdrawAuditEntry } from '../store/audit-log.ts';
import type { AuditEntry } from '../store/audit-log.ts';
import type { ApiDeps } from './context.ts';
import { isName } from './fields.ts';

const readingMethods: ReadonlySet<string> = new Set(['GET', 'HEAD', 'OPTIONS']);
const nameMaxChars = 256;
// What a token was refused is written down too, but not without end.
const refusalsOfToken = { perSecond: 0.5, burst: 30, keysMax: 10_000 };
const databaseUnavailable = 503;

type AuditDeps = Pick<ApiDeps, 'db' | 'clock' | 'newId' | 'log'>;

function publishes(access: Access | undefined): boolean {
  return access === 'publish' || (typeof access === 'object' && access.scope === 'publish');
}

function isAudited({ method, config }: RouteOptions): boolean {
  if (config?.access === 'public' || publishes(config?.access)) return false;
  if (config?.audited !== undefined) return config.audited;
  return [method].flat().some((one) => !readingMethods.has(one));
}

/** As it can be stored and shown: a path may hold any character. */
function tidy(text: string): string {
  return text.slice(0, nameMaxChars).replaceAll(/\p{C}/gu, '?');
}

/** The id, or the name, of the object in an answer. Of the answer nothing else is kept. */
function answeredName(status: number, payload: unknown): string | undefined {
  if (status >= 300 || typeof payload !== 'string' || !payload.startsWith('{')) return undefined;
  const { id, name } = JSON.parse(payload) as { id?: unknown; name?: unknown };
  return [id, name].find((one) => typeof one === 'string');
}

/** `answer` is undefined while there is none. */
function entryOf(request: FastifyRequest, caller: Caller, answer?: { status: number; payload: unknown }) {
  const named = Object.entries(request.params as Record<string, string>).map(([param, text]) => [
    param,
    tidy(text),
  ]);
  const answered = answer && answeredName(answer.status, answer.payload);
  const objects: Record<string, string> = Object.fromEntries(named);
  if (answered !== undefined) objects.id = tidy(answered);
  const ownId = answered?.startsWith('app_') === true ? answered : null;
  return {
    environmentId: caller.environmentId,
    tokenId: caller.tokenId,
    tokenName: caller.tokenName,
    applicationId: request.auditedApplicationId ?? caller.application?.id ?? ownId,
    method: request.method,
    route: request.routeOptions.url ?? '',
    objects: { ...objects, ...request.auditedObjects },
    status: answer?.status ?? null,
    requestId: request.id,
    address: request.ip,
  };
}

/** Writes an entry for every request to a route that changes something, or that says `audited: true`. */
export function installAudit(api: FastifyInstance, { db, clock, newId, log }: AuditDeps): void {
  const refusals = new RateBudget(refusalsOfToken);
  const opened = new WeakMap<FastifyRequest, string>();
  api.decorateRequest('auditedApplicationId', null);
  api.decorateRequest('auditedObjects', null);

  /** Looked up before the change, which may take its uid away. */
  async function noteApplication(request: FastifyRequest): Promise<void> {
    const { app } = request.params as { app?: string };
    if (app === undefined || !isName(app) || request.caller === null) return;
    const application = await findApplication(db.queries, request.environmentId, app);
    request.auditedApplicationId = application?.id ?? null;
  }

  /** What cannot be written down is not done: the request fails before it changes anything. */
  async function open(request: FastifyRequest): Promise<void> {
    const { caller } = request;
    if (caller === null) return;
    await noteApplication(request);
    const id = newId('audit_');
    await insertAuditEntry(db.pool, { id, ...entryOf(request, caller) });
    opened.set(request, id);
  }

  /** Of what was refused before its handler began, nothing is written yet. */
  async function close(
    id: string | undefined,
    entry: Omit<AuditEntry, 'id'>,
    isKept: boolean,
  ): Promise<void> {
    if (id === undefined) {
      if (isKept) await insertAuditEntry(db.pool, { id: newId('audit_'), ...entry });
    } else if (isKept) {
      await completeAuditEntry(db.pool, { id, ...entry });
    } else {
      await withdrawAuditEntry(db.pool, { id, environmentId: entry.environmentId });
    }
  }

  async function write(request: FastifyRequest, status: number, payload: unknown): Promise<void> {
    const { caller } = request;
    // After 503 nobody knows whether the change was made: its entry stays open.
    if (caller === null || status === databaseUnavailable) return;
    const isKept = status < 400 || refusals.take(caller.tokenId, clock.monotonicMs());
    const entry = entryOf(request, caller, { status, payload });
    try {
      await close(opened.get(request), entry, isKept);
    } catch (error) {
      // The change is made; saying that it failed would be wrong. Its entry says nothing of the outcome; the log does.
      log.error({ err: error, entry }, 'an entry of the audit log could not be completed');
    }
  }

  api.addHook('onRoute', (route) => {
    if (!isAudited(route)) return;
    // Behind whatever may still refuse the request, and right before what may change something.
    route.preHandler = [...[route.preHandler ?? []].flat(), open];
    route.onSend = [
      ...[route.onSend ?? []].flat(),
      async (request: FastifyRequest, reply: { statusCode: number }, payload: unknown) =>
        write(request, reply.statusCode, payload),
    ];
  });
}
