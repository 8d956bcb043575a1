// The secrets of a source: those it was given, and those that its provider told in a handshake.
import { sameText } from '../same-bytes.ts';
import type { Platform } from './incoming.ts';
import { reject } from './rejection.ts';
import type { Rejection } from './rejection.ts';

/**
 * Keeps the secrets that handshakes teach (Asana, Notion), by source. `load` gives the newest first. `save` is called only
 * where there is none: of two processes that call it at once, let one win and the other reject, as a unique key does.
 */
export type SecretStore = {
  load(source: string): Promise<readonly string[]>;
  save(source: string, secret: string): Promise<void>;
};

type SecretList = string | readonly string[] | undefined;
/** The newest first. A function, where they are known only while a request is there (`platform.env` on Workers). */
export type SecretsOption<Env = unknown> =
  | SecretList
  | ((platform: Platform<Env>) => SecretList | Promise<SecretList>);

const turnsByStore = new WeakMap<SecretStore, Map<string, Promise<void>>>();
const nothing = () => {};

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
  // One after another: of several strangers at once, all would be believed.
  const turns = turnsOf(store);
  const turn = (turns.get(source) ?? Promise.resolve()).then(() =>
    keepFirst(source, learned, { store, known }),
  );
  const settled = turn.then(nothing, nothing);
  turns.set(source, settled);
  try {
    return await turn;
  } finally {
    if (turns.get(source) === settled) turns.delete(source);
  }
}

function turnsOf(store: SecretStore): Map<string, Promise<void>> {
  const known = turnsByStore.get(store);
  if (known !== undefined) return known;
  const none = new Map<string, Promise<void>>();
  turnsByStore.set(store, none);
  return none;
}

async function keepFirst(
  source: string,
  learned: string,
  { store, known: before }: { store: SecretStore; known: readonly string[] },
): Promise<Rejection | undefined> {
  const known = before.length > 0 ? before : await store.load(source);
  if (known.length === 0) {
    await store.save(source, learned);
    return undefined;
  }
  const same = await Promise.all(known.map((secret) => sameText(learned, secret)));
  if (same.includes(true)) return undefined;
  return reject('secret-known', 'a handshake told another secret: remove the known one to accept a new one');
}
