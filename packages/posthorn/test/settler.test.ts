// What is written of an attempt that PostgreSQL does not take as it is: less and less, but its delivery moves. And what
// waits while somebody else has a row locked: that alone.
import pg from 'pg';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { Finished } from '../src/delivery/attempt.ts';
import { Settler } from '../src/delivery/settler.ts';
import { systemClock } from '../src/lib/clock.ts';
import type { Lease } from '../src/store/leases.ts';
import type { Settled } from '../src/store/settle-deliveries.ts';
import { openTestStore, settledAs } from './support/store.ts';
import type { TestStore } from './support/store.ts';
import { waitFor } from './support/wait.ts';

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

const silent = () => {};
const makeSettler = (pool: pg.Pool) =>
  new Settler({
    pool,
    clock: systemClock,
    log: { debug: silent, info: silent, warn: silent, error: (_fields, message) => errors.push(message) },
    failingMaxMs: 60_000,
    onEnd: (finished) => ended.push(finished),
    onSettled: silent,
  });

beforeAll(async () => {
  store = await openTestStore();
});
afterAll(() => store.stop());

beforeEach(async () => {
  await store.pool.query('truncate posthorn.message, posthorn.delivery, posthorn.attempt');
  errors = [];
  ended = [];
  settler = makeSettler(store.pool);
  leases = await store.lease(await store.makeApplication(), await store.makeProcess(), 3);
});

const finishedAs = (lease: Lease, settled: Settled, endpointGone = false): Finished => {
  const work = { ...lease, attempts: 0, trigger: 'scheduled', hasResumeAt: false, ...none } as const;
  return { work, settled, startedAtMs: 0, endpointGone, holdsUp: false };
};

/** Of three that are settled together, the second is the one with the header that is refused. */
async function settleThree(): Promise<void> {
  for (const [index, lease] of leases.entries()) {
    const attempt = { id: store.newId('atmpt_'), ...(index === 1 ? content : {}) };
    settler.add(finishedAs(lease, settledAs(lease, { state: 'succeeded', attempts: 1 }, attempt)));
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
  settler = makeSettler(failingPool(3, failure));
  await settleThree();
  const whole = { detail: null, response_body: null };
  expect(await stored()).toEqual([whole, { ...whole, response_body: content.responseBody }, whole]);
  expect(await states()).toEqual(['succeeded', 'succeeded', 'succeeded']);
  expect(errors).toEqual([]);
});

it('an attempt that cannot even be sent is left out, and holds up nobody', async () => {
  settler = makeSettler(failingPool(Infinity, () => new TypeError('a bug')));
  await settleThree();
  expect(ended).toHaveLength(3);
  expect(errors).toContain('an attempt was not stored');
});

/** Runs `work` while another session has locked what `select` gives; that one is left alone until `release`. */
async function whileLocked(
  [select, id]: readonly [string, string],
  work: (release: () => Promise<unknown>) => Promise<void>,
): Promise<void> {
  const other = store.openPool(1);
  await other.query('begin');
  await other.query('set local idle_in_transaction_session_timeout = 0');
  expect((await other.query(select, [id])).rowCount).toBe(1);
  try {
    await work(() => other.query('rollback'));
  } finally {
    await other.query('rollback');
  }
}

describe('while somebody else has a row locked', () => {
  const lockDue = 'select from posthorn.endpoint_due where endpoint_id = $1 for update';
  const lockApplication = 'select from posthorn.application where id = $1 for no key update';
  const failed = { state: 'retrying', attempts: 1, delayMs: 60_000 } as const;
  const succeeded = { state: 'succeeded', attempts: 1 } as const;
  // A statement that waits until its timeout waits for 15 s.
  const soonMs = 12_000;
  let owner: number;

  beforeEach(async () => {
    owner = await store.makeProcess();
  });

  const add = (lease: Lease, transition: typeof failed | typeof succeeded) =>
    settler.add(finishedAs(lease, settledAs(lease, transition, { id: store.newId('atmpt_') })));
  const storedOf = ({ id }: { id: string }) =>
    store.count('posthorn.attempt where application_id = $1', [id]);

  it('the results of all other endpoints are stored, and those of that endpoint when it is free', async () => {
    const [held, others] = [await store.makeApplication(1), await store.makeApplication(300)];
    const heldLeases = await store.lease(held, owner, 5);
    const otherLeases = await store.lease(others, owner, 2);
    const heldId = held.endpointIds[0]!;
    await store.pool.query(
      'insert into posthorn.endpoint_due (endpoint_id, application_id, due_at) values ($1, $2, now())',
      [heldId, held.id],
    );
    await whileLocked([lockDue, heldId], async (release) => {
      for (const lease of [...otherLeases.slice(0, 150), heldLeases[0]!, ...otherLeases.slice(150, 300)])
        add(lease, failed);
      await waitFor(async () => (await storedOf(others)) === 300, { timeoutMs: soonMs, what: 'the others' });
      // It is known now that it waits.
      for (const lease of heldLeases.slice(1)) add(lease, failed);
      for (const lease of otherLeases.slice(300)) add(lease, succeeded);
      await waitFor(async () => (await storedOf(others)) === 600, { timeoutMs: 2_000, what: 'the next' });
      expect(await storedOf(held)).toBe(0);
      expect(ended).toHaveLength(600);
      await release();
      await settler.drain();
    });
    expect(await storedOf(held)).toBe(5);
    expect(new Set(ended.map(({ settled }) => settled.messageId + settled.endpointId)).size).toBe(605);
    expect(ended).toHaveLength(605);
    expect(errors).toEqual([]);
  });

  it('results do not wait until an endpoint is disabled', async () => {
    const application = await store.makeApplication(1);
    const [lease, again] = await store.lease(application, owner, 2);
    const isDisabled = () =>
      store.count('posthorn.endpoint where application_id = $1 and disabled', [application.id]);
    const gone = (of: Lease) =>
      settler.add(finishedAs(of, settledAs(of, failed, { id: store.newId('atmpt_') }), true));
    await whileLocked([lockApplication, application.id], async () => {
      gone(lease!);
      await waitFor(() => ended.length === 1, { timeoutMs: soonMs, what: 'the end of the attempt' });
      expect(await isDisabled()).toBe(0);
    });
    gone(again!);
    await waitFor(() => ended.length === 2, { what: 'the end of the next attempt' });
    await settler.drain();
    expect(await isDisabled()).toBe(1);
  });
});

it('results that take too long to be stored at once are stored in parts', async () => {
  const application = await store.makeApplication(1);
  const many = await store.lease(application, await store.makeProcess(), 200);
  await store.pool.query(`
    create function slow() returns trigger language plpgsql as 'begin perform pg_sleep(0.005); return new; end';
    create trigger slow before insert on posthorn.attempt for each row execute function slow()`);
  // Some 50 rows in the time that a statement has.
  const pool = new pg.Pool({ connectionString: store.url, statement_timeout: 300 });
  try {
    const slow = makeSettler(pool);
    for (const lease of many) {
      const attempt = { id: store.newId('atmpt_') };
      slow.add(finishedAs(lease, settledAs(lease, { state: 'succeeded', attempts: 1 }, attempt)));
    }
    const allMs = 20_000;
    await waitFor(() => ended.length === 200, { timeoutMs: allMs, what: 'the end of all' });
    expect(await store.count('posthorn.attempt')).toBe(200);
  } finally {
    await pool.end();
    await store.pool.query('drop function slow cascade');
  }
});
