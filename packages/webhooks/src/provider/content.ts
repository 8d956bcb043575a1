// The bytes that a signature covers, made from a row's template or function and the request.
import { KeyError } from './keys.ts';
import type { Location } from './location.ts';
import type { ContentValues, SignatureScheme } from './provider.ts';
import type { ProviderRequest } from './request.ts';

type Bytes = Uint8Array<ArrayBuffer>;
type Part = { readonly text: string } | { readonly name: string };

const encoder = new TextEncoder();
const placeholder = /\{([a-z]+(?::[^{}]+)?)\}/;
const partsOf = new Map<string, readonly Part[]>();

/** Names what the request lacks. */
export class MissingContent extends Error {
  override readonly name = 'MissingContent';
  readonly part: string;
  constructor(part: string) {
    super(`${part} is missing`);
    this.part = part;
  }
}

/**
 * What may have been signed, the likeliest first; a promise only where a function makes it. Throws or rejects with
 * `MissingContent` for a part that is not there.
 */
export function contentsOf(
  { content }: SignatureScheme,
  request: ProviderRequest,
  values: ContentValues,
): readonly Bytes[] | Promise<readonly Bytes[]> {
  if (typeof content === 'string') return [fromTemplate(content, request, values)];
  const made = content(request, values);
  return 'then' in made ? made.then((texts) => texts.map(encoded)) : made.map(encoded);
}

function fromTemplate(template: string, request: ProviderRequest, values: ContentValues): Bytes {
  const chunks = templateParts(template).map((part) =>
    'text' in part ? encoded(part.text) : bytesOf(part.name, request, values),
  );
  // Most sign the body alone: it is not copied.
  const [only, ...others] = chunks;
  if (only !== undefined && others.length === 0) return only;
  return joined(chunks);
}

/** A template in pieces; what stands between braces is a name. */
function templateParts(template: string): readonly Part[] {
  const known = partsOf.get(template);
  if (known !== undefined) return known;
  const parts = template
    .split(placeholder)
    .map((text, index): Part => (index % 2 === 0 ? { text } : { name: text }))
    .filter((part) => !('text' in part) || part.text !== '');
  partsOf.set(template, parts);
  return parts;
}

function bytesOf(name: string, request: ProviderRequest, values: ContentValues): Bytes {
  if (name === 'body') return request.body;
  const text = textOf(name, request, values);
  if (text === undefined) throw new MissingContent(name);
  return encoded(text);
}

function encoded(text: string): Bytes {
  return Uint8Array.from(encoder.encode(text));
}

function textOf(name: string, request: ProviderRequest, values: ContentValues): string | undefined {
  switch (name) {
    case 'timestamp':
      return values.timestamp;
    case 'id':
      return values.id;
    case 'secret':
      return values.secret;
    case 'url':
      return request.url;
    case 'method':
      return request.method;
    case 'path':
      return request.url === undefined ? undefined : pathOf(request.url);
    default:
      if (!name.includes(':')) throw new KeyError(`the row's content has no part {${name}}`);
      return values.valueOf(name as Location);
  }
}

/** Path and query, as they are written. */
export function pathOf(url: string): string {
  const path = url.replace(/^[a-z][a-z0-9+.-]*:\/\/[^/?#]*/i, '').split('#', 1)[0] ?? '';
  return path.startsWith('/') ? path : `/${path}`;
}

function joined(chunks: readonly Bytes[]): Bytes {
  const whole = new Uint8Array(chunks.reduce((sum, chunk) => sum + chunk.length, 0));
  let offset = 0;
  for (const chunk of chunks) {
    whole.set(chunk, offset);
    offset += chunk.length;
  }
  return whole;
}
