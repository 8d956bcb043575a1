// Public keys of providers, kept for a while: a provider's requests come by the thousand, and its keys change by the month.
import type { FetchText } from '@posthorn/webhooks/provider';
import { BoundedMap } from '../lib/bounded-map.ts';
import type { Clock } from '../lib/clock.ts';

const keptForMs = 5 * 60 * 1000;
// Who asks for fresh ones may have been sent a key that nobody has: no more often than this.
const freshAfterMs = 10_000;
const keptMax = 64;

/** A failure is not kept. */
export function keepingTexts(fetchText: FetchText, clock: Clock): FetchText {
  const kept = new BoundedMap<string, { text: Promise<string>; atMs: number }>(keptMax);
  return (url, options = {}) => {
    const nowMs = clock.monotonicMs();
    const name = options.json === undefined ? url : `${url} ${options.json}`;
    const known = kept.get(name);
    if (known && nowMs - known.atMs < (options.fresh === true ? freshAfterMs : keptForMs)) return known.text;
    const text = fetchText(url, options);
    kept.set(name, { text, atMs: nowMs });
    text.catch(() => kept.delete(name));
    return text;
  };
}
