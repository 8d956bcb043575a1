// What tests with real processes need and leave behind: all of it is ended after each test.
import { afterEach } from 'vitest';
import { createTestDatabase } from './database.ts';
import { endAllPosthorn, lastLinesOfAll } from './posthorn-process.ts';
import { type Recorder, startRecorder } from './recorder.ts';

/** Run after the test, the last one first, when no Posthorn runs any more. */
export const cleanups: (() => Promise<unknown>)[] = [];
afterEach(async ({ task }) => {
  if (task.result?.state === 'fail') process.stderr.write(lastLinesOfAll());
  await endAllPosthorn();
  for (const cleanup of cleanups.splice(0).toReversed()) await cleanup();
});

/** The URL of an empty database. */
export async function testDatabase(): Promise<string> {
  const database = await createTestDatabase();
  cleanups.push(database.drop);
  return database.url;
}

export async function testRecorder(): Promise<Recorder> {
  const recorder = await startRecorder();
  cleanups.push(recorder.stop);
  return recorder;
}
