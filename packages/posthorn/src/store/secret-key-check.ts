// Finds out at the start, and not at the first delivery, that the secret key is another one than before.
import type { Queries } from './database.ts';
import { secretOwner } from './endpoints.ts';
import type { SecretBox } from './secret-box.ts';

/** Opens the newest sealed secret, if there is one. Throws the box's error, which names the fix, when it does not open. */
export async function checkSecretKey(queries: Queries, box: SecretBox): Promise<void> {
  const newest = await queries
    .selectFrom('endpoint_secret')
    .select(['endpoint_id', 'secret_sealed'])
    .orderBy('id', 'desc')
    .limit(1)
    .executeTakeFirst();
  if (newest) box.open(newest.secret_sealed, secretOwner(newest.endpoint_id));
}
