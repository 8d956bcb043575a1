// Lists by page: both directions exact, on the list of applications and the list of event types.
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { refusedPlaces, request, startTestApi } from './support/api.ts';
import type { TestApi } from './support/api.ts';

interface ListAnswer {
  data: { id?: string; name: string }[];
  iterator: string | null;
  prevIterator: string | null;
  done: boolean;
}

let posthorn: TestApi;
const rowCount = 23;
beforeAll(async () => {
  posthorn = await startTestApi();
  for (let i = 0; i < rowCount; i += 1) {
    await posthorn.client.application.create({ name: `n${i}` });
    // Every third name begins with the character that marks iterators that walk back.
    const name = i % 3 === 0 ? `-type.${i}` : `type.${i}`;
    await posthorn.client.eventType.create({ name, description: '' });
  }
});
afterAll(() => posthorn.stop());

async function page(path: string, query: Record<string, string>): Promise<ListAnswer> {
  const answer = await request(posthorn, 'GET', `${path}?${new URLSearchParams(query)}`);
  expect(answer.status).toBe(200);
  return answer.body as unknown as ListAnswer;
}

const namesOf = (list: ListAnswer) => list.data.map(({ name }) => name);

async function walkForward(path: string, query: Record<string, string>): Promise<ListAnswer[]> {
  const pages = [await page(path, query)];
  for (;;) {
    const last = pages.at(-1);
    if (last === undefined || last.done) return pages;
    pages.push(await page(path, { ...query, iterator: String(last.iterator) }));
  }
}

async function walkBack(
  path: string,
  query: Record<string, string>,
  from: ListAnswer | undefined,
): Promise<ListAnswer[]> {
  const pages: ListAnswer[] = [];
  let prevIterator = from?.prevIterator;
  for (;;) {
    const previous = await page(path, { ...query, iterator: String(prevIterator) });
    if (previous.data.length > 0) pages.unshift(previous);
    if (previous.done) return pages;
    prevIterator = previous.prevIterator;
  }
}

const lists: [string, string][] = [
  ['/api/v1/app', 'ascending'],
  ['/api/v1/app', 'descending'],
  ['/api/v1/event-type', 'ascending'],
  ['/api/v1/event-type', 'descending'],
];

describe.each(lists)('%s %s', (path, order) => {
  test.each([1, 2, 5, 7, 23, 24, 250])('pages of %i: forward and back are the same pages', async (limit) => {
    const query = { limit: String(limit), order };
    const forward = await walkForward(path, query);
    expect(forward).toHaveLength(Math.ceil(rowCount / limit));
    const all = forward.flatMap(namesOf);
    expect(new Set(all).size).toBe(rowCount);
    const back = await walkBack(path, query, forward.at(-1));
    expect(back.map(namesOf)).toEqual(forward.slice(0, -1).map(namesOf));
  });

  test('the order is by key', async () => {
    const only = await page(path, { limit: '250', order });
    const keys = only.data.map((row) => row.id ?? row.name);
    const sorted = [...keys].sort();
    expect(keys).toEqual(order === 'ascending' ? sorted : sorted.toReversed());
  });

  test('past the end, the place is kept for rows that come later', async () => {
    const last = (await walkForward(path, { limit: '10', order })).at(-1);
    const empty = await page(path, { limit: '10', order, iterator: String(last?.iterator) });
    expect(empty).toEqual({ data: [], iterator: last?.iterator, prevIterator: null, done: true });
  });
});

test('the official client walks all pages', async () => {
  const names: string[] = [];
  for (let iterator: string | null | undefined, done = false; !done; ) {
    const list = await posthorn.client.application.list({ limit: 4, ...(iterator ? { iterator } : {}) });
    names.push(...list.data.map(({ name }) => name));
    ({ iterator, done } = list);
  }
  expect(names).toEqual(Array.from({ length: rowCount }, (_, i) => `n${i}`));
});

test('an empty list has no iterators', async () => {
  const stranger = await posthorn.makeStranger();
  const answer = await request({ ...posthorn, token: stranger.token }, 'GET', '/api/v1/app');
  expect(answer.body).toEqual({ data: [], iterator: null, prevIterator: null, done: true });
});

test('applications list oldest first, endpoints newest first, 50 to a page', async () => {
  const { id } = await posthorn.client.application.create({ name: 'with endpoints', uid: 'many' });
  for (let i = 0; i < 51; i += 1) {
    await posthorn.client.endpoint.create(id, { url: `https://example.com/${i}` });
  }
  const list = await posthorn.client.endpoint.list('many');
  expect(list.data.map(({ url }) => url)).toEqual(
    Array.from({ length: 50 }, (_, i) => `https://example.com/${50 - i}`),
  );
  expect(list.done).toBe(false);
});

test.each([
  ['limit=0', 'limit'],
  ['limit=251', 'limit'],
  ['limit=abc', 'limit'],
  ['limit=', 'limit'],
  ['limit=1.5', 'limit'],
  ['limit=1e99', 'limit'],
  ['limit=1&limit=2', 'limit'],
  ['order=sideways', 'order'],
  ['iterator=x', 'iterator'],
  ['iterator=app_', 'iterator'],
  ['iterator=app_%00234567890123456789012', 'iterator'],
  ['iterator=--app_0123456789012345678901', 'iterator'],
  ['iterator=msg_0123456789012345678901', 'iterator'],
])('%s is refused', async (query, field) => {
  const answer = await request(posthorn, 'GET', `/api/v1/app?${query}`);
  expect(answer.status).toBe(422);
  expect(refusedPlaces(answer)).toEqual([['query', field]]);
});

test('unknown query parameters are ignored', async () => {
  const answer = await request(posthorn, 'GET', '/api/v1/app?expanded_statuses=true&__proto__=x&limit=1');
  expect(answer.status).toBe(200);
  expect(answer.body.data).toHaveLength(1);
});
