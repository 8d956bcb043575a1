// Reads public keys that a provider publishes: bounded, without redirects, and kept for a while.

const timeoutMs = 5_000;
const bytesMax = 64 * 1024;
const keptMs = 5 * 60 * 1_000;
const keptMax = 64;
const kept = new Map<string, { readonly untilMs: number; readonly text: Promise<string> }>();

/** Rejects with an `Error` that says why: not https, not 200, too large, too slow. A failure is not kept. */
export function fetchKeyText(url: string): Promise<string> {
  const nowMs = Date.now();
  const known = kept.get(url);
  if (known !== undefined && known.untilMs > nowMs) return known.text;
  const text = readText(url);
  kept.delete(url);
  kept.set(url, { untilMs: nowMs + keptMs, text });
  const [oldest] = kept.keys();
  if (kept.size > keptMax && oldest !== undefined) kept.delete(oldest);
  text.catch(() => kept.delete(url));
  return text;
}

async function readText(url: string): Promise<string> {
  if (!url.startsWith('https://')) throw new Error('public keys are read over https only');
  const response = await fetch(url, { redirect: 'error', signal: AbortSignal.timeout(timeoutMs) });
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
