// An outage of PostgreSQL in the log: one line when it begins, one now and then, one when it is over.
import { afterEach, expect, test } from 'vitest';
import { openDatabase } from '../src/store/database.ts';
import { OutageLog } from '../src/store/outage-log.ts';
import { createTestDatabase } from './support/database.ts';
import { startDatabaseGate } from './support/database-gate.ts';
import { waitFor } from './support/wait.ts';

const cleanups: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).toReversed()) await cleanup();
});

interface Line {
  level: string;
  fields: object;
  message: string;
}

async function watchedDatabase() {
  const database = await createTestDatabase();
  cleanups.push(database.drop);
  const gate = await startDatabaseGate(database.url);
  cleanups.push(gate.stop);
  const options = { url: gate.url, connectionsMax: 2, applicationName: 'test', onIdleError: () => {} };
  const { pool, close } = openDatabase(options);
  cleanups.push(close);
  const lines: Line[] = [];
  const note = (level: string) => (fields: object, message: string) => lines.push({ level, fields, message });
  // Stands still but for `skip`: the count of lines does not depend on how busy the machine is.
  let nowMs = 0;
  const outageLog = new OutageLog({
    log: { debug: note('debug'), info: note('info'), warn: note('warn'), error: note('error') },
    clock: { now: () => nowMs, monotonicMs: () => nowMs },
    pool,
  });
  cleanups.push(async () => outageLog.stop());
  /** A statement that the outage fails. */
  const fail = async () => {
    const err: unknown = await pool.query('select 1').then(
      () => undefined,
      (error: unknown) => error,
    );
    outageLog.warn({ err }, 'doing something');
  };
  const skip = (ms: number) => {
    nowMs += ms;
  };
  return { gate, lines, outageLog, fail, skip };
}

test('a hundred failures of one outage are three lines, with their number', async () => {
  const { gate, lines, fail, skip } = await watchedDatabase();
  gate.shut();
  for (let turn = 0; turn < 100; turn += 1) await fail();
  expect(lines).toHaveLength(1);
  expect(lines[0]).toMatchObject({
    level: 'warn',
    fields: { during: 'doing something', err: expect.any(Error) as Error },
    message: 'PostgreSQL is away, or cannot work: trying again',
  });
  skip(10_000);
  await waitFor(() => lines.length === 2, { what: 'the second line' });
  expect(lines[1]).toMatchObject({
    level: 'warn',
    fields: { failures: 100 },
    message: 'PostgreSQL is still away, or cannot work',
  });
  gate.open();
  skip(2_000);
  await waitFor(() => lines.length > 2, { what: 'the end of the outage' });
  expect(lines.slice(2)).toMatchObject([
    { level: 'info', fields: { failures: 100 }, message: 'PostgreSQL works again' },
  ]);
});

test('an outage lasts as long as statements fail, also when others do not', async () => {
  const { gate, lines, outageLog, fail, skip } = await watchedDatabase();
  gate.shut();
  await fail();
  gate.open();
  const full = Object.assign(new Error('could not extend file'), { code: '53100' });
  skip(10_000);
  outageLog.error({ err: full }, 'doing something else');
  await waitFor(() => lines.length === 2, { what: 'the second line' });
  expect(lines[1]?.message).toBe('PostgreSQL is still away, or cannot work');
  skip(2_000);
  await waitFor(() => lines.length === 3, { what: 'the end of the outage' });
  expect(lines[2]).toMatchObject({ message: 'PostgreSQL works again', fields: { failures: 2 } });
});

test('what is no outage is written as it is', async () => {
  const { lines, outageLog } = await watchedDatabase();
  const err = Object.assign(new Error('a bug'), { code: '42703' });
  outageLog.error({ err }, 'failed');
  outageLog.warn({ endpointId: 'ep_1' }, 'endpoint disabled');
  expect(lines).toEqual([
    { level: 'error', fields: { err }, message: 'failed' },
    { level: 'warn', fields: { endpointId: 'ep_1' }, message: 'endpoint disabled' },
  ]);
});
