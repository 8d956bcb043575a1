// The URLs that the provider may have signed, when a proxy between it and us has changed scheme, host or path.
import type { Provider } from '../provider.ts';
import { ProviderRequest } from '../request.ts';
import type { ReceivedRequest } from '../request.ts';

export type UrlVariant = { readonly url: string; readonly advice: string };

type Part = { readonly text: string; readonly what?: string };
const urlParts = /^([a-z][a-z0-9+.-]*):\/\/([^/?#]*)([^?#]*)(\?[^#]*)?/i;
const urlMaxChars = 8_192;

/** The likeliest first; none for providers that do not sign the URL. */
export function* urlVariants(provider: Provider, received: ReceivedRequest): Generator<UrlVariant> {
  const { url } = received;
  const [, scheme, authority, path, query = ''] = urlParts.exec((url ?? '').slice(0, urlMaxChars)) ?? [];
  if (scheme === undefined || authority === undefined || path === undefined || !signsUrl(provider)) return;
  const seen = new Set([url]);
  for (const parts of combinations([
    schemesFor(scheme),
    authoritiesFor(authority, new ProviderRequest(received, new Uint8Array())),
    pathsFor(path),
  ])) {
    const [variantScheme = '', ...rest] = parts.map(({ text }) => text);
    const variant = `${variantScheme}://${rest.join('')}${query}`;
    if (seen.has(variant)) continue;
    seen.add(variant);
    yield { url: variant, advice: adviceFor(parts) };
  }
  const bare = `${scheme}://${authority}${path}`;
  if (query !== '') yield { url: bare, advice: adviceFor([{ text: '', what: 'its query (none)' }]) };
}

function adviceFor(parts: readonly Part[]): string {
  const differences = parts.flatMap(({ what }) => (what === undefined ? [] : [what]));
  return `the URL that was signed differs in ${differences.join(' and ')}: pass the URL exactly as the provider has it (behind a proxy the public one)`;
}

/** Functions do not say what they sign. */
function signsUrl({ schemes }: Provider): boolean {
  return schemes.some(
    (scheme) =>
      scheme.kind === 'custom' ||
      (scheme.kind === 'signature' &&
        (typeof scheme.content !== 'string' || /\{(?:url|path|query:[^}]*)\}/.test(scheme.content))),
  );
}

function schemesFor(scheme: string): readonly Part[] {
  const other = scheme.toLowerCase() === 'https' ? 'http' : 'https';
  return [{ text: scheme }, { text: other, what: `its scheme (${other})` }];
}

function authoritiesFor(authority: string, request: ProviderRequest): readonly Part[] {
  const [, bare = authority] = /^(.*?):\d+$/.exec(authority) ?? [];
  const named = (['x-forwarded-host', 'host'] as const).flatMap((name) => {
    const value = request.header(name)?.split(',', 1)[0]?.trim() ?? '';
    return /^[^\s/?#@]+$/.test(value) ? [{ text: value, what: `its host (that of the header ${name})` }] : [];
  });
  return [
    { text: authority },
    ...(bare === authority ? [] : [{ text: bare, what: 'its port (none)' }]),
    ...named,
    { text: `${bare}:443`, what: 'its port (443)' },
    { text: `${bare}:80`, what: 'its port (80)' },
  ];
}

function pathsFor(path: string): readonly Part[] {
  const toggled = path.endsWith('/') ? path.slice(0, -1) : `${path}/`;
  return [{ text: path }, { text: toggled, what: 'the slash at the end of its path' }];
}

/** One of each list, the first list slowest: at most 2 * 6 * 2. */
function* combinations(lists: readonly (readonly Part[])[]): Generator<readonly Part[]> {
  const [first, ...others] = lists;
  if (first === undefined) {
    yield [];
    return;
  }
  for (const part of first) {
    for (const rest of combinations(others)) yield [part, ...rest];
  }
}
