// Early writing of the embedded PostgreSQL's files: which ones, and what happens when the disk does not take one.
import { appendFile, mkdir, mkdtemp, rm, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { createWriteback } from '../src/embedded/writeback.ts';

const log = { warn: () => undefined };
const enough = Buffer.alloc(256 * 1_024);
let dataDir: string;
let written: string[];
let failed: string[];

beforeEach(async () => {
  dataDir = await mkdtemp(join(tmpdir(), 'posthorn-writeback-'));
  written = [];
  failed = [];
  for (const database of ['1', '16384']) await mkdir(join(dataDir, 'base', database), { recursive: true });
});
afterEach(() => rm(dataDir, { recursive: true, force: true }));

const fileOf = (name: string, database = '16384') => join(dataDir, 'base', database, name);

/** Never started: each look is asked for. Every look lists, because the clock is what says that a list is old. */
function newWriteback(datasync?: (path: string) => Promise<void>) {
  const onFailure = (error: Error, path: string) => void failed.push(`${basename(path)}: ${error.message}`);
  const note = async (path: string) => void written.push(basename(path));
  return createWriteback({ dataDir, log, onFailure, datasync: datasync ?? note, listEveryMs: 0 });
}

test('what a file grew by is written once, and what it had before is not', async () => {
  await writeFile(fileOf('100'), enough);
  const { runOnce } = newWriteback();
  await runOnce();
  expect(written).toEqual([]);
  await appendFile(fileOf('100'), enough);
  await runOnce();
  await runOnce();
  expect(written).toEqual(['100']);
  await appendFile(fileOf('100'), enough);
  await runOnce();
  expect(written).toEqual(['100', '100']);
});

test('a file that is new is written, and looked at again soon', async () => {
  const { runOnce } = newWriteback();
  const idleMs = await runOnce();
  await writeFile(fileOf('100.1'), enough);
  expect(await runOnce()).toBeLessThan(idleMs);
  expect(written).toEqual(['100.1']);
});

test('small growth, maps beside a file, and databases that nobody writes to are left alone', async () => {
  const { runOnce } = newWriteback();
  await runOnce();
  await writeFile(fileOf('100'), enough.subarray(1));
  await writeFile(fileOf('100_fsm'), enough);
  await writeFile(fileOf('100', '1'), enough);
  await runOnce();
  expect(written).toEqual([]);
});

test('a file that vacuum cut short is written when it has grown again', async () => {
  const { runOnce } = newWriteback();
  await runOnce();
  await writeFile(fileOf('100'), enough);
  await runOnce();
  await truncate(fileOf('100'), 0);
  await runOnce();
  await appendFile(fileOf('100'), enough);
  await runOnce();
  expect(written).toEqual(['100', '100']);
});

test('a table that is dropped is forgotten, and no other one is held up', async () => {
  const { runOnce } = newWriteback(undefined);
  await runOnce();
  for (const name of ['100', '101']) await writeFile(fileOf(name), enough);
  await runOnce();
  await rm(fileOf('100'));
  await appendFile(fileOf('101'), enough);
  await runOnce();
  expect(written).toEqual(['100', '101', '101']);
  expect(failed).toEqual([]);
});

const refusal = (code: string) => Promise.reject(Object.assign(new Error(`${code}: refused`), { code }));

test('a disk that does not take a file is reported', async () => {
  const { runOnce } = newWriteback(() => refusal('EIO'));
  await runOnce();
  await writeFile(fileOf('100'), enough);
  await runOnce();
  expect(failed).toEqual(['100: EIO: refused']);
});

test('a file system that writes nothing early is no failure of the disk', async () => {
  const { runOnce } = newWriteback(() => refusal('EINVAL'));
  await runOnce();
  await writeFile(fileOf('100'), enough);
  await expect(runOnce()).rejects.toThrow('EINVAL');
  expect(failed).toEqual([]);
});
