// The secrets of a source: those it was given, and those that its provider told in a handshake.
import { sameText } from '../same-bytes.ts';
import type { Platform } from './incoming.ts';
import { reject } from './rejection.ts';
import type { Rejection } from './rejection.ts';

/** Keeps the secrets that handshakes teach (Asana, Notion), by source. `load` gives the newest first. */
export type SecretStore = {
  load(source: string): Promise<readonly string[]>;
  save(source: string, secret: string): Promise<void>;
};

type SecretList = string | readonly string[] | undefined;
/** The newest first. A function, where they are known only while a request is there (`platform.env` on Workers). */
export type SecretsOption<Env = unknown> =
  | SecretList
  | ((platform: Platform<Env>) => SecretList | Promise<SecretList>);

export async function currentSecrets<Env>(
  source: string,
  option: SecretsOption<Env>,
  { store, platform }: { store: SecretStore | undefined; platform: Platform<Env> | undefined },
): Promise<readonly string[]> {
  const given = typeof option === 'function' ? await option(platform ?? {}) : option;
  const list = given === undefined ? [] : typeof given === 'string' ? [given] : given;
  return store === undefined ? list : [...list, ...(await store.load(source))];
}

/**
 * Keeps a secret that an unverified request told. Only the first is believed: after it, whoever finds the URL could plant
 * one. The same one again is a handshake that was repeated.
 */
export async function learnSecret(
  source: string,
  learned: string,
  { store, known }: { store: SecretStore | undefined; known: readonly string[] },
): Promise<Rejection | undefined> {
  if (store === undefined) {
    return reject('misconfigured', 'this provider tells its secret in a handshake: pass a secretStore');
  }
  if (known.length === 0) {
    await store.save(source, learned);
    return undefined;
  }
  const same = await Promise.all(known.map((secret) => sameText(learned, secret)));
  if (same.includes(true)) return undefined;
  return reject('secret-known', 'a handshake told another secret: remove the known one to accept a new one');
}
