// Signs a request or response (RFC 9421), with a Content-Digest (RFC 9530) where that is covered.
import { signatureBase } from './components.ts';
import type { HttpMessage } from './components.ts';
import { contentDigest } from './content-digest.ts';
import { signBytes } from './signature-keys.ts';
import type { MessageKey } from './signature-keys.ts';
import { serializeDictionary } from './structured-fields.ts';
import type { BareItem, InnerList, Item } from './structured-fields.ts';

/** A header's name or a derived component such as `@method`; with parameters as `{ name, parameters }`. */
export type Component =
  | string
  | { readonly name: string; readonly parameters: Readonly<Record<string, string | true>> };

export type SignMessageOptions = {
  readonly key: MessageKey;
  /** What is covered, in this order. `content-digest` is made of the body when the headers lack it. */
  readonly components: readonly Component[];
  /** Unix seconds. */
  readonly created: number;
  readonly expires?: number;
  readonly keyid?: string;
  readonly nonce?: string;
  /** What the signature is for; keeps it from being used for something else. */
  readonly tag?: string;
  /** Says the key's algorithm in the message (default: false, the verifier knows it). */
  readonly withAlgorithm?: boolean;
  readonly label?: string;
};

/** The headers to add, in lower case. Rejects with `TypeError` or `ComponentError` for what cannot be signed. */
export async function signMessage(
  message: HttpMessage,
  options: SignMessageOptions,
): Promise<Readonly<Record<string, string>>> {
  const added = await digestHeader(message, options.components);
  const covered = coveredBy(options);
  const base = signatureBase({ ...message, headers: withHeaders(message, added) }, covered);
  const value = await signBytes(options.key, Uint8Array.from(new TextEncoder().encode(base)));
  const label = options.label ?? 'sig1';
  const signature: Item = { item: { type: 'bytes', value }, parameters: new Map() };
  return {
    ...added,
    'signature-input': serializeDictionary(new Map([[label, covered]])),
    signature: serializeDictionary(new Map([[label, signature]])),
  };
}

async function digestHeader(
  { headers, body }: HttpMessage,
  components: readonly Component[],
): Promise<Record<string, string>> {
  const names = components.map((each) => (typeof each === 'string' ? each : each.name).toLowerCase());
  const isCovered = names.includes('content-digest');
  if (!isCovered || body === undefined || headerOf(headers, 'content-digest') !== undefined) return {};
  return { 'content-digest': await contentDigest(body) };
}

function headerOf(headers: HttpMessage['headers'], wanted: string): unknown {
  if (typeof headers.get === 'function') return headers.get(wanted) ?? undefined;
  return Object.entries(headers).find(([name]) => name.toLowerCase() === wanted)?.[1];
}

function withHeaders({ headers }: HttpMessage, added: Record<string, string>): HttpMessage['headers'] {
  if (typeof headers.get !== 'function') return { ...headers, ...added };
  const { get } = headers;
  return { get: (name: string) => added[name.toLowerCase()] ?? get.call(headers, name) };
}

function coveredBy({ key, components, withAlgorithm = false, ...options }: SignMessageOptions): InnerList {
  const parameters = new Map<string, BareItem>([['created', { type: 'integer', value: options.created }]]);
  if (options.expires !== undefined) parameters.set('expires', { type: 'integer', value: options.expires });
  const texts = {
    keyid: options.keyid,
    alg: withAlgorithm ? key.algorithm : undefined,
    nonce: options.nonce,
  };
  for (const [name, value] of Object.entries({ ...texts, tag: options.tag })) {
    if (value !== undefined) parameters.set(name, { type: 'string', value });
  }
  return { items: components.map(itemOf), parameters };
}

function itemOf(component: Component): Item {
  const { name, parameters } =
    typeof component === 'string' ? { name: component, parameters: {} } : component;
  const entries = Object.entries(parameters).map(([key, value]): [string, BareItem] => [
    key,
    value === true ? { type: 'boolean', value } : { type: 'string', value },
  ]);
  return { item: { type: 'string', value: name.toLowerCase() }, parameters: new Map(entries) };
}
