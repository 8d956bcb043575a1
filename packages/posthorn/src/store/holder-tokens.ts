// Tokens of an application that last as long as what holds them: an integration, or an autoconfig subscription.
import type { Capability, subscribing } from '../core/access.ts';
import type { Queries } from './database.ts';
import { hashOfToken } from './tokens.ts';

export interface HolderToken {
  /** For a new one. */
  id: string;
  environmentId: string;
  applicationId: string;
  holderId: string;
  name: string;
  text: string;
  capabilities: readonly (Capability | typeof subscribing)[];
  featureFlags: readonly string[];
}

/** Makes the holder's token, or puts this text in the place of the one that it had; answers the token's id. */
export async function putHolderToken(transaction: Queries, token: HolderToken): Promise<string> {
  const hash = hashOfToken(token.text);
  const { id } = await transaction
    .insertInto('token')
    .values({
      id: token.id,
      environment_id: token.environmentId,
      application_id: token.applicationId,
      holder_id: token.holderId,
      name: token.name,
      hash,
      scopes: [],
      capabilities: [...token.capabilities],
      feature_flags: [...token.featureFlags],
    })
    .onConflict((conflict) =>
      conflict
        .column('holder_id')
        .where('holder_id', 'is not', null)
        .doUpdateSet({
          hash,
          name: token.name,
          capabilities: [...token.capabilities],
          feature_flags: [...token.featureFlags],
          revoked_at: null,
        }),
    )
    .returning('id')
    .executeTakeFirstOrThrow();
  return id;
}

/** What the holder's token may do and see from now on; there may be none. */
export async function changeHolderToken(
  transaction: Queries,
  holderId: string,
  { name, capabilities, featureFlags }: Pick<HolderToken, 'name' | 'capabilities' | 'featureFlags'>,
): Promise<void> {
  await transaction
    .updateTable('token')
    .set({ name, capabilities: [...capabilities], feature_flags: [...featureFlags] })
    .where('holder_id', '=', holderId)
    .execute();
}

/** With its holder. */
export async function deleteHolderToken(transaction: Queries, holderId: string): Promise<void> {
  await transaction.deleteFrom('token').where('holder_id', '=', holderId).execute();
}
