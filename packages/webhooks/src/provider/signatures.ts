// Reads the signatures out of a request: bounded, and before any key is used.
import { refuse } from '../verdict.ts';
import type { Refusal } from '../verdict.ts';
import { decodeText } from './encoding.ts';
import type { Location } from './location.ts';
import type { SignatureField } from './provider.ts';
import { type ProviderRequest, split } from './request.ts';

type Bytes = Uint8Array<ArrayBuffer>;

/** `pairs` holds the other keys of the signature's own header, such as its time. */
export type ReadSignatures = {
  readonly ok: true;
  readonly signatures: readonly Bytes[];
  readonly pairs: ReadonlyMap<string, string>;
};

const itemsMax = 128;
const valueMaxChars = 4_096;
const noPairs: ReadonlyMap<string, string> = new Map();

export function readSignatures(request: ProviderRequest, field: SignatureField): ReadSignatures | Refusal {
  const [first = ''] = typeof field.at === 'string' ? [field.at] : field.at;
  const values =
    typeof field.at === 'string'
      ? valuesAt(request, field.at)
      : field.at.flatMap((place) => valuesAt(request, place));
  if (values.length === 0) return refuse('missing-header', `${nameOf(first)} is missing`);
  if (values.some((value) => value.length > valueMaxChars))
    return malformed(first, `is longer than ${valueMaxChars} characters`);
  const items = values.flatMap((value) => itemsOf(value, field.separator));
  if (items.length > itemsMax) return malformed(first, `holds more than ${itemsMax} items`);
  return field.pairs === undefined
    ? bareSignatures(items, field, first)
    : pairedSignatures(items, field, first);
}

function itemsOf(value: string, separator: SignatureField['separator']): readonly string[] {
  if (separator === undefined || typeof separator === 'string') {
    return (separator === undefined ? [value] : value.split(separator)).map((item) => item.trim());
  }
  // A blank that parts items may also stand beside a comma that does.
  const parts = separator.reduce((items, each) => items.flatMap((item) => item.split(each)), [value]);
  return parts.map((item) => item.trim()).filter((item) => item !== '');
}

function bareSignatures(
  items: readonly string[],
  field: SignatureField,
  place: Location | '',
): ReadSignatures | Refusal {
  const { prefix = '', encoding, leading = [] } = field;
  const pairs =
    leading.length === 0 ? noPairs : new Map(leading.map((name, index) => [name, items[index] ?? '']));
  const candidates = items
    .slice(leading.length)
    .filter((item) => item.startsWith(prefix))
    .map((item) => item.slice(prefix.length));
  if (candidates.length === 0) {
    return malformed(place, prefix === '' ? 'holds no signature' : `does not start with ${prefix}`);
  }
  const signatures = decodable(candidates, field);
  if (signatures.length === 0) return malformed(place, `is not ${encoding}`);
  return { ok: true, signatures, pairs };
}

function pairedSignatures(
  items: readonly string[],
  field: SignatureField,
  place: Location | '',
): ReadSignatures | Refusal {
  const { separator = '=', take = '' } = field.pairs ?? {};
  const pairs = new Map<string, string>();
  const candidates: string[] = [];
  for (const item of items) {
    const mark = item.indexOf(separator);
    if (mark <= 0) return malformed(place, `is not a list of key${separator}value`);
    const [key, value] = [item.slice(0, mark), item.slice(mark + separator.length).trim()];
    if (key === take) candidates.push(value);
    // A second time must not stand in for the one that was signed first.
    else if (!pairs.has(key)) pairs.set(key, value);
  }
  if (candidates.length === 0) return malformed(place, `holds no ${take}`);
  const signatures = decodable(candidates, field);
  if (signatures.length === 0) return malformed(place, `holds no ${take} in ${field.encoding}`);
  return { ok: true, signatures, pairs };
}

function decodable(candidates: readonly string[], { prefix = '', encoding, pairs }: SignatureField): Bytes[] {
  return candidates.flatMap((text) => {
    const bare = pairs !== undefined && text.startsWith(prefix) ? text.slice(prefix.length) : text;
    const bytes = decodeText(bare, encoding);
    return bytes === undefined || bytes.length === 0 ? [] : [bytes];
  });
}

function valuesAt(request: ProviderRequest, place: Location): readonly string[] {
  const { source, rest } = split(place);
  const values = source === 'header' ? request.headerValues(rest) : [request.value(place) ?? ''];
  return values.filter((value) => value !== '');
}

export function nameOf(place: Location | ''): string {
  const { source, rest } = place === '' ? { source: 'header', rest: 'the signature' } : split(place);
  return source === 'header' ? rest : `${rest} (${source})`;
}

function malformed(place: Location | '', what: string): Refusal {
  return refuse('malformed-header', `${nameOf(place)} ${what}`);
}
