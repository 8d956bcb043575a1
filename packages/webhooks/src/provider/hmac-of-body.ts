// The scheme of most providers: an HMAC of the raw body, in one header.
import type { Location } from './location.ts';
import type { HmacAlgorithm, KeyForm, SignatureScheme, TextEncodingName } from './provider.ts';

/** SHA-256 with the secret's text, unless said otherwise. A body that is signed without a time proves no age. */
export function hmacOfBody(scheme: {
  /** Lower-case. */
  readonly header: string;
  readonly encoding: TextEncodingName;
  readonly prefix?: string;
  readonly separator?: string;
  readonly algorithm?: HmacAlgorithm;
  readonly key?: KeyForm;
  readonly when?: readonly Location[];
}): SignatureScheme {
  const { header, encoding, prefix, separator, algorithm = 'hmac-sha256', key = 'text', when } = scheme;
  return {
    kind: 'signature',
    ...(when === undefined ? {} : { when }),
    algorithm,
    key,
    signature: {
      at: `header:${header}`,
      ...(prefix === undefined ? {} : { prefix }),
      ...(separator === undefined ? {} : { separator }),
      encoding,
    },
    content: '{body}',
  };
}
