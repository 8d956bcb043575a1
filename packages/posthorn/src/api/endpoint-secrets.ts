// Signing secrets of an endpoint: read the current one, rotate it.
import { generateHmacSecret, parseSecret, publicKeyOf, SecretError } from '@posthorn/webhooks';
import Type from 'typebox';
import type { Static } from 'typebox';
import { lockApplication } from '../store/applications.ts';
import type { Queries } from '../store/database.ts';
import { findCurrentSecret, rotateSecret, secretOwner } from '../store/endpoints.ts';
import type { Api, ApiDeps } from './context.ts';
import { nullable } from './fields.ts';
import { ApiError, invalidField, notFound } from './problems.ts';
import { resolveApplication, resolveEndpoint } from './resolve.ts';

const gracePeriodDefaultSeconds = 86_400;
const gracePeriodMaxSeconds = 604_800;
// With the current one, as many as @posthorn/webhooks signs with and verifiers read: 8.
const oldSecretsMax = 7;
const secretMaxChars = 512;
const hmacPrefix = 'whsec_';
const privateKeyPrefix = 'whsk_';

export const SecretText = Type.String({ maxLength: secretMaxChars });
export const RotateIn = nullable(
  Type.Object({
    key: Type.Optional(nullable(SecretText)),
    gracePeriodSeconds: Type.Optional(nullable(Type.Integer({ minimum: 0, maximum: gracePeriodMaxSeconds }))),
  }),
);
const EndpointParams = Type.Object({ app: Type.String(), endpoint: Type.String() });

/**
 * The secret to store for what the caller gave in `field`: checked, and written the standard way with its prefix; a new
 * one when nothing was given. Throws 422 that says what is wrong with it and does not repeat it.
 */
export async function takeSecret(given: string | null | undefined, field: string): Promise<string> {
  if (given === undefined || given === null) return generateHmacSecret();
  try {
    const { kind } = await parseSecret(given);
    if (kind === 'ed25519-public') {
      throw invalidField(field, 'a public key (whpk_) cannot sign: give its private key (whsk_)');
    }
    if (kind === 'ed25519-private') return given;
  } catch (error) {
    throw error instanceof SecretError ? invalidField(field, error.message) : error;
  }
  // Receivers' libraries want the padding that we can do without.
  const base64 = given.startsWith(hmacPrefix) ? given.slice(hmacPrefix.length) : given;
  return hmacPrefix + Buffer.from(base64, 'base64').toString('base64');
}

/** What receivers verify with. Throws 404 when there is none. */
export async function readKey({ db, box }: ApiDeps, endpointId: string): Promise<string> {
  const sealed = await findCurrentSecret(db.queries, endpointId);
  if (sealed === undefined) throw notFound('Secret not found');
  const secret = box.open(sealed, secretOwner(endpointId));
  // The private key never leaves; receivers need the public one.
  return secret.startsWith(privateKeyPrefix) ? publicKeyOf(secret) : secret;
}

/**
 * Makes `secret` (from `takeSecret`) the current one, in a transaction that has locked the application. Throws 400 when
 * too many old secrets are still valid.
 */
export async function rotateTo(
  { box, newId }: ApiDeps,
  transaction: Queries,
  endpointId: string,
  { secret, gracePeriodSeconds }: { secret: string; gracePeriodSeconds: number | null | undefined },
): Promise<void> {
  const rotated = await rotateSecret(transaction, {
    endpointId,
    secret: { id: newId('sec_'), sealed: box.seal(secret, secretOwner(endpointId)) },
    gracePeriodSeconds: gracePeriodSeconds ?? gracePeriodDefaultSeconds,
    oldSecretsMax,
  });
  if (rotated) return;
  const fix = 'wait until one expires, or rotate with gracePeriodSeconds 0';
  throw new ApiError('limit_reached', 400, `${oldSecretsMax} old secrets are still valid: ${fix}`);
}

/** Throws 422 for a key that cannot sign, 400 when too many old secrets are still valid. */
export async function rotate(
  deps: ApiDeps,
  endpoint: { id: string; application_id: string },
  body: Static<typeof RotateIn>,
): Promise<void> {
  const secret = await takeSecret(body?.key, 'key');
  await deps.db.queries.transaction().execute(async (transaction) => {
    const locked = await lockApplication(transaction, endpoint.application_id);
    if (!locked) throw notFound('Application not found');
    await rotateTo(deps, transaction, endpoint.id, { secret, gracePeriodSeconds: body?.gracePeriodSeconds });
  });
}

export function registerEndpointSecretRoutes(api: Api, deps: ApiDeps): void {
  const path = '/api/v1/app/:app/endpoint/:endpoint/secret';

  const readable = { scope: 'manage', capability: 'ViewEndpointSecret' } as const;
  const schema = { params: EndpointParams };
  api.get(path, { config: { access: readable, audited: true }, schema }, async (request) => {
    const application = await resolveApplication(deps, request.environmentId, request.params.app);
    const endpoint = await resolveEndpoint(deps, application.id, request.params.endpoint);
    return { key: await readKey(deps, endpoint.id) };
  });

  api.post(
    `${path}/rotate`,
    {
      config: { access: { scope: 'manage', capability: 'ManageEndpointSecret' } },
      schema: { params: EndpointParams, body: RotateIn },
    },
    async (request, reply) => {
      const application = await resolveApplication(deps, request.environmentId, request.params.app);
      const endpoint = await resolveEndpoint(deps, application.id, request.params.endpoint);
      await rotate(deps, endpoint, request.body);
      return reply.code(204).send();
    },
  );
}
