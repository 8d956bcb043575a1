// What a source's requests are verified with: read, and changed while the provider changes it.
import { randomBytes } from 'node:crypto';
import Type from 'typebox';
import { listSecrets, rotateSecrets } from '../store/source-secrets.ts';
import { secretOwner } from '../store/sources.ts';
import { managing } from './access.ts';
import type { Api, ApiDeps } from './context.ts';
import { nullable } from './fields.ts';
import { ApiError, invalidField } from './problems.ts';
import { sealedSecrets, secretsMax, SourceSecretText } from './source-fields.ts';
import { providerOf } from './source-types.ts';
import { changing, resolveSource, SourceParams, sourcePath } from './sources.ts';

const gracePeriodDefaultSeconds = 86_400;
const gracePeriodMaxSeconds = 30 * 86_400;
const generatedSecretBytes = 32;

const RotateIn = nullable(
  Type.Object({
    key: Type.Optional(nullable(SourceSecretText)),
    gracePeriodSeconds: Type.Optional(nullable(Type.Integer({ minimum: 0, maximum: gracePeriodMaxSeconds }))),
  }),
);

/** One of our own; throws 422 where the provider makes it. */
function generatedSecret(provider: string): string {
  if (providerOf(provider)?.secret.madeBy === 'you') return randomBytes(generatedSecretBytes).toString('hex');
  throw invalidField('key', 'is required: the provider makes it');
}

export function registerSourceSecretRoutes(api: Api, deps: ApiDeps): void {
  const path = `${sourcePath}/:source/secret`;

  api.get(
    path,
    { config: { ...managing, audited: true }, schema: { params: SourceParams } },
    async (request) => {
      const { id } = await resolveSource(deps, request.environmentId, request.params.source);
      request.auditedApplicationId = id;
      const rows = await listSecrets(deps.db.queries, id);
      return {
        data: rows.map((row) => ({
          id: row.id,
          key: deps.box.open(row.secret_sealed, secretOwner(id)),
          learned: row.learned,
          createdAt: row.created_at.toISOString(),
          expiresAt: row.expires_at?.toISOString() ?? null,
        })),
      };
    },
  );

  api.post(
    `${path}/rotate`,
    { config: managing, schema: { params: SourceParams, body: RotateIn } },
    async (request, reply) => {
      const { body } = request;
      const source = await resolveSource(deps, request.environmentId, request.params.source);
      request.auditedApplicationId = source.id;
      const text = body?.key ?? generatedSecret(source.provider);
      const [secret] = sealedSecrets(deps, source.id, [text]);
      if (secret === undefined) throw new Error('a secret was not sealed');
      const gracePeriodSeconds = body?.gracePeriodSeconds ?? gracePeriodDefaultSeconds;
      const rotated = await changing(deps, source.id, (transaction) =>
        rotateSecrets(transaction, source.id, { secret, gracePeriodSeconds, secretsMax }),
      );
      if (rotated) return reply.code(204).send();
      const fix = 'wait until one expires, or rotate with gracePeriodSeconds 0';
      throw new ApiError('limit_reached', 400, `${secretsMax} secrets are good at once at most: ${fix}`);
    },
  );
}
