// Lists by page: `iterator` is the last key of a page, `prevIterator` a minus and its first key; both walk exactly.
import Type from 'typebox';
import type { Static } from 'typebox';
import type { IdPrefix } from '../lib/ids.ts';
import type { Keyset } from '../store/keyset.ts';
import { invalid } from './problems.ts';

const limitDefault = 50;
const limitMax = 250;
const iteratorMaxChars = 300;

/** The query parameters of every list; spread its properties into a route's own querystring schema. */
export const pageQueryFields = {
  limit: Type.Optional(Type.Integer({ minimum: 1, maximum: limitMax })),
  iterator: Type.Optional(Type.String({ maxLength: iteratorMaxChars })),
  order: Type.Optional(Type.Union([Type.Literal('ascending'), Type.Literal('descending')])),
};
export const PageQuery = Type.Object(pageQueryFields);

/** How a list's keys look and which way it runs when the caller does not say. */
export interface PageDefaults {
  order: 'ascending' | 'descending';
  /** The prefix of the ids that are the keys, or a pattern for other keys. */
  key: IdPrefix | RegExp;
}

/** One page to read: `keyset` is for the store, the rest for `toList`. */
export interface Page {
  limit: number;
  backward: boolean;
  /** The key that the caller's iterator named. */
  from?: string;
  keyset: Keyset;
}

export interface List<T> {
  data: T[];
  /** Null when the list is empty from its start. */
  iterator: string | null;
  prevIterator: string | null;
  /** True when nothing follows in the direction of the walk. */
  done: boolean;
}

const backwardMark = '-';
// Keys that themselves begin with a mark are written behind this one; ids never do, event types can.
const escapeMark = '~';

function isKey(key: PageDefaults['key'], text: string): boolean {
  if (key instanceof RegExp) return key.test(text);
  return text.startsWith(key) && /^[0-9A-Za-z]{22}$/.test(text.slice(key.length));
}

function parseIterator(iterator: string, key: PageDefaults['key']): { from: string; backward: boolean } {
  const backward = iterator.startsWith(backwardMark);
  const from = backward || iterator.startsWith(escapeMark) ? iterator.slice(1) : iterator;
  if (isKey(key, from)) return { from, backward };
  const msg = 'is not an iterator of this list: pass the `iterator` or `prevIterator` of an earlier page';
  throw invalid([{ loc: ['query', 'iterator'], msg, type: 'value_error' }]);
}

function forwardIterator(key: string): string {
  return key.startsWith(backwardMark) ? escapeMark + key : key;
}

/** What to read for this query. An empty iterator means the start. Throws 422 for an iterator of another list. */
export function parsePage(query: Static<typeof PageQuery>, defaults: PageDefaults): Page {
  const limit = query.limit ?? limitDefault;
  const ascending = (query.order ?? defaults.order) === 'ascending';
  const rowsMax = limit + 1;
  if (query.iterator === undefined || query.iterator === '') {
    return { limit, backward: false, keyset: { rowsMax, ascending } };
  }
  const { from, backward } = parseIterator(query.iterator, defaults.key);
  return { limit, backward, from, keyset: { rowsMax, ascending: ascending !== backward, after: from } };
}

/** Makes the answer of the rows that were read with `page.keyset`, in the order they were read. */
export function toList<Row, T>(
  rows: readonly Row[],
  page: Page,
  keyOf: (row: Row) => string,
  wireOf: (row: Row) => T,
): List<T> {
  const shown = rows.slice(0, page.limit);
  if (page.backward) shown.reverse();
  const first = shown[0];
  const last = shown.at(-1);
  const done = rows.length <= page.limit;
  if (first === undefined || last === undefined) return { data: [], ...emptyIterators(page), done };
  return {
    data: shown.map(wireOf),
    iterator: forwardIterator(keyOf(last)),
    prevIterator: backwardMark + keyOf(first),
    done,
  };
}

// Whoever polls for new rows keeps the place: an empty page hands the caller's iterator back.
function emptyIterators({ from, backward }: Page): { iterator: string | null; prevIterator: string | null } {
  if (from === undefined) return { iterator: null, prevIterator: null };
  if (backward) return { iterator: null, prevIterator: backwardMark + from };
  return { iterator: forwardIterator(from), prevIterator: null };
}
