// Keys that a provider publishes under an address: certificates, PEM texts and key sets, read with care and in bounds.
import { refuse } from '../verdict.ts';
import type { Refusal } from '../verdict.ts';
import { readCertificate } from './certificate.ts';
import { KeyUnavailable } from './fetch-key-text.ts';
import type { FetchOptions, FetchText, SchemeContext } from './provider.ts';

/** A key of a set (RFC 7517), as far as verifying reads it. */
export type JsonWebKey = {
  readonly kty?: unknown;
  readonly kid?: unknown;
  readonly use?: unknown;
  readonly alg?: unknown;
  readonly crv?: unknown;
  readonly n?: unknown;
  readonly e?: unknown;
  readonly x?: unknown;
  readonly y?: unknown;
};

const keysMax = 64;
const addressesMax = 256;
const detailMaxChars = 200;
// What is forged with a key id of its own makes us ask at most this often: for a whole set, and for one key by its id.
const coolDownMs = 60_000;
const setsAskedMax = 1;
const idsAskedMax = 5;
const certificatesAskedMax = 30;
const keptMs = 24 * 3_600_000;

type Asked = { readonly sinceMs: number; readonly times: number };
type Kept = { readonly untilMs: number; readonly key: string };
// By reader, so that two sources with readers of their own share nothing.
const askedBy = new WeakMap<FetchText, Map<string, Asked>>();
const keptBy = new WeakMap<FetchText, Map<string, Kept>>();
const readingBy = new WeakMap<FetchText, Map<string, Promise<string | undefined>>>();

/** The host is one of the given ones, over https and without anything that hides another host. */
export function isHttpsAt(address: string, host: RegExp): URL | undefined {
  if (!URL.canParse(address)) return undefined;
  const url = new URL(address);
  const plain = url.protocol === 'https:' && url.port === '' && url.username === '' && url.password === '';
  return plain && host.test(url.hostname) ? url : undefined;
}

/**
 * The key (`spki` in base64) of a certificate that is valid now. Requests choose the address: one that was good is kept like
 * a key by its id, whatever strangers name. `publisher` is whose certificate it is: a host of many names has one share.
 */
export async function certificateKey(
  context: SchemeContext,
  { url, publisher }: { readonly url: string; readonly publisher: string },
): Promise<string | Refusal> {
  const text = await keyById(context, {
    address: publisher,
    id: url,
    timesMax: certificatesAskedMax,
    async read() {
      const pem = await readKeyText(context, url);
      if (readCertificate(pem) === undefined)
        throw new KeyUnavailable(`what ${url} answered is no certificate`);
      return pem;
    },
  });
  const certificate = readCertificate(text ?? '');
  if (certificate === undefined) throw new KeyUnavailable(`what ${url} answered is no certificate`);
  const { spki, notBeforeMs, notAfterMs } = certificate;
  if (context.nowMs < notBeforeMs || context.nowMs > notAfterMs)
    return refuse('unknown-key', 'the certificate that signed it is not valid now');
  return spki;
}

/** The keys of a set that `accepts` takes. The set is read anew, at most once a minute, when it holds none. */
export async function keysOfSet(
  context: SchemeContext,
  url: string,
  accepts: (key: JsonWebKey) => boolean,
): Promise<readonly JsonWebKey[]> {
  const known = parseSet(await readKeyText(context, url)).filter(accepts);
  if (known.length > 0 || !mayAskAgain(context, url)) return known;
  return parseSet(await readKeyText(context, url, { fresh: true })).filter(accepts);
}

type WantedKey = {
  readonly address: string;
  readonly id: string;
  /** How often in a minute ids that are not known are asked for. */
  readonly timesMax?: number;
  read(): Promise<string | undefined>;
};

/**
 * A key that the provider gives out by its id: kept for a day once it is known, and then asked for anew whatever strangers
 * ask for. Rejects with `KeyUnavailable` while ids that are not known were asked for too often under that address.
 */
export async function keyById(context: SchemeContext, wanted: WantedKey): Promise<string | undefined> {
  const name = `${wanted.address} ${wanted.id}`;
  const keys = mapOf(keptBy, context.fetchText);
  const known = keys.get(name);
  if (known !== undefined && known.untilMs > context.nowMs) return known.key;
  const readings = mapOf(readingBy, context.fetchText);
  // Requests that come together ask once.
  const asked = readings.get(name);
  if (asked !== undefined) return asked;
  if (known === undefined && !mayAskAgain(context, wanted.address, wanted.timesMax ?? idsAskedMax))
    throw new KeyUnavailable('keys that are not known were asked for too often: later again');
  const reading = wanted.read().finally(() => readings.delete(name));
  readings.set(name, reading);
  const key = await reading;
  if (key === undefined) keys.delete(name);
  else keep(keys, name, { untilMs: context.nowMs + keptMs, key }, keysMax);
  return key;
}

function mapOf<Value>(
  maps: WeakMap<FetchText, Map<string, Value>>,
  fetchText: FetchText,
): Map<string, Value> {
  const known = maps.get(fetchText);
  if (known !== undefined) return known;
  const none = new Map<string, Value>();
  maps.set(fetchText, none);
  return none;
}

function mayAskAgain({ fetchText, nowMs }: SchemeContext, name: string, timesMax = setsAskedMax): boolean {
  const asked = mapOf(askedBy, fetchText);
  const last = asked.get(name);
  const isOver = last === undefined || nowMs - last.sinceMs >= coolDownMs || nowMs < last.sinceMs;
  if (!isOver && last.times >= timesMax) return false;
  keep(asked, name, isOver ? { sinceMs: nowMs, times: 1 } : { ...last, times: last.times + 1 }, addressesMax);
  return true;
}

function keep<Value>(map: Map<string, Value>, name: string, value: Value, sizeMax: number): void {
  map.delete(name);
  map.set(name, value);
  const [oldest] = map.keys();
  if (map.size > sizeMax && oldest !== undefined) map.delete(oldest);
}

/** Rejects with `KeyUnavailable`. */
async function readKeyText(
  { fetchText }: SchemeContext,
  url: string,
  options?: FetchOptions,
): Promise<string> {
  try {
    return await fetchText(url, options);
  } catch (cause) {
    const why = cause instanceof Error ? cause.message.slice(0, detailMaxChars) : 'unknown';
    throw new KeyUnavailable(`the provider's key could not be read: ${why}`, { cause });
  }
}

function parseSet(text: string): readonly JsonWebKey[] {
  const set = parsed(text) as { keys?: unknown } | null | undefined;
  if (!Array.isArray(set?.keys)) throw new KeyUnavailable('what the provider published is no key set');
  return set.keys.slice(0, keysMax).filter((key) => typeof key === 'object' && key !== null) as JsonWebKey[];
}

/** JSON that a provider published. Rejects with `KeyUnavailable` when it is none. */
export async function readKeyJson(
  context: SchemeContext,
  url: string,
  options?: FetchOptions,
): Promise<unknown> {
  const value = parsed(await readKeyText(context, url, options));
  if (value === undefined) throw new KeyUnavailable(`what ${url} answered is no JSON`);
  return value;
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return undefined;
  }
}
