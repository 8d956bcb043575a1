// Who else may have sent the request: the provider with its older signature, or another provider.
import { isHmac } from '../keys.ts';
import type { Location } from '../location.ts';
import type { Provider, Scheme, SignatureScheme } from '../provider.ts';
import { ProviderRequest, split } from '../request.ts';
import type { ReceivedRequest } from '../request.ts';

export type SenderVariant = { readonly provider: Provider; readonly header: string };

// Rows whose headers are there and that are tried with the secrets at hand.
const rowsTriedMax = 16;
// A header that more rows than this use says nothing about the sender.
const rowsSharingMax = 3;

/** The row, reading HMAC-SHA1 where it reads a longer one, under the names that such headers go by. */
export function* sha1Variants(provider: Provider): Generator<SenderVariant> {
  for (const scheme of provider.schemes) {
    if (scheme.kind !== 'signature' || !isHmac(scheme.algorithm) || scheme.algorithm === 'hmac-sha1')
      continue;
    const { at, prefix } = scheme.signature;
    const prefixes = prefix === undefined ? [undefined] : [prefix.replace('256', '1'), undefined];
    for (const header of headersOf(at).flatMap(sha1NamesOf)) {
      for (const each of prefixes)
        yield { provider: { ...provider, schemes: [withSha1(scheme, header, each)] }, header };
    }
  }
}

function sha1NamesOf(header: string): readonly string[] {
  return [
    ...new Set([header, header.replace(/-?(?:hmac-?)?(?:sha-?)?256$/, ''), header.replace('256', '1')]),
  ];
}

function withSha1(scheme: SignatureScheme, header: string, prefix = ''): SignatureScheme {
  const signature = { ...scheme.signature, at: `header:${header}`, prefix } as const;
  return { ...scheme, when: [], algorithm: 'hmac-sha1', signature };
}

/** Rows of other providers whose signature or token stands in the request. Rows that verify nothing are left out. */
export function presentOthers(
  provider: Provider,
  received: ReceivedRequest,
  others: readonly Provider[],
): readonly SenderVariant[] {
  const request = new ProviderRequest(received, new Uint8Array());
  const found: SenderVariant[] = [];
  for (const other of others) {
    if (other.name === provider.name) continue;
    const header = other.schemes.flatMap(proofHeaders).find((name) => request.header(name) !== undefined);
    if (header !== undefined) found.push({ provider: other, header });
  }
  return found;
}

export function tried(present: readonly SenderVariant[]): readonly SenderVariant[] {
  return present.slice(0, rowsTriedMax);
}

/** Of those whose header hardly anybody else uses: who the request looks to be from, without proof. */
export function lookAlikes(
  provider: Provider,
  present: readonly SenderVariant[],
): { readonly titles: readonly string[]; readonly header: string } | undefined {
  const own = new Set(provider.schemes.flatMap(proofHeaders));
  const foreign = present.filter(({ header }) => !own.has(header) && header !== 'authorization');
  const [first] = foreign;
  const sharing = foreign.filter(({ header }) => header === first?.header);
  if (first === undefined || sharing.length > rowsSharingMax) return undefined;
  return { titles: sharing.map((each) => each.provider.title), header: first.header };
}

/** The headers that a scheme's proof stands in. */
function proofHeaders(scheme: Scheme): readonly string[] {
  switch (scheme.kind) {
    case 'signature':
      return headersOf(scheme.signature.at);
    case 'token':
      return headersOf(scheme.at);
    case 'custom':
      return headersOf(scheme.when ?? []);
    case 'unsigned':
      return [];
    default:
      return scheme satisfies never;
  }
}

function headersOf(places: Location | readonly Location[]): readonly string[] {
  return (typeof places === 'string' ? [places] : places)
    .map(split)
    .flatMap(({ source, rest }) => (source === 'header' ? [rest] : []));
}
