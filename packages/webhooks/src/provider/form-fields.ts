// The fields of a form body in the order in which providers sign them.
import { MissingContent } from './content.ts';
import type { ProviderRequest } from './request.ts';

export type FormField = { readonly name: string; readonly values: readonly string[] };

/**
 * The form's fields, sorted. Throws `MissingContent` when there are more than any provider sends, and for a body that is no
 * text: none of it is read, and the signature of a request without fields must not stand for it.
 */
export function sortedForm(request: ProviderRequest): readonly FormField[] {
  if (request.text() === undefined) throw new MissingContent('a form in UTF-8');
  if (request.hasTooManyFields()) throw new MissingContent('a form with fewer fields');
  return sortedFields(request.form());
}

/** Sorted by name; the values of a name sorted too. */
export function sortedFields(fields: URLSearchParams): readonly FormField[] {
  const byName = new Map<string, string[]>();
  for (const [name, value] of fields) {
    const values = byName.get(name);
    if (values === undefined) byName.set(name, [value]);
    else values.push(value);
  }
  return [...byName]
    .map(([name, values]) => ({ name, values: values.sort() }))
    .sort((left, right) => (left.name < right.name ? -1 : 1));
}

/** Each name followed by its value, the whole without anything between. */
export function joinedFields(fields: readonly FormField[]): string {
  return fields.flatMap(({ name, values }) => values.map((value) => name + value)).join('');
}

/** The URL that was called, for schemes that sign it. Throws `MissingContent` when the caller did not pass it. */
export function urlOf(request: ProviderRequest): string {
  if (request.url === undefined) throw new MissingContent('url');
  return request.url;
}
