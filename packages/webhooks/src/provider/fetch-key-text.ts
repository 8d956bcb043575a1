// Reads public keys that a provider publishes: bounded, without redirects, and kept for a while.
import type { FetchOptions } from './provider.ts';

const timeoutMs = 5_000;
const bytesMax = 64 * 1024;
const keptMs = 5 * 60 * 1_000;
const keptMax = 64;
const kept = new Map<string, { readonly untilMs: number; readonly text: Promise<string> }>();

/** Says why a provider's key could not be read; it is worth another try later. */
export class KeyUnavailable extends Error {
  override readonly name = 'KeyUnavailable';
}

/** Rejects with an `Error` that says why: not https, not 200, too large, too slow. A failure is not kept. */
export function fetchKeyText(url: string, { fresh = false, json }: FetchOptions = {}): Promise<string> {
  const nowMs = Date.now();
  const name = json === undefined ? url : `${url} ${json}`;
  const known = kept.get(name);
  if (!fresh && known !== undefined && known.untilMs > nowMs) return known.text;
  const text = readText(url, json);
  kept.delete(name);
  kept.set(name, { untilMs: nowMs + keptMs, text });
  const [oldest] = kept.keys();
  if (kept.size > keptMax && oldest !== undefined) kept.delete(oldest);
  text.catch(() => {
    if (kept.get(name)?.text === text) kept.delete(name);
  });
  return text;
}

async function readText(url: string, json: string | undefined): Promise<string> {
  if (!url.startsWith('https://')) throw new Error('public keys are read over https only');
  const response = await fetch(url, {
    redirect: 'error',
    signal: AbortSignal.timeout(timeoutMs),
    ...(json === undefined
      ? {}
      : { method: 'POST', headers: { 'content-type': 'application/json' }, body: json }),
  });
  if (response.status !== 200 || response.body === null)
    throw new Error(`${url} answered ${response.status}`);
  const decoder = new TextDecoder();
  let text = '';
  const reader = response.body.getReader();
  for (let read = await reader.read(); !read.done; read = await reader.read()) {
    text += decoder.decode(read.value, { stream: true });
    if (text.length > bytesMax) {
      await reader.cancel();
      throw new Error(`${url} is larger than ${bytesMax} bytes`);
    }
  }
  return text + decoder.decode();
}
