// API tokens: opaque random text, stored as its SHA-256, revocable. The text is known only when it is made.
import { createHash, randomBytes } from 'node:crypto';
import { sql } from 'kysely';
import type { Selectable } from 'kysely';
import type { Queries } from './database.ts';
import type { Caller, Scope } from '../core/access.ts';
import { expandRights } from '../core/access.ts';
import { databaseNow, inPage } from './keyset.ts';
import type { Keyset } from './keyset.ts';
import type { TokenTable } from './tables.ts';

const environmentPrefix = 'phk_';
const randomByteCount = 32;
// 62^43 > 2^256: 43 characters of base 62 hold 32 bytes.
const digitCount = 43;
const alphabet = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz';
const fixedTokenMinChars = 16;

const tokenColumns = [
  'id',
  'environment_id',
  'name',
  'scopes',
  'created_at',
  'expires_at',
  'revoked_at',
] as const;
/** A token of an environment, without its hash, which nobody outside `store` needs. */
export type TokenRow = Pick<Selectable<TokenTable>, (typeof tokenColumns)[number]>;

export interface NewToken {
  id: string;
  environmentId: string;
  name: string;
  /** `manage` unless given. */
  scopes?: readonly Scope[];
  /** Given for a fixed token; generated otherwise. */
  text?: string;
  expiresAt?: Date;
}

/** What is stored of a token, and looked up: its SHA-256. */
export function hashOfToken(text: string): Buffer {
  return createHash('sha256').update(text).digest();
}

/** A new token: `phk_`, or another prefix, and 32 random bytes in base 62. */
export function generateTokenText(prefix = environmentPrefix): string {
  let rest = BigInt(`0x${randomBytes(randomByteCount).toString('hex')}`);
  let digits = '';
  for (let i = 0; i < digitCount; i += 1) {
    digits = alphabet.charAt(Number(rest % 62n)) + digits;
    rest /= 62n;
  }
  return prefix + digits;
}

/** Makes a token. `text` is returned here and never again. */
export async function createToken(queries: Queries, token: NewToken): Promise<TokenRow & { text: string }> {
  const text = token.text ?? generateTokenText();
  const row = await queries
    .insertInto('token')
    .values({
      id: token.id,
      environment_id: token.environmentId,
      name: token.name,
      hash: hashOfToken(text),
      expires_at: token.expiresAt ?? null,
      ...(token.scopes === undefined ? {} : { scopes: [...token.scopes] }),
    })
    .returning(tokenColumns)
    .executeTakeFirstOrThrow();
  return { ...row, text };
}

/**
 * Makes sure that the fixed `text` is a token, once, however many processes ask at the same time. Throws when the text
 * is too short to be safe, belongs to another environment or to an application, or was revoked.
 */
export async function ensureToken(
  queries: Queries,
  token: NewToken & { text: string },
): Promise<TokenRow & { text: string }> {
  if (token.text.length < fixedTokenMinChars) {
    throw new Error(
      `a fixed token needs at least ${fixedTokenMinChars} characters, got ${token.text.length}`,
    );
  }
  const hash = hashOfToken(token.text);
  await queries
    .insertInto('token')
    .values({ id: token.id, environment_id: token.environmentId, name: token.name, hash })
    .onConflict((conflict) => conflict.column('hash').doNothing())
    .execute();
  const row = await queries
    .selectFrom('token')
    .select([...tokenColumns, 'application_id'])
    .where('hash', '=', hash)
    .executeTakeFirstOrThrow();
  if (row.environment_id !== token.environmentId)
    throw new Error('this token belongs to another environment');
  if (row.application_id !== null) throw new Error('this token belongs to an application');
  if (row.revoked_at !== null) throw new Error('this token was revoked: choose another one');
  return { ...row, text: token.text };
}

export interface ValidToken {
  caller: Caller;
  /** Milliseconds until it expires, by the database's clock; null when it does not. */
  validForMs: number | null;
}

/** The token with this text, unless it is unknown, revoked or expired, or its application is deleted. */
export async function findValidToken(queries: Queries, text: string): Promise<ValidToken | undefined> {
  const row = await queries
    .selectFrom('token')
    .leftJoin('application', (join) =>
      join
        .onRef('application.id', '=', 'token.application_id')
        .onRef('application.environment_id', '=', 'token.environment_id')
        .on('application.deleted_at', 'is', null),
    )
    .select([
      'token.id',
      'token.name',
      'token.environment_id',
      'token.scopes',
      'token.capabilities',
      'token.feature_flags',
      'token.holder_id',
      'application.id as application_id',
      'application.uid as application_uid',
      sql<number | null>`(extract(epoch from token.expires_at - now()) * 1000)::float8`.as('validForMs'),
    ])
    .where('token.hash', '=', hashOfToken(text))
    .where('token.revoked_at', 'is', null)
    .where((where) =>
      where.or([where('token.expires_at', 'is', null), where('token.expires_at', '>', databaseNow)]),
    )
    .where((where) =>
      where.or([where('token.application_id', 'is', null), where('application.id', 'is not', null)]),
    )
    .executeTakeFirst();
  if (row === undefined) return undefined;
  const caller: Caller = {
    tokenId: row.id,
    tokenName: row.name,
    environmentId: row.environment_id,
    application: row.application_id === null ? null : { id: row.application_id, uid: row.application_uid },
    rights: expandRights(row.capabilities ?? row.scopes),
    holderId: row.holder_id,
    featureFlags: row.feature_flags ?? [],
  };
  return { caller, validForMs: row.validForMs };
}

/** The environment's own tokens, not those of its applications. */
export async function listTokens(
  queries: Queries,
  environmentId: string,
  keyset: Keyset,
): Promise<TokenRow[]> {
  const query = queries
    .selectFrom('token')
    .select(tokenColumns)
    .where('environment_id', '=', environmentId)
    .where('application_id', 'is', null);
  return inPage(query, 'id', keyset).execute();
}

/** True when the environment, or an application of it, has this token; revoking one again changes nothing. */
export async function revokeToken(queries: Queries, environmentId: string, id: string): Promise<boolean> {
  const row = await queries
    .updateTable('token')
    .set({ revoked_at: sql<Date>`coalesce(revoked_at, now())` })
    .where('environment_id', '=', environmentId)
    .where('id', '=', id)
    .returning('id')
    .executeTakeFirst();
  return row !== undefined;
}
