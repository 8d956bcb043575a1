// Access for an application's own people: an operator asks for a token bound to the application, and hands it on.
import Type from 'typebox';
import type { Static } from 'typebox';
import { capabilities, capabilitiesFor } from '../core/access.ts';
import { createApplicationToken, expireApplicationTokens } from '../store/application-tokens.ts';
import { revokeToken } from '../store/tokens.ts';
import { managing } from './access.ts';
import { ApplicationIn, ensureApplication } from './applications.ts';
import type { Authenticator } from './auth.ts';
import { callerOf } from './auth.ts';
import type { Api, ApiDeps } from './context.ts';
import { nameText, nullable, oneOf } from './fields.ts';
import { invalidField } from './problems.ts';
import { resolveApplication } from './resolve.ts';

const validForDefaultSeconds = 604_800;
const validForMinSeconds = 3_600;
const validForMaxSeconds = 604_800;
const featureFlagsMax = 100;
const sessionIdMaxChars = 256;
const sessionIdsMax = 1_000;
// Where the console will show an application its own side.
const portalPath = '/portal';

const SessionId = Type.String({ minLength: 1, maxLength: sessionIdMaxChars, pattern: '^[\\x21-\\x7e]+$' });
export const AccessIn = nullable(
  Type.Object({
    application: Type.Optional(nullable(ApplicationIn)),
    readOnly: Type.Optional(nullable(Type.Boolean())),
    capabilities: Type.Optional(
      nullable(
        Type.Array(oneOf(capabilities), {
          minItems: 1,
          maxItems: capabilities.length,
        }),
      ),
    ),
    featureFlags: Type.Optional(nullable(Type.Array(Type.String(nameText), { maxItems: featureFlagsMax }))),
    expiry: Type.Optional(
      nullable(Type.Integer({ minimum: validForMinSeconds, maximum: validForMaxSeconds })),
    ),
    sessionId: Type.Optional(nullable(SessionId)),
  }),
);
const ExpireIn = nullable(
  Type.Object({
    expiry: Type.Optional(nullable(Type.Integer({ minimum: 0, maximum: validForMaxSeconds }))),
    sessionIds: Type.Optional(nullable(Type.Array(SessionId, { maxItems: sessionIdsMax }))),
  }),
);
const ApplicationParams = Type.Object({ app: Type.String() });

function capabilitiesOf(body: Static<typeof AccessIn>) {
  const asked = body?.capabilities ?? undefined;
  if (asked !== undefined && !asked.includes('ViewBase')) {
    throw invalidField('capabilities', 'must have ViewBase, which every token needs');
  }
  return capabilitiesFor(asked, body?.readOnly ?? false);
}

interface Asked {
  environmentId: string;
  app: string;
  /** By which people reach this server. */
  origin: string;
}

export async function giveAccess(
  deps: ApiDeps,
  { environmentId, app, origin }: Asked,
  body: Static<typeof AccessIn>,
) {
  const given = capabilitiesOf(body);
  if (body?.application && !app.startsWith('app_')) {
    await ensureApplication(deps, environmentId, app, body.application);
  }
  const { id: applicationId } = await resolveApplication(deps, environmentId, app);
  const id = deps.newId('tok_');
  const token = await createApplicationToken(deps.db.queries, {
    id,
    environmentId,
    applicationId,
    capabilities: given,
    featureFlags: body?.featureFlags ?? [],
    sessionId: body?.sessionId ?? null,
    validForSeconds: body?.expiry ?? validForDefaultSeconds,
  });
  // In the fragment, which browsers keep to themselves: no server and no log on the way sees the token.
  const url = `${origin}${portalPath}#${new URLSearchParams({ app: applicationId, token }).toString()}`;
  return { id, applicationId, answer: { url, token } };
}

export function registerPortalAccessRoutes(api: Api, deps: ApiDeps, authenticator: Authenticator): void {
  const { queries } = deps.db;
  // The second is the first one's older name.
  for (const name of ['app-portal-access', 'dashboard-access']) {
    api.post(
      `/api/v1/auth/${name}/:app`,
      { config: managing, schema: { params: ApplicationParams, body: AccessIn } },
      async (request) => {
        const { environmentId, params, protocol, host } = request;
        const asked = { environmentId, app: params.app, origin: deps.publicUrl ?? `${protocol}://${host}` };
        const { id, applicationId, answer } = await giveAccess(deps, asked, request.body);
        request.auditedApplicationId = applicationId;
        request.auditedObjects = { token: id };
        return answer;
      },
    );
  }

  api.post(
    '/api/v1/auth/app/:app/expire-all',
    { config: managing, schema: { params: ApplicationParams, body: ExpireIn } },
    async (request, reply) => {
      const { id } = await resolveApplication(deps, request.environmentId, request.params.app);
      await expireApplicationTokens(queries, id, {
        inSeconds: request.body?.expiry ?? 0,
        sessionIds: request.body?.sessionIds ?? [],
      });
      authenticator.forget(({ application }) => application?.id === id);
      return reply.code(204).send();
    },
  );

  api.post('/api/v1/auth/logout', { config: { access: 'application' } }, async (request, reply) => {
    const { tokenId } = callerOf(request);
    await revokeToken(queries, request.environmentId, tokenId);
    authenticator.forget((caller) => caller.tokenId === tokenId);
    return reply.code(204).send();
  });
}
