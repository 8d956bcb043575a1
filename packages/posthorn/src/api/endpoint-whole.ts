// What no field of an endpoint can be wrong about alone: asked of the endpoint as a change would leave it, before its commit.
import { type EndpointKinds, httpKind } from '../core/endpoint-kind.ts';
import type { EndpointRow } from '../store/endpoints.ts';
import { invalid, invalidField } from './problems.ts';

type Whole = Pick<EndpointRow, 'kind' | 'url' | 'signature_style' | 'signature_headers' | 'auth_shown'>;

/** `openHeaders` gives its custom headers, when they matter. Throws 422. */
export function checkWhole(
  endpoint: Whole,
  kinds: EndpointKinds,
  openHeaders: () => Readonly<Record<string, string>>,
): void {
  const { kind, url, signature_style, signature_headers, auth_shown } = endpoint;
  if (kind !== httpKind) checkOther(kind, kinds, { auth: auth_shown !== null, headers: openHeaders() });
  if (signature_style === 'custom' && signature_headers === null) {
    throw invalidField('signatureHeaders', 'is required with signatureStyle custom');
  }
  if (auth_shown?.type === 'mtls' && !url.startsWith('https:')) {
    throw invalidField('auth', 'a certificate is shown over https only; give a url that begins with https');
  }
  const taken = new Map(
    Object.values(signature_headers ?? {}).map((name) => [name.toLowerCase(), 'signatureHeaders']),
  );
  if (auth_shown !== null && auth_shown.type !== 'mtls') taken.set('authorization', 'auth');
  const headers = taken.size > 0 ? openHeaders() : {};
  for (const name of Object.keys(headers)) {
    const by = taken.get(name.toLowerCase());
    if (by === undefined) continue;
    const msg = `is set by ${by} too; remove one of them`;
    throw invalid([{ loc: ['body', 'headers', name], msg, type: 'value_error' }]);
  }
}

/** What other kinds than `http` have no use for. */
function checkOther(
  kind: string,
  kinds: EndpointKinds,
  { auth, headers }: { auth: boolean; headers: Readonly<Record<string, string>> },
): void {
  if (auth && kinds.get(kind)?.takesAuth !== true) {
    throw invalidField('auth', `does not belong to kind ${kind}: its credentials are part of config`);
  }
  if (Object.keys(headers).length > 0) {
    throw invalidField('headers', `do not belong to kind ${kind}: remove them, or give them in config`);
  }
}
