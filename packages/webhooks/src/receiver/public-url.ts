// The URL that the provider called, which some sign: behind a proxy it is not the one that arrives.
import type { IncomingRequest } from './incoming.ts';

export type UrlOptions = {
  /** Origin of the URL at the provider, with the part of the path that a proxy takes off: `https://example.com/hooks`. */
  readonly publicUrl?: string | undefined;
  /** Believes `x-forwarded-proto` and `x-forwarded-host`. Only behind a proxy that sets both. */
  readonly trustForwarded?: boolean | undefined;
};

// Path and query stay as they were written: a signature is over these very characters.
const urlParts = /^([a-z][a-z0-9+.-]*):\/\/([^/?#]*)(.*)$/is;

export function publicUrlOf(request: IncomingRequest, { publicUrl, trustForwarded }: UrlOptions): string {
  const [, scheme = 'http', host = 'localhost', rest = '/'] = urlParts.exec(request.url) ?? [];
  if (publicUrl !== undefined) return publicUrl.replace(/\/$/, '') + rest;
  if (trustForwarded !== true) return request.url;
  const [seenScheme, seenHost] = [first(request, 'x-forwarded-proto'), first(request, 'x-forwarded-host')];
  return `${seenScheme ?? scheme}://${seenHost ?? host}${rest}`;
}

/** Each proxy on the way adds one; the first is what the provider called. */
function first(request: IncomingRequest, name: string): string | undefined {
  return request.headers.get(name)?.split(',')[0]?.trim() || undefined;
}
