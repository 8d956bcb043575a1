// What is kept of the requests that a source did not take in.
import { afterEach, beforeEach, expect, it } from 'vitest';
import { insertRequests, trimSetAside } from '../src/store/record-requests.ts';
import type { RequestToStore } from '../src/store/record-requests.ts';
import { openTestStore } from './support/store.ts';
import type { TestStore } from './support/store.ts';

let store: TestStore;
beforeEach(async () => {
  store = await openTestStore();
});
afterEach(() => store.stop());

const sourceId = 'src_1';
const keptMax = 1_000;

const requests = (verdict: RequestToStore['verdict'], count: number): RequestToStore[] =>
  Array.from({ length: count }, () => ({
    id: store.newId('req_'),
    sourceId,
    method: 'POST',
    query: '',
    headers: {},
    body: Buffer.from('{}'),
    bodyBytes: 2,
    address: undefined,
    verdict,
    messageIds: [],
  }));

it('is the youngest of the refused, who push out nothing that was verified', async () => {
  const verified = [...requests('altered', 1), ...requests('parked', 1), ...requests('accepted', 1)];
  const refused = requests('rejected', keptMax + 5);
  await insertRequests(store.pool, [...verified, ...refused]);
  await trimSetAside(store.pool, sourceId);
  const { rows } = await store.pool.query<{ id: string }>('select id from posthorn.request order by id');
  const expected = [...verified, ...refused.slice(5)].map(({ id }) => id).sort();
  expect(rows.map(({ id }) => id)).toEqual(expected);
});
