// What is written of an attempt that PostgreSQL does not take as it is: less and less, but its delivery moves.
import pg from 'pg';
import { afterAll, beforeAll, beforeEach, expect, it } from 'vitest';
import type { Finished } from '../src/delivery/attempt.ts';
import { Settler } from '../src/delivery/settler.ts';
import { systemClock } from '../src/lib/clock.ts';
import type { Lease } from '../src/store/leases.ts';
import { openTestStore, settledAs } from './support/store.ts';
import type { TestStore } from './support/store.ts';

let store: TestStore;
let errors: string[];
let settler: Settler;
let ended: Finished[];
let leases: Lease[];

const none = { payload: null, contentType: 'application/json' };
const content = {
  responseHeaders: { server: 'refused' },
  responseBody: Buffer.from('some answer'),
};

beforeAll(async () => {
  store = await openTestStore();
});
afterAll(() => store.stop());

beforeEach(async () => {
  await store.pool.query('truncate posthorn.message, posthorn.delivery, posthorn.attempt');
  errors = [];
  ended = [];
  settler = openSettler(store.pool);
  leases = await store.lease(await store.makeApplication(), await store.makeProcess(), 3);
});

function openSettler(pool: pg.Pool): Settler {
  const silent = () => {};
  return new Settler({
    pool,
    clock: systemClock,
    log: { debug: silent, info: silent, warn: silent, error: (_fields, message) => errors.push(message) },
    failingMaxMs: 60_000,
    onEnd: (finished) => ended.push(finished),
    onSettled: silent,
  });
}

/** Of three that are settled together, the second is the one with the header that is refused. */
async function settleThree(): Promise<void> {
  for (const [index, lease] of leases.entries()) {
    const attempt = { id: store.newId('atmpt_'), ...(index === 1 ? content : {}) };
    const settled = settledAs(lease, { state: 'succeeded', attempts: 1 }, attempt);
    const work = { ...lease, attempts: 0, trigger: 'scheduled', hasResumeAt: false, ...none } as const;
    settler.add({ work, settled, startedAtMs: 0, endpointGone: false, holdsUp: false });
  }
  await settler.drain();
}

async function withConstraint(condition: string, run: () => Promise<void>): Promise<void> {
  await store.pool.query(`alter table posthorn.attempt add constraint refused check (${condition})`);
  try {
    await run();
  } finally {
    await store.pool.query('alter table posthorn.attempt drop constraint refused');
  }
}

const stored = async () =>
  (
    await store.pool.query<{ detail: string | null; response_body: Buffer | null }>(
      'select detail, response_body from posthorn.attempt order by id',
    )
  ).rows;
const states = async () => (await store.deliveries()).map(({ state }) => state);

it('an answer that is refused is left out, and the others are stored as they are', async () => {
  await withConstraint(`response_headers ->> 'server' is distinct from 'refused'`, settleThree);
  const less = { detail: expect.stringContaining('PostgreSQL did not take') as string, response_body: null };
  const plain = { detail: null, response_body: null };
  expect(await stored()).toEqual([plain, less, plain]);
  expect(await states()).toEqual(['succeeded', 'succeeded', 'succeeded']);
  expect(errors).toEqual(['an attempt is stored with less']);
  expect(ended).toHaveLength(3);
});

it('an attempt that is refused whatever it says is left out, and its delivery moves', async () => {
  await withConstraint('false', settleThree);
  expect(await stored()).toEqual([]);
  expect(await states()).toEqual(['succeeded', 'succeeded', 'succeeded']);
  expect(ended).toHaveLength(3);
});

/** The pool of the store, which fails so many times before. */
function failingPool(times: number, failure: () => Error): pg.Pool {
  let left = times;
  const failing =
    <A extends unknown[], R>(work: (...args: A) => Promise<R>) =>
    (...args: A): Promise<R> => {
      left -= 1;
      return left >= 0 ? Promise.reject(failure()) : work(...args);
    };
  const { pool } = store;
  const connect = failing(() => pool.connect());
  const query = failing((text: string, values?: unknown[]) => pool.query(text, values));
  return { connect, query } as unknown as pg.Pool;
}

const refusedLogin = (severity: string) =>
  Object.assign(new pg.DatabaseError('password authentication failed for user "posthorn"', 0, 'error'), {
    severity,
    code: '28P01',
  });
const insecure = () => Object.assign(new Error('certificate has expired'), { code: 'CERT_HAS_EXPIRED' });

it.each([
  ['a login that is refused', () => refusedLogin('FATAL')],
  ['a login that is refused in another language', () => refusedLogin('SCHWERWIEGEND')],
  ['a certificate that has expired', insecure],
  ['an error that nobody knows', () => new Error('what is this')],
])('%s is waited for, and nothing of the attempts is lost', async (_what, failure) => {
  settler = openSettler(failingPool(3, failure));
  await settleThree();
  const whole = { detail: null, response_body: null };
  expect(await stored()).toEqual([whole, { ...whole, response_body: content.responseBody }, whole]);
  expect(await states()).toEqual(['succeeded', 'succeeded', 'succeeded']);
  expect(errors).toEqual([]);
});

it('an attempt that cannot even be sent is left out, and holds up nobody', async () => {
  settler = openSettler(failingPool(Infinity, () => new TypeError('a bug')));
  await settleThree();
  expect(ended).toHaveLength(3);
  expect(errors).toContain('an attempt was not stored');
});
