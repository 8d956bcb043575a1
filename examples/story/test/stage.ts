// What the tests of the examples stand on: a folder and a database of their own, and a Posthorn that the stories find.
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'vitest';
import { createTestDatabase } from '../../../packages/posthorn/test/support/database.ts';
import {
  endAllPosthorn,
  type PosthornOptions,
  type PosthornProcess,
  startPosthorn,
  testToken,
} from '../../../packages/posthorn/test/support/posthorn-process.ts';
import { runStory, type Told } from './run-story.ts';

export interface Stage {
  /** Where `npm start` and the stories would leave their files. */
  folder: string;
  databaseUrl: string;
  /** A Posthorn on the database, which leaves the note that `npm start` leaves. */
  start(env?: Record<string, string>, options?: PosthornOptions): Promise<PosthornProcess>;
  /** The story of run.mjs beside the test, which finds Posthorn by the note unless told otherwise. */
  tell(env?: Record<string, string>): Promise<Told>;
  close(): Promise<void>;
}

/** `story`: the URL of its program. */
export async function openStage(story: URL): Promise<Stage> {
  const folder = await mkdtemp(join(tmpdir(), 'posthorn-example-'));
  const database = await createTestDatabase();
  return {
    folder,
    databaseUrl: database.url,
    async start(env, options) {
      const posthorn = await startPosthorn(database.url, env, options);
      const { url, pid } = posthorn;
      const note = { url, token: testToken, pid, databaseUrl: database.url };
      await writeFile(join(folder, 'dev.json'), JSON.stringify(note));
      return posthorn;
    },
    tell: (env) => runStory(story, { POSTHORN_DATA_DIR: folder, ...env }),
    async close() {
      await endAllPosthorn();
      await database.drop();
      await rm(folder, { recursive: true, force: true });
    },
  };
}

/** How a story finds a server without a note. */
export const serverOf = ({ url }: Pick<PosthornProcess, 'url'>) => ({
  POSTHORN_SERVER_URL: url,
  POSTHORN_TOKEN: testToken,
});

/** The story ended well and without a word on stderr; with `lines`, which stand in it in this order. */
export function expectTold({ code, stdout, stderr }: Told, lines: readonly RegExp[] = []): void {
  expect({ code, stderr }, stdout).toEqual({ code: 0, stderr: '' });
  let rest = stdout;
  for (const line of lines) {
    expect(rest).toMatch(line);
    const found = line.exec(rest);
    rest = rest.slice((found?.index ?? 0) + (found?.[0].length ?? 0));
  }
}

/** Below the ports that the system hands out by itself: nobody is given it while its server is down. */
export async function lastingPort(): Promise<number> {
  for (let port = 20_000 + (process.pid % 5_000); port < 32_768; port += 1) {
    const probe = createServer();
    const isFree = await new Promise<boolean>((resolve) => {
      probe.once('error', () => resolve(false)).listen(port, '127.0.0.1', () => resolve(true));
    });
    if (!isFree) continue;
    await new Promise((resolve) => probe.close(resolve));
    return port;
  }
  throw new Error('no free port');
}
