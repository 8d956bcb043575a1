// SQLite: rows in a file that another process, this one, has open too.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import Database from 'libsql';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { request } from './support/api.ts';
import { describeConnectors } from './support/connector-conformance.ts';
import { createTestDatabase } from './support/database.ts';
import { type PosthornProcess, startPosthorn, testToken } from './support/posthorn-process.ts';
import { waitFor } from './support/wait.ts';

const folder = mkdtempSync(join(tmpdir(), 'posthorn-sqlite-'));
const file = join(folder, 'shop.db');
const lockedFile = join(folder, 'locked.db');
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const table =
  'create table orders (id integer, marker text, message text, at text, raw text, primary key (id, message))';
const config = {
  file,
  table: 'orders',
  columns: { id: 'payload.id', marker: 'payload.marker', message: 'id', raw: 'payload' },
  key: ['id', 'message'],
};

describeConnectors(
  [
    {
      kind: 'sqlite',
      forOperators: true,
      usesNetwork: false,
      hasKey: true,
      start() {
        const database = new Database(file);
        database.exec(table);
        const locked = new Database(lockedFile);
        locked.exec(table);
        locked.exec('begin exclusive');
        return Promise.resolve({
          config,
          refused: { ...config, table: 'nowhere' },
          hanging: { ...config, file: lockedFile },
          secrets: [],
          received: () => {
            const rows = database.prepare('select raw, message from orders').all() as {
              raw: string;
              message: string;
            }[];
            return rows.map(({ raw, message }) => ({ text: raw, key: message }));
          },
          stop: () => {
            locked.close();
            database.close();
            return Promise.resolve();
          },
        });
      },
    },
  ],
  { env: { POSTHORN_ALLOW_FILES: `${file},${lockedFile}` } },
);

describe('a row that is known', () => {
  let posthorn: PosthornProcess;
  let store: Awaited<ReturnType<typeof createTestDatabase>>;
  const prices = join(folder, 'prices.db');
  beforeAll(async () => {
    store = await createTestDatabase();
    posthorn = await startPosthorn(store.url, { POSTHORN_ALLOW_FILES: prices });
  });
  afterAll(async () => {
    await posthorn.end('SIGTERM');
    await store.drop();
  });

  test('changes only when the message is newer, and keeps every digit', async () => {
    const database = new Database(prices);
    database.exec('create table prices (sku text primary key, price text, at text, sold boolean)');
    const app = (await posthorn.client.application.create({ name: 'Acme' })).id;
    const columns = { sku: 'payload.sku', price: 'payload.price', at: 'payload.at', sold: 'payload.sold' };
    const row = { file: prices, table: 'prices', columns, key: ['sku'], newerBy: 'at' };
    const server = { url: posthorn.url, token: testToken };
    const body = { kind: 'sqlite', config: row };
    const made = await request(server, 'POST', `/api/v1/app/${app}/endpoint`, body);
    expect(made.status, made.text).toBe(201);
    for (const [price, day, sold] of [
      ['12345678901234567.89', 2, true],
      ['1.00', 1, false],
    ] as const) {
      const payload = `{"sku":"a","price":${price},"at":"2026-01-0${day}","sold":${sold}}`;
      const message = `{"eventType":"price.changed","payload":${payload}}`;
      const { body: sent } = await request(server, 'POST', `/api/v1/app/${app}/msg`, message);
      const attempt = await waitFor(
        async () => (await posthorn.client.messageAttempt.listByMsg(app, String(sent.id))).data[0],
        { what: 'an attempt' },
      );
      expect(attempt.status, JSON.stringify(attempt)).toBe(0);
    }
    const rows = database.prepare('select * from prices').all();
    expect(rows).toEqual([{ sku: 'a', price: '12345678901234567.89', at: '2026-01-02', sold: 1 }]);
    database.close();
  });
});
