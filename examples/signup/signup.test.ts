// The story of the example against a real Posthorn, told twice; and the receiver, alone, with what a network does to it.
import { appendFile, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { generateHmacSecret, sign } from '@posthorn/webhooks';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { PosthornProcess } from '../../packages/posthorn/test/support/posthorn-process.ts';
import { startRecorder } from '../../packages/posthorn/test/support/recorder.ts';
import { waitFor } from '../../packages/posthorn/test/support/wait.ts';
import { expectTold, openStage, serverOf, type Stage } from '../story/test/stage.ts';

const storyTimeoutMs = 300_000;

let stage: Stage;
let posthorn: PosthornProcess;

beforeAll(async () => {
  stage = await openStage(new URL('run.mjs', import.meta.url));
  posthorn = await stage.start();
});
afterAll(() => stage.close());

const tellStory = (env: Record<string, string> = {}) => stage.tell({ SIGNUP_DATA_DIR: stage.folder, ...env });

const storyLines = [
  /^1\. The service registers the receiver for user\.created$/m,
  /^2\. Ada signs up$/m,
  /^ {3}msg_\w{22}: signature valid, user stored$/m,
  /^ {3}chat: Ada <ada\.\w{6}@example\.com> signed up$/m,
  /^3\. The receiver is down, and Grace signs up$/m,
  /^ {3}attempt 1: fail, .*ECONNREFUSED/m,
  /^ {3}Posthorn tries again at \d{4}-/m,
  /^4\. The receiver comes back, and so does the message$/m,
  /^ {3}chat: Grace <grace\.\w{6}@example\.com> signed up$/m,
  /^ {3}attempt \d: success, status 204$/m,
  /^Done: two users signed up, each was stored once \(.*users\.jsonl\) and announced once\.$/m,
];

test('the story ends well, and ends well again', { timeout: storyTimeoutMs }, async () => {
  expectTold(await tellStory(), storyLines);
  const elsewhere = { POSTHORN_DATA_DIR: join(stage.folder, 'nothing') };
  expectTold(await tellStory({ ...elsewhere, ...serverOf(posthorn) }));
  const stored = (await readFile(join(stage.folder, 'users.jsonl'), 'utf8'))
    .split('\n')
    .filter((line) => line !== '');
  expect(stored.filter((line) => line.includes('"user"'))).toHaveLength(4);
});

test('without Posthorn, or with a wrong token, it says so and ends', async () => {
  const elsewhere = { POSTHORN_DATA_DIR: join(stage.folder, 'nothing') };
  expect(await tellStory(elsewhere)).toMatchObject({
    code: 1,
    stderr: expect.stringContaining('Start it with `npm start` in another terminal') as string,
  });
  const server = { ...elsewhere, POSTHORN_SERVER_URL: posthorn.url };
  expect(await tellStory(server)).toMatchObject({
    code: 1,
    stderr: expect.stringContaining('set POSTHORN_TOKEN too') as string,
  });
  expect(await tellStory({ ...server, POSTHORN_TOKEN: 'not-a-token-of-posthorn' })).toMatchObject({
    code: 1,
    stderr: expect.stringContaining('authentication_failed') as string,
  });
});

interface ReceiverModule {
  startReceiver(options: {
    secret: string;
    storePath: string;
    chatUrl: string;
    port: number;
    log(line: string): void;
  }): Promise<{ url: string; count(userId: string): number; stop(): Promise<void> }>;
}

async function deliver(url: string, secret: string, id: string, body: string): Promise<number> {
  const timestamp = Math.floor(Date.now() / 1000);
  const headers = {
    ...(await sign({ id, timestamp, body, secrets: secret })),
    'content-type': 'application/json',
  };
  return (await fetch(url, { method: 'POST', headers, body })).status;
}

const created = (id: string) =>
  JSON.stringify({ type: 'user.created', data: { id, name: 'Ada', email: `${id}@example.com` } });

test('the receiver takes a webhook once, refuses a forged one, and outlives a torn write and a chat that fails', async () => {
  const { startReceiver } = (await import(new URL('receiver.mjs', import.meta.url).href)) as ReceiverModule;
  const chat = await startRecorder();
  const secret = generateHmacSecret();
  const storePath = join(stage.folder, 'alone', 'users.jsonl');
  const options = { secret, storePath, chatUrl: chat.url, port: 0, log: () => {} };
  const posts = () => chat.requests.map(({ body }) => String(JSON.parse(String(body)).text));

  const first = await startReceiver(options);
  expect(await deliver(first.url, secret, 'msg_1', created('u1'))).toBe(204);
  expect(await deliver(first.url, secret, 'msg_1', created('u1'))).toBe(204);
  expect(await deliver(first.url, generateHmacSecret(), 'msg_2', created('u2'))).toBe(400);
  await waitFor(() => posts().length > 0, { what: 'the first announcement' });
  chat.answer = () => ({ status: 500 });
  expect(await deliver(first.url, secret, 'msg_3', created('u3'))).toBe(204);
  await waitFor(() => posts().length > 1, { what: 'the announcement that fails' });
  await first.stop();

  await appendFile(storePath, '{"webhookId":"msg_4","us');
  chat.answer = () => ({ status: 200 });
  const second = await startReceiver(options);
  expect(await deliver(second.url, secret, 'msg_5', created('u5'))).toBe(204);
  expect(['u1', 'u2', 'u3', 'u5'].map(second.count)).toEqual([1, 0, 1, 1]);
  await waitFor(() => posts().length > 3, { what: 'the late announcements' });
  await second.stop();
  await chat.stop();

  expect(posts()).toEqual(['u1', 'u3', 'u3', 'u5'].map((id) => `Ada <${id}@example.com> signed up`));
  const lines = (await readFile(storePath, 'utf8')).trimEnd().split('\n');
  const stored = lines.map((line) => JSON.parse(line) as { webhookId?: string; notified?: string });
  expect(stored.map(({ webhookId, notified }) => webhookId ?? `announced ${notified}`)).toEqual([
    'msg_1',
    'announced msg_1',
    'msg_3',
    'announced msg_3',
    'msg_5',
    'announced msg_5',
  ]);
});
