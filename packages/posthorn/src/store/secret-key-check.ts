// Finds out at the start, and not at the first delivery, that the secret key is another one than before.
import type { Queries } from './database.ts';
import { secretOwner } from './endpoints.ts';
import type { SecretBox } from './secret-box.ts';

const checkText = 'posthorn';
const checkOwner = 'secret-key-check';

/**
 * Opens what this database was first started with; seals it now when there is nothing. Throws `WrongSecretKeyError`
 * when another key did. Of several processes that start at once, one seals and all open.
 */
export async function checkSecretKey(queries: Queries, box: SecretBox): Promise<void> {
  await openNewestSecret(queries, box);
  await queries
    .insertInto('secret_key_check')
    .values({ sealed: box.seal(checkText, checkOwner) })
    .onConflict((conflict) => conflict.doNothing())
    .execute();
  const { sealed } = await queries.selectFrom('secret_key_check').select('sealed').executeTakeFirstOrThrow();
  box.open(sealed, checkOwner);
}

/** A database from before the check had a row of its own. */
async function openNewestSecret(queries: Queries, box: SecretBox): Promise<void> {
  const newest = await queries
    .selectFrom('endpoint_secret')
    .select(['endpoint_id', 'secret_sealed'])
    .orderBy('id', 'desc')
    .limit(1)
    .executeTakeFirst();
  if (newest) box.open(newest.secret_sealed, secretOwner(newest.endpoint_id));
}
