// The story of the wall against a real Posthorn, told twice; and the wall and its page alone, with what a network does to them.
import { appendFile, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createContext, runInContext } from 'node:vm';
import { generateHmacSecret, sign } from '@posthorn/webhooks';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { PosthornProcess } from '../../packages/posthorn/test/support/posthorn-process.ts';
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

const tellStory = (env: Record<string, string> = {}) => stage.tell({ SOCIAL_DATA_DIR: stage.folder, ...env });

const storyLines = [
  /^1\. A source for Meta, and Meta asks whether its URL is ours$/m,
  /^ {3}its challenge came back, and not to somebody with another verify token$/m,
  /^ {3}the second page loses its connection, after \d+ events and number \d+$/m,
  /^ {3}it comes back with Last-Event-ID, and gets what it missed$/m,
  /^ {3}200 events, 10 requests repeated; one that was forged is answered 401$/m,
  /^ {3}from Meta's request to the page that stayed: p50 [\d.]+ ms, p99 [\d.]+ ms \(of 200\)$/m,
  /^Checked: 200 events sent in 100 requests and 10 repetitions; the page that stayed shows 200, the one that was away 200; 0 twice\.$/m,
];

test('the story ends well, and ends well again', { timeout: storyTimeoutMs }, async () => {
  expectTold(await tellStory(), storyLines);
  const elsewhere = { POSTHORN_DATA_DIR: join(stage.folder, 'nothing') };
  expectTold(await tellStory({ ...elsewhere, ...serverOf(posthorn) }));
  const kept = (await readFile(join(stage.folder, 'wall.jsonl'), 'utf8')).trimEnd().split('\n');
  expect(new Set(kept.map((line) => (JSON.parse(line) as { key: string }).key)).size).toBe(400);
  expect(kept).toHaveLength(400);
});

test('without Posthorn it says so and ends', async () => {
  expect(await tellStory({ POSTHORN_DATA_DIR: join(stage.folder, 'nothing') })).toMatchObject({
    code: 1,
    stderr: expect.stringContaining('Start it with `npm start` in another terminal') as string,
  });
});

interface WallModule {
  startWall(options: {
    secret: string;
    logPath: string;
    say(line: string): void;
  }): Promise<{ url: string; webhookUrl: string; stop(): Promise<void> }>;
}
interface ReaderModule {
  createPageReader(
    url: string,
    show: (event: { text: string; kind: string }) => void,
  ): { open(): Promise<void>; close(): Promise<void>; lastEventId(): string };
}
const load = async <T>(file: string) => (await import(new URL(file, import.meta.url).href)) as T;

const comment = (id: string, text = id) => ({
  item: 'comment',
  verb: 'add',
  comment_id: id,
  from: { id: '1', name: 'Ada' },
  message: text,
  created_time: 1_700_000_000,
});

type Told = [id: string, value: object, time?: number];

async function deliver(url: string, secret: string, [id, value, time = 1]: Told): Promise<number> {
  const body = JSON.stringify({ id: '104', time, changes: [{ field: 'feed', value }] });
  const timestamp = Math.floor(Date.now() / 1000);
  const headers = {
    ...(await sign({ id, timestamp, body, secrets: secret })),
    'content-type': 'application/json',
  };
  return (await fetch(url, { method: 'POST', headers, body })).status;
}

test('the wall shows an event once, and a page that was away gets what it missed, also after a restart', async () => {
  const { startWall } = await load<WallModule>('wall.mjs');
  const { createPageReader } = await load<ReaderModule>('page-reader.mjs');
  const secret = generateHmacSecret();
  const logPath = join(stage.folder, 'alone', 'wall.jsonl');
  const said: string[] = [];
  const options = { secret, logPath, say: (line: string) => void said.push(line) };
  const shown: string[] = [];

  const first = await startWall(options);
  const page = createPageReader(`${first.url}/events`, ({ text }) => void shown.push(text));
  await page.open();
  expect(await deliver(first.webhookUrl, secret, ['msg_1', comment('c1')])).toBe(204);
  expect(await deliver(first.webhookUrl, secret, ['msg_1', comment('c1')])).toBe(204);
  expect(await deliver(first.webhookUrl, secret, ['msg_2', comment('c1'), 2])).toBe(204);
  expect(await deliver(first.webhookUrl, generateHmacSecret(), ['msg_3', comment('c3')])).toBe(401);
  expect(await deliver(first.webhookUrl, secret, ['msg_4', { item: 'photo', verb: 'add' }])).toBe(204);
  expect(await deliver(first.webhookUrl, secret, ['msg_5', comment('c5')])).toBe(204);
  await waitFor(() => shown.length > 1, { what: 'two events' });
  await page.close();
  expect(await deliver(first.webhookUrl, secret, ['msg_6', comment('c6')])).toBe(204);
  await first.stop();
  expect(said).toEqual([expect.stringContaining('refused: mismatch')]);

  await appendFile(logPath, '{"key":"comment c7","ev');
  const second = await startWall(options);
  const late: string[] = [];
  const headers = { 'last-event-id': page.lastEventId() };
  const resumed = await fetch(`${second.url}/events`, { headers });
  const decoder = new TextDecoder();
  const reading = (async () => {
    for await (const chunk of resumed.body ?? []) late.push(decoder.decode(chunk as Uint8Array));
  })();
  expect(await deliver(second.webhookUrl, secret, ['msg_6', comment('c6')])).toBe(204);
  expect(await deliver(second.webhookUrl, secret, ['msg_7', comment('c7', 'line\n\nid: 99\n')])).toBe(204);
  await waitFor(() => late.join('').includes('id: 4\n'), { what: 'the fourth event' });
  await second.stop();
  await reading;

  expect(shown).toEqual(['c1', 'c5']);
  expect(late.join('').match(/^id: .*$/gm)).toEqual(['id: 3', 'id: 4']);
  expect((await readFile(logPath, 'utf8')).trimEnd().split('\n')).toHaveLength(4);
});

// What the page asks of a browser, and no more.
class Node {
  children: (Node | string)[] = [];
  textContent = '';
  className = '';
  dateTime = '';
  onclick = () => {};
  append(...nodes: (Node | string)[]) {
    this.children.push(...nodes);
  }
  prepend(node: Node) {
    this.children.unshift(node);
  }
  text(): string {
    return (
      this.textContent + this.children.map((node) => (typeof node === 'string' ? node : node.text())).join('')
    );
  }
}

test('the page shows each number once, as text, and holds while it is paused', async () => {
  const { startWall } = await load<WallModule>('wall.mjs');
  const secret = generateHmacSecret();
  const wall = await startWall({ secret, logPath: join(stage.folder, 'page', 'wall.jsonl'), say: () => {} });
  const response = await fetch(wall.url);
  const html = await response.text();
  await wall.stop();
  expect(response.headers.get('content-security-policy')).toMatch(/script-src 'sha256-[\w+/]{43}='/);

  const elements = new Map(['events', 'state', 'pause'].map((id) => [id, new Node()]));
  const source: { onmessage?: (event: { lastEventId: string; data: string }) => void } = {};
  const document = { getElementById: (id: string) => elements.get(id), createElement: () => new Node() };
  const EventSource = function EventSource() {
    return source;
  };
  runInContext(
    /<script>(.*?)<\/script>/s.exec(html)?.[1] ?? '',
    createContext({ document, EventSource, URL }),
  );
  const say = (number: number, text: string) => {
    const data = JSON.stringify({ kind: 'comment', who: 'Ada', text, at: '2026-01-01T00:00:00Z' });
    source.onmessage?.({ lastEventId: String(number), data });
  };
  const list = () => ((elements.get('events')?.children ?? []) as Node[]).map((node) => node.text());
  say(1, '<b>one</b>');
  say(1, '<b>one</b>');
  elements.get('pause')?.onclick();
  say(2, 'two');
  expect(list()).toEqual([expect.stringContaining('Ada: <b>one</b>')]);
  expect(elements.get('pause')?.textContent).toBe('Go on (1 new)');
  elements.get('pause')?.onclick();
  expect(list()).toEqual([expect.stringContaining('Ada: two'), expect.stringContaining('<b>one</b>')]);
});
