// What a verification of a provider's request says.
import type { Refusal } from '../verdict.ts';

/** `timestamp` in Unix seconds, when the scheme proves one; `secretIndex` is the place of the secret that matched. */
export type ProviderVerdict =
  | { readonly ok: true; readonly secretIndex: number; readonly timestamp?: number; readonly id?: string }
  | Refusal;
