// A provider's request as verification reads it: exact bytes, and values by location, each parsed once and only when asked.
import type { RequestHeaders } from '../signature-headers.ts';
import { parseJson } from './bounded-json.ts';
import { multipartField } from './multipart.ts';
import type { Location } from './location.ts';

/** What is read of a provider's request. Without `url` and `method`, schemes that sign them answer `missing-context`. */
export type ReceivedRequest = {
  readonly headers: RequestHeaders;
  /** The body as received: bytes, or text that was decoded from UTF-8. Never a parsed object. */
  readonly body: Uint8Array | ArrayBuffer | string;
  readonly method?: string;
  /** The absolute URL that the provider called: behind a proxy, the public one. */
  readonly url?: string;
};

const valueMaxChars = 8_192;
const valuesMax = 128;
// Steps of a body path; more is a mistake in a row.
const stepsMax = 12;
// No provider sends a tenth of it; a body of nothing but `&` would cost seconds.
const formFieldsMax = 2_000;
const urlencoded = /^application\/x-www-form-urlencoded\b/i;
const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

export class ProviderRequest {
  readonly method: string | undefined;
  readonly url: string | undefined;
  readonly body: Uint8Array<ArrayBuffer>;
  readonly #headers: RequestHeaders;
  readonly #jsonField: string | undefined;
  readonly #jsonValuesMax: number;
  readonly #byName = new Map<string, readonly string[]>();
  #text: { value: string | undefined } | undefined;
  #json: { value: unknown } | undefined;
  #form: URLSearchParams | undefined;
  #query: URLSearchParams | undefined;

  /** `jsonField` as in `Provider`. JSON with more than `jsonValuesMax` values throws `TooManyValues` when it is read. */
  constructor(
    request: Omit<ReceivedRequest, 'body'>,
    body: Uint8Array<ArrayBuffer>,
    { jsonField, jsonValuesMax = Infinity }: { jsonField?: string | undefined; jsonValuesMax?: number } = {},
  ) {
    this.method = request.method?.toUpperCase();
    this.url = request.url;
    this.body = body;
    // Of callers without types: what is missing is said in the verdict.
    const given: Partial<Pick<ReceivedRequest, 'headers'>> = request;
    this.#headers = given.headers ?? {};
    this.#jsonField = jsonField;
    this.#jsonValuesMax = jsonValuesMax;
  }

  /**
   * Every value of a header, in the order of arrival. A header with a value of more than 8 KiB, or with more than 128 values,
   * has none: a part of it must not stand for the whole.
   */
  headerValues(name: string): readonly string[] {
    if (isGetter(this.#headers)) {
      // A `Map`, and what is made like one, gives undefined for what is not there.
      const value: unknown = this.#headers.get(name);
      return typeof value !== 'string' || value.length > valueMaxChars ? [] : [value];
    }
    const known = this.#byName.get(name);
    if (known !== undefined) return known;
    const values = valuesIn(this.#headers, name);
    this.#byName.set(name, values);
    return values;
  }

  /** A header that came several times, as Fetch joins it: none of its values stands for the others. */
  header(name: string): string | undefined {
    const values = this.headerValues(name);
    if (values.length < 2) return values[0];
    const joined = values.join(', ');
    return joined.length > valueMaxChars ? undefined : joined;
  }

  /** The body as text; undefined when it is not UTF-8. */
  text(): string | undefined {
    this.#text ??= { value: decoded(this.body) };
    return this.#text.value;
  }

  /** The body, or the field of a form that holds it, as JSON; undefined when it is none. */
  json(): unknown {
    this.#json ??= { value: this.parsedJson(this.#jsonText() ?? this.text()) };
    return this.#json.value;
  }

  /** A text of the request as JSON; undefined when it is none. */
  parsedJson(text: string | undefined): unknown {
    return text === undefined ? undefined : parseJson(text, this.#jsonValuesMax);
  }

  #jsonText(): string | undefined {
    if (this.#jsonField === undefined) return undefined;
    const part = multipartField(this.#jsonField, {
      contentType: this.header('content-type'),
      text: this.text(),
    });
    return part ?? (this.#isForm() ? (this.form().get(this.#jsonField) ?? undefined) : undefined);
  }

  #isForm(): boolean {
    return urlencoded.test(this.header('content-type') ?? '');
  }

  /** What the request says: the body as JSON, or the fields of a form. */
  payload(): unknown {
    return this.#isForm() && this.#jsonText() === undefined ? Object.fromEntries(this.form()) : this.json();
  }

  /** The body as form fields; none when there are too many. */
  form(): URLSearchParams {
    this.#form ??= new URLSearchParams(this.hasTooManyFields() ? '' : this.text());
    return this.#form;
  }

  /** Whether the body, as a form, has more than 2,000 fields. What is signed must not be made of the none that are read. */
  hasTooManyFields(): boolean {
    const text = this.text() ?? '';
    let fields = 1;
    for (let mark = text.indexOf('&'); mark >= 0 && fields <= formFieldsMax; fields += 1) {
      mark = text.indexOf('&', mark + 1);
    }
    return fields > formFieldsMax;
  }

  query(): URLSearchParams {
    this.#query ??= new URLSearchParams(queryOf(this.url));
    return this.#query;
  }

  /** The value at `location`, as text; undefined when there is none, or it is no text, number or boolean. */
  value(location: Location, item?: unknown): string | undefined {
    const { source, rest } = split(location);
    switch (source) {
      case 'header':
        return this.header(rest);
      case 'query':
        return this.query().get(rest) ?? undefined;
      case 'form':
        return this.form().get(rest) ?? undefined;
      case 'body':
        return textOf(at(this.json(), rest));
      case 'item':
        return textOf(at(item, rest));
      case 'const':
        return rest;
      default:
        return undefined;
    }
  }
}

export function split(location: Location): { source: string; rest: string } {
  const colon = location.indexOf(':');
  return { source: location.slice(0, colon), rest: location.slice(colon + 1) };
}

/** The value at a path of own properties; the empty path is the value itself. */
export function at(value: unknown, path: string): unknown {
  if (path === '') return value;
  let current = value;
  for (const step of path.split('.').slice(0, stepsMax)) {
    if (typeof current !== 'object' || current === null || !Object.hasOwn(current, step)) return undefined;
    current = (current as Record<string, unknown>)[step];
  }
  return current;
}

function textOf(value: unknown): string | undefined {
  if (typeof value === 'string') return value;
  return typeof value === 'number' || typeof value === 'boolean' ? String(value) : undefined;
}

/** Looked for one by one: a row asks for two or three of the dozens that come, and most names differ in length already. */
function valuesIn(
  headers: Readonly<Record<string, string | readonly string[] | undefined>>,
  name: string,
): readonly string[] {
  const values: unknown[] = [];
  for (const key of Object.keys(headers)) {
    if (key.length !== name.length || key.toLowerCase() !== name) continue;
    const value = headers[key];
    if (Array.isArray(value)) values.push(...(value as readonly unknown[]).slice(0, valuesMax + 1));
    else values.push(value);
  }
  const texts = values.filter((value) => typeof value === 'string');
  const isTooLarge = texts.length > valuesMax || texts.some(({ length }) => length > valueMaxChars);
  return isTooLarge ? [] : texts;
}

function isGetter(headers: RequestHeaders): headers is { get(name: string): string | null } {
  return typeof headers.get === 'function';
}

function decoded(bytes: Uint8Array<ArrayBuffer>): string | undefined {
  try {
    return decoder.decode(bytes);
  } catch {
    return undefined;
  }
}

function queryOf(url: string | undefined): string {
  const mark = url?.indexOf('?') ?? -1;
  return url === undefined || mark < 0 ? '' : (url.slice(mark + 1).split('#', 1)[0] ?? '');
}
