// The page in a real browser: what Meta tells Posthorn appears on it, once and as text, also after the wall was away.
import { join } from 'node:path';
import { type Browser, chromium } from 'playwright-core';
import { afterEach, expect, test } from 'vitest';
import { request } from '../../packages/posthorn/test/support/api.ts';
import { type PosthornProcess, testToken } from '../../packages/posthorn/test/support/posthorn-process.ts';
import { programPath } from '../../packages/posthorn/test/support/services.ts';
import { lastingPort, openStage, type Stage } from '../story/test/stage.ts';
import { createProvider } from './provider.mjs';
import { startWall } from './wall.mjs';

// As root there is no sandbox for it to make; the rest is what it would ask of Google.
const browserArguments = [
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
];
const patienceMs = 90_000;
const testTimeoutMs = 300_000;
const appSecret = 'app-secret';
const verifyToken = 'verify-token';

const cleanups: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).toReversed()) await cleanup();
});

const browserPath = () =>
  ['chromium', 'chromium-browser', 'google-chrome']
    .map((name) => programPath(name))
    .find((path) => path !== undefined);

/** A source of Meta, an endpoint of it for the wall, and the wall. */
async function openWall(stage: Stage, posthorn: PosthornProcess) {
  const call = async (method: string, path: string, body?: object) => {
    const answer = await request({ url: posthorn.url, token: testToken }, method, path, body);
    expect(answer.status, answer.text).toBeLessThan(300);
    return answer.body;
  };
  const source = await call('PUT', '/ingest/api/v1/source/wall', {
    type: 'meta',
    name: 'Wall',
    config: { secret: appSecret, settings: { verifyToken } },
  });
  const port = await lastingPort();
  const endpoint = `/ingest/api/v1/source/${String(source.id)}/endpoint/wall`;
  await call('PUT', endpoint, { url: `http://127.0.0.1:${port}/webhooks/meta` });
  const { key } = await call('GET', `${endpoint}/secret`);
  const options = { secret: String(key), port, logPath: join(stage.folder, 'wall.jsonl'), say: () => {} };
  const start = () => startWall(options);
  let wall: Awaited<ReturnType<typeof start>> | undefined = await start();
  const stop = async () => {
    const running = wall;
    wall = undefined;
    await running?.stop();
  };
  cleanups.push(stop);
  return {
    url: wall.url,
    meta: createProvider({ callbackUrl: String(source.ingestUrl), appSecret, verifyToken }),
    stop,
    async startAgain() {
      wall = await start();
    },
  };
}

const comment = (id: string, message: string) => ({
  item: 'comment',
  verb: 'add',
  comment_id: id,
  from: { id: '1', name: 'Ada' },
  message,
  created_time: 1_700_000_000,
});

async function openBrowser(executablePath: string): Promise<Browser> {
  const browser = await chromium.launch({ executablePath, args: browserArguments });
  cleanups.push(() => browser.close());
  return browser;
}

test('a comment that Meta signs appears on the page', { timeout: testTimeoutMs }, async ({ skip }) => {
  const executablePath = browserPath();
  if (executablePath === undefined) return skip('no browser is installed (apt-get install chromium)');
  const stage = await openStage(new URL('run.mjs', import.meta.url));
  cleanups.push(() => stage.close());
  const wall = await openWall(stage, await stage.start());
  const page = await (await openBrowser(executablePath)).newPage();
  page.setDefaultTimeout(patienceMs);
  const problems: string[] = [];
  page.on('pageerror', ({ message }) => problems.push(message));
  page.on('console', (said) => {
    if (/content security policy/i.test(said.text())) problems.push(said.text());
  });
  const send = async (id: string, message: string) => {
    const sentAtSeconds = Math.floor(Date.now() / 1000);
    expect(await wall.meta.send([comment(id, message)], { sentAtSeconds })).toBe(200);
  };
  const texts = () => page.locator('#events li p').allTextContents();

  await page.goto(wall.url);
  await page.getByText('live', { exact: true }).waitFor();
  await send('c1', 'Do you have this in <b>blue</b>?');
  await page.getByText('Ada: Do you have this in <b>blue</b>?').waitFor();
  expect(await page.locator('#events b').count()).toBe(0);

  await page.getByRole('button', { name: 'Pause' }).click();
  await send('c2', 'Held');
  await page.getByRole('button', { name: 'Go on (1 new)' }).click();
  await page.getByText('Ada: Held').waitFor();

  await wall.stop();
  await page.getByText('connecting again').waitFor();
  await wall.startAgain();
  await send('c3', 'Back');
  await page.getByText('Ada: Back').waitFor();
  expect(await texts()).toEqual(['Ada: Back', 'Ada: Held', 'Ada: Do you have this in <b>blue</b>?']);
  expect(problems).toEqual([]);
});
