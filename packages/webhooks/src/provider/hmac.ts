// One MAC, for rows whose signatures stand where the common scheme does not look: in items of a batch, in form fields.
import { hmacOf } from '../hashing.ts';
import { decodeText } from './encoding.ts';
import { importVerificationKey } from './keys.ts';
import type { HmacAlgorithm, KeyForm, TextEncodingName } from './provider.ts';
import { sameBytes } from '../same-bytes.ts';

type Bytes = Uint8Array<ArrayBuffer>;
// The longest MAC, in hex, has half of it.
const macMaxChars = 256;

export type MacRecipe = { readonly algorithm: HmacAlgorithm; readonly key: KeyForm };

/** Rejects with `KeyError` for a secret that is no such key. */
export async function macOf(recipe: MacRecipe, secret: string, content: string): Promise<Bytes> {
  const key = await importVerificationKey(recipe.algorithm, recipe.key, secret);
  return hmacOf(key, Uint8Array.from(new TextEncoder().encode(content)));
}

/** Whether `given` is that MAC, written in that encoding; compared in constant time. */
export function isMac(given: string, encoding: TextEncodingName, mac: Bytes): boolean {
  const bytes = given.length > macMaxChars ? undefined : decodeText(given, encoding);
  return bytes !== undefined && sameBytes(bytes, mac);
}
