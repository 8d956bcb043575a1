// Public keys of providers, kept for a while: a provider's requests come by the thousand, and its keys change by the month.
import { BoundedMap } from '../lib/bounded-map.ts';
import type { Clock } from '../lib/clock.ts';
import type { FetchText } from './open-source.ts';

const keptForMs = 5 * 60 * 1000;
const keptMax = 64;

/** A failure is not kept. */
export function keepingTexts(fetchText: FetchText, clock: Clock): FetchText {
  const kept = new BoundedMap<string, { text: Promise<string>; untilMs: number }>(keptMax);
  return (url) => {
    const nowMs = clock.monotonicMs();
    const known = kept.get(url);
    if (known && known.untilMs > nowMs) return known.text;
    const text = fetchText(url);
    kept.set(url, { text, untilMs: nowMs + keptForMs });
    text.catch(() => kept.delete(url));
    return text;
  };
}
