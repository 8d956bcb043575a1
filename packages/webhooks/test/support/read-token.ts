// Reads a JWT with jose, an implementation that is not ours: the oracle for every row whose proof is a token.
import { createSecretKey } from 'node:crypto';
import type { KeyObject } from 'node:crypto';
import { jwtVerify } from 'jose';
import type { JWTHeaderParameters, JWTPayload } from 'jose';

/** Rejects when the signature does not hold. */
export async function readToken(
  token: string | undefined,
  key: KeyObject | string,
): Promise<{ header: JWTHeaderParameters; claims: JWTPayload }> {
  const verifying = typeof key === 'string' ? createSecretKey(Buffer.from(key)) : key;
  const currentDate = new Date(1_700_000_000_000);
  const { payload, protectedHeader } = await jwtVerify(token ?? '', verifying, { currentDate });
  return { header: protectedHeader, claims: payload };
}
