// Tokens of the caller's own environment: list, make, revoke.
import Type from 'typebox';
import type { Static } from 'typebox';
import { scopes } from '../core/access.ts';
import { createToken, listTokens, revokeToken } from '../store/tokens.ts';
import type { TokenRow } from '../store/tokens.ts';
import { managing, reading } from './access.ts';
import type { Authenticator } from './auth.ts';
import type { Api, ApiDeps } from './context.ts';
import { nullable, oneOf, TimeText } from './fields.ts';
import { PageQuery, parsePage, toList } from './pagination.ts';
import { invalidField, notFound } from './problems.ts';

const nameMaxChars = 256;

const TokenIn = Type.Object({
  name: Type.String({ minLength: 1, maxLength: nameMaxChars }),
  expiresAt: Type.Optional(nullable(TimeText)),
  scopes: Type.Optional(
    Type.Array(oneOf(scopes), {
      minItems: 1,
      maxItems: scopes.length,
    }),
  ),
});
const TokenParams = Type.Object({ token: Type.String() });

function wireToken(row: TokenRow) {
  return {
    id: row.id,
    name: row.name,
    scopes: row.scopes,
    createdAt: row.created_at.toISOString(),
    expiresAt: row.expires_at?.toISOString() ?? null,
    revokedAt: row.revoked_at?.toISOString() ?? null,
  };
}

function expiryOf(body: Static<typeof TokenIn>, nowMs: number): Date | undefined {
  if (body.expiresAt === undefined || body.expiresAt === null) return undefined;
  const expiresAt = new Date(body.expiresAt);
  // The format lets through what JavaScript's Date does not read, such as a leap second.
  if (Number.isNaN(expiresAt.getTime())) throw invalidField('expiresAt', 'is not a date and time');
  if (expiresAt.getTime() <= nowMs) throw invalidField('expiresAt', 'is in the past');
  return expiresAt;
}

export function registerTokenRoutes(api: Api, deps: ApiDeps, authenticator: Authenticator): void {
  const { queries } = deps.db;

  api.get('/api/v1/token', { config: reading, schema: { querystring: PageQuery } }, async (request) => {
    const page = parsePage(request.query, { order: 'ascending', key: 'tok_' });
    const rows = await listTokens(queries, request.environmentId, page.keyset);
    return toList(rows, page, (row) => row.id, wireToken);
  });

  api.post('/api/v1/token', { config: managing, schema: { body: TokenIn } }, async (request, reply) => {
    const expiresAt = expiryOf(request.body, deps.clock.now());
    const token = await createToken(queries, {
      id: deps.newId('tok_'),
      environmentId: request.environmentId,
      name: request.body.name,
      ...(expiresAt === undefined ? {} : { expiresAt }),
      ...(request.body.scopes === undefined ? {} : { scopes: request.body.scopes }),
    });
    return reply.code(201).send({ ...wireToken(token), token: token.text });
  });

  api.delete(
    '/api/v1/token/:token',
    { config: managing, schema: { params: TokenParams } },
    async (request, reply) => {
      const { token } = request.params;
      if (!(await revokeToken(queries, request.environmentId, token))) throw notFound('Token not found');
      authenticator.forget((caller) => caller.tokenId === token);
      return reply.code(204).send();
    },
  );
}
