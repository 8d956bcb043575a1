// Tokens bound to one application, as a consumer portal uses them: short-lived, many, and gone some time after their end.
import { sql } from 'kysely';
import type { Capability } from '../core/access.ts';
import type { Queries } from './database.ts';
import type { Connection } from './partitions.ts';
import { deleteInBatches } from './retention.ts';
import type { Pace } from './retention.ts';
import { generateTokenText, hashOfToken } from './tokens.ts';

const prefix = 'pha_';

export interface NewApplicationToken {
  id: string;
  environmentId: string;
  applicationId: string;
  capabilities: readonly Capability[];
  featureFlags: readonly string[];
  sessionId: string | null;
  validForSeconds: number;
}

/** Makes a token and returns its text, which is known here and never again. */
export async function createApplicationToken(queries: Queries, token: NewApplicationToken): Promise<string> {
  const text = generateTokenText(prefix);
  await queries
    .insertInto('token')
    .values({
      id: token.id,
      environment_id: token.environmentId,
      application_id: token.applicationId,
      name: token.sessionId === null ? 'portal' : `portal session ${token.sessionId}`,
      hash: hashOfToken(text),
      scopes: [],
      capabilities: [...token.capabilities],
      feature_flags: [...token.featureFlags],
      session_id: token.sessionId,
      expires_at: sql<Date>`now() + ${token.validForSeconds} * interval '1 second'`,
    })
    .execute();
  return text;
}

/**
 * Lets the application's tokens end in so many seconds, where they would live longer: those of the sessions named, or
 * all of them when none is.
 */
export async function expireApplicationTokens(
  queries: Queries,
  applicationId: string,
  { inSeconds, sessionIds }: { inSeconds: number; sessionIds: readonly string[] },
): Promise<void> {
  const endsAt = sql<Date>`now() + ${inSeconds} * interval '1 second'`;
  let query = queries
    .updateTable('token')
    .set({ expires_at: endsAt })
    .where('application_id', '=', applicationId)
    .where('expires_at', '>', endsAt);
  if (sessionIds.length > 0) query = query.where('session_id', 'in', [...sessionIds]);
  await query.execute();
}

/** Deletes application tokens that ended `ageMs` ago or earlier; returns how many. */
export function deleteEndedApplicationTokens(db: Connection, ageMs: number, pace: Pace): Promise<number> {
  return deleteInBatches(pace, async () => {
    const { rowCount } = await db.query(
      `delete from posthorn.token where ctid = any (array(
         select ctid from posthorn.token
         where application_id is not null and expires_at < now() - $1::bigint * interval '1 ms'
         order by expires_at limit $2
       ))`,
      [ageMs, pace.rowsMax],
    );
    return rowCount ?? 0;
  });
}
