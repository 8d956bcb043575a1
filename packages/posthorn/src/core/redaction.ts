// Keeps credentials out of what is stored and shown of a request: signatures stay, what anybody could use again does not.
import type { HeaderValues } from './inbound.ts';

const credentialName =
  /^(?:proxy-)?authorization$|cookie|token|secret|passw|credential|api-?key|^(?:auth|key|sig)$/i;
const redacted = '***';

/** Whether a header, or a parameter, of this name holds a credential. */
export const isCredentialName = (name: string): boolean => credentialName.test(name);

/** What was taken out: the headers with their values, and the query as it was when something in it was. */
export interface Hidden {
  headers: HeaderValues;
  query?: string;
}

export interface Redacted {
  headers: HeaderValues;
  query: string;
  /** Undefined when there was nothing to hide. */
  hidden: Hidden | undefined;
}

/** `places`: further ones that the provider sends its secret in, as `header:x-token` or `query:key`. */
export function redact(
  { headers, query }: { headers: HeaderValues; query: string },
  places: readonly string[],
): Redacted {
  const isHidden = (source: string, name: string) =>
    places.includes(`${source}:${name}`) || isCredentialName(name);
  const entries = Object.entries(headers);
  const hiddenHeaders = entries.filter(([name]) => isHidden('header', name));
  const shownQuery = query.replaceAll(/([^?&=]+)=([^&]*)/g, (pair, name: string) =>
    isHidden('query', name) ? `${name}=${redacted}` : pair,
  );
  const hides = hiddenHeaders.length > 0 || shownQuery !== query;
  return {
    headers: Object.fromEntries(
      entries.map(([name, values]) => [name, isHidden('header', name) ? values.map(() => redacted) : values]),
    ),
    query: shownQuery,
    hidden: hides
      ? { headers: Object.fromEntries(hiddenHeaders), ...(shownQuery === query ? {} : { query }) }
      : undefined,
  };
}

/** The request as it came. */
export function unredact(
  { headers, query }: { headers: HeaderValues; query: string },
  hidden: Hidden | undefined,
): { headers: HeaderValues; query: string } {
  if (hidden === undefined) return { headers, query };
  return { headers: { ...headers, ...hidden.headers }, query: hidden.query ?? query };
}
