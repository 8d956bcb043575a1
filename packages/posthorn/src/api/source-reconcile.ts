// What a source's provider says it delivered, compared with what came in: asked for, looked at, done now.
import { createPrivateKey } from 'node:crypto';
import Type from 'typebox';
import type { Static } from 'typebox';
import { hookUrlOf } from '../core/github-deliveries.ts';
import {
  deleteReconcile,
  findReconcile,
  listMissing,
  putReconcile,
  reconcileNow,
  reconcileOwner,
} from '../store/reconcile.ts';
import type { MissingRow, ReconcileRow } from '../store/reconcile.ts';
import type { SourceRow } from '../store/sources.ts';
import { managing, reading } from './access.ts';
import type { Api, ApiDeps } from './context.ts';
import { nullable, oneOf } from './fields.ts';
import { pageQueryFields, parsePage, toList } from './pagination.ts';
import { conflict, invalidField, notFound } from './problems.ts';
import { changing, resolveSource, sourcePath, SourceParams } from './sources.ts';

const path = `${sourcePath}/:source/reconcile`;
const urlMaxChars = 2_048;
const tokenMaxChars = 8_192;
const dayMinutes = 1_440;
const everyDefaultMinutes = 15;
/** GitHub has the deliveries of the last days alone. */
const lookedBackMs = 3 * dayMinutes * 60_000;
const missingStates = ['found', 'asked', 'stored', 'arrived', 'failed'] as const;
const keyPattern = /^[\x21-\x7e]{1,128}$/;

const ReconcileIn = Type.Object({
  kind: Type.Literal('github'),
  hookUrl: Type.String({ minLength: 1, maxLength: urlMaxChars }),
  /** Stays when it is left out. */
  token: Type.Optional(Type.String({ minLength: 1, maxLength: tokenMaxChars })),
  appId: Type.Optional(nullable(Type.String({ pattern: '^[A-Za-z0-9.]{1,64}$' }))),
  everyMinutes: Type.Optional(Type.Integer({ minimum: 1, maximum: dayMinutes })),
  missing: Type.Optional(oneOf(['fetch', 'redeliver'] as const)),
});
type ReconcileIn = Static<typeof ReconcileIn>;
const MissingQuery = Type.Object({ ...pageQueryFields, state: Type.Optional(oneOf(missingStates)) });

function wireReconcile(row: ReconcileRow) {
  return {
    kind: row.kind,
    hookUrl: row.hook_url,
    appId: row.app_id,
    everyMinutes: row.every_minutes,
    missing: row.missing,
    state: row.state,
    problem: row.problem,
    judgedUntil: row.judged_until.toISOString(),
    judgedCount: Number(row.judged_count),
    missingCount: Number(row.missing_count),
    ranAt: row.ran_at?.toISOString() ?? null,
    nextAt: row.next_at.toISOString(),
    createdAt: row.created_at.toISOString(),
    updatedAt: row.updated_at.toISOString(),
  };
}

function wireMissing(row: MissingRow) {
  return {
    eventId: row.event_id,
    deliveryId: row.delivery_id,
    eventType: row.event_type,
    deliveredAt: row.delivered_at.toISOString(),
    responseStatusCode: row.status,
    state: row.state,
    tries: row.tries,
    detail: row.detail,
    foundAt: row.found_at.toISOString(),
    updatedAt: row.updated_at.toISOString(),
  };
}

/** Throws 422 for a hook whose API this server does not speak to, and for an app's hook without an app. */
function checkedHookUrl({ githubApiUrls }: ApiDeps, { hookUrl, appId }: ReconcileIn): string {
  const url = hookUrlOf(hookUrl, githubApiUrls);
  if (url === undefined) {
    const shape = '/repos/{owner}/{repo}/hooks/{id}, /orgs/{org}/hooks/{id} or /app/hook';
    throw invalidField('hookUrl', `must be ${githubApiUrls.join(' or ')}, followed by ${shape}`);
  }
  if (url.endsWith('/app/hook') && !appId)
    throw invalidField('appId', 'must be given for the hook of an app, with its private key as the token');
  return url;
}

function checkToken({ token, appId }: ReconcileIn): void {
  if (token === undefined) return;
  if (!appId && !/^[\x21-\x7e]+$/.test(token)) throw invalidField('token', 'must be one word of ASCII');
  if (!appId) return;
  try {
    createPrivateKey(token);
  } catch {
    throw invalidField('token', 'must be the private key of the app, as PEM');
  }
}

function checkSource({ provider, deduplicate_by: by }: SourceRow): void {
  if (provider !== 'github') throw conflict('only sources of the provider github can be reconciled');
  if (by !== 'id')
    throw conflict('a source is reconciled by the ids of its events: set deduplicateBy to "id"');
}

export function registerSourceReconcileRoutes(api: Api, deps: ApiDeps): void {
  const { queries } = deps.db;

  api.get(path, { config: reading, schema: { params: SourceParams } }, async ({ environmentId, params }) => {
    const { id } = await resolveSource(deps, environmentId, params.source);
    const row = await findReconcile(queries, id);
    if (row === undefined) throw notFound('The source is not reconciled');
    return wireReconcile(row);
  });

  api.put(
    path,
    { config: managing, schema: { params: SourceParams, body: ReconcileIn } },
    async (request) => {
      const { environmentId, params, body } = request;
      const source = await resolveSource(deps, environmentId, params.source);
      request.auditedApplicationId = source.id;
      checkSource(source);
      const hookUrl = checkedHookUrl(deps, body);
      checkToken(body);
      const judgedFrom = new Date(Math.max(source.created_at.getTime(), deps.clock.now() - lookedBackMs));
      const row = await changing(deps, source.id, async (transaction) => {
        const known = await findReconcile(transaction, source.id);
        // A token goes to the hook that it was given for.
        const kept = known?.hook_url === hookUrl ? known.token_sealed : undefined;
        const sealed = body.token === undefined ? kept : deps.box.seal(body.token, reconcileOwner(source.id));
        if (sealed === undefined) throw invalidField('token', 'must be given with a new hookUrl');
        const settings = {
          source_id: source.id,
          kind: body.kind,
          hook_url: hookUrl,
          token_sealed: sealed,
          app_id: body.appId ?? null,
          every_minutes: body.everyMinutes ?? everyDefaultMinutes,
          missing: body.missing ?? ('fetch' as const),
        };
        return putReconcile(transaction, settings, judgedFrom);
      });
      deps.wakeReconciler();
      return wireReconcile(row);
    },
  );

  api.delete(path, { config: managing, schema: { params: SourceParams } }, async (request, reply) => {
    const { id } = await resolveSource(deps, request.environmentId, request.params.source);
    request.auditedApplicationId = id;
    const deleted = await changing(deps, id, (transaction) => deleteReconcile(transaction, id));
    if (!deleted) throw notFound('The source is not reconciled');
    return reply.code(204).send();
  });

  registerRuns(api, deps);
}

function registerRuns(api: Api, deps: ApiDeps): void {
  const { queries } = deps.db;

  api.post(
    `${path}/run`,
    { config: { ...managing, repeatable: true }, schema: { params: SourceParams } },
    async (request, reply) => {
      const { id } = await resolveSource(deps, request.environmentId, request.params.source);
      request.auditedApplicationId = id;
      if (!(await reconcileNow(queries, id))) throw notFound('The source is not reconciled');
      deps.wakeReconciler();
      return reply.code(202).send({});
    },
  );

  api.get(
    `${path}/missing`,
    { config: reading, schema: { params: SourceParams, querystring: MissingQuery } },
    async ({ environmentId, params, query }) => {
      const page = parsePage(query, { order: 'descending', key: keyPattern });
      const { id } = await resolveSource(deps, environmentId, params.source);
      const rows = await listMissing(queries, id, { state: query.state }, page.keyset);
      return toList(rows, page, (row) => row.event_id, wireMissing);
    },
  );
}
