// The story of the sensors against a real Posthorn, with the table opened by the operator and without; and the fan alone.
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { PosthornProcess } from '../../packages/posthorn/test/support/posthorn-process.ts';
import { expectTold, openStage, serverOf, type Stage } from '../story/test/stage.ts';

const storyTimeoutMs = 300_000;

let stage: Stage;

beforeAll(async () => {
  stage = await openStage(new URL('run.mjs', import.meta.url));
});
afterAll(() => stage.close());

/** For two seconds instead of ten. */
const tellStory = (posthorn: Pick<PosthornProcess, 'url'>) =>
  stage.tell({ IOT_SECONDS: '2', DATABASE_URL: stage.databaseUrl, ...serverOf(posthorn) });

const checked =
  /^Checked: 1000 sent, 1000 acknowledged, 1000 stored, 0 lost; 10 above 30 °C, 10 commands, 10 of them for those\.$/m;

test('every reading becomes a row, and each warm one a command', { timeout: storyTimeoutMs }, async () => {
  const posthorn = await stage.start({ POSTHORN_ALLOW_TABLES: 'public.sensor_reading' });
  const told = await tellStory(posthorn);
  expectTold(told);
  expect(told.stdout).toContain('in the transaction that records its delivery: exactly once');
  expect(told.stdout).toMatch(/acknowledgement: p50 [\d.]+ ms, p99 [\d.]+ ms \(of 1000\)/);
  expect(told.stdout).toMatch(checked);
  await posthorn.end('SIGTERM');
});

test('a table that is not opened is reached by its address', { timeout: storyTimeoutMs }, async () => {
  const posthorn = await stage.start();
  const told = await tellStory(posthorn);
  expectTold(told);
  expect(told.stdout).toContain("by the database's address: at least once, and one row by its key");
  expect(told.stdout).toMatch(checked);
  await posthorn.end('SIGTERM');
});

test('without Posthorn it says so and ends', async () => {
  expect(await tellStory({ url: 'http://127.0.0.1:1' })).toMatchObject({
    code: 1,
    stderr: expect.stringContaining('Nothing answers at http://127.0.0.1:1') as string,
  });
});

interface FanModule {
  startFanController(): Promise<{
    url: string;
    stop(): Promise<void>;
    commands(): { room: string; because: string }[];
    repeats(): number;
  }>;
}
interface SensorsModule {
  planReadings(options: { run: string; count: number; limit: number }): { id: string; temperature: number }[];
}

test('a command that comes again is done once', async () => {
  const { startFanController } = (await import(
    new URL('fan-controller.mjs', import.meta.url).href
  )) as FanModule;
  const fans = await startFanController();
  const put = async (key: string, body: string) => {
    const headers = { 'idempotency-key': key };
    return (await fetch(`${fans.url}/fans/room-1`, { method: 'PUT', headers, body })).status;
  };
  const body = JSON.stringify({ because: 'r-1', temperature: 31 });
  expect([await put('a', body), await put('a', body), await put('b', 'no JSON')]).toEqual([204, 204, 400]);
  expect(fans.commands()).toEqual([{ room: 'room-1', because: 'r-1', temperature: 31 }]);
  expect(fans.repeats()).toBe(1);
  await fans.stop();
});

test('the plan has readings above the limit, and others that are the limit itself', async () => {
  const { planReadings } = (await import(new URL('sensors.mjs', import.meta.url).href)) as SensorsModule;
  const temperatures = planReadings({ run: 'r', count: 1_000, limit: 30 }).map(
    ({ temperature }) => temperature,
  );
  expect(temperatures.filter((temperature) => temperature > 30)).toHaveLength(10);
  expect(temperatures.filter((temperature) => temperature === 30)).toHaveLength(20);
});
