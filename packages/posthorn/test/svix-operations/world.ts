// What the checks of operations work with: a real server, the official client, and a receiver of deliveries.
import { randomUUID } from 'node:crypto';
import { ApiException, Svix } from 'svix';
import type { ApplicationOut, EndpointIn, EndpointOut, MessageIn, MessageOut } from 'svix';
import { expect } from 'vitest';
import { createTestDatabase } from '../support/database.ts';
import { startPosthorn, testToken } from '../support/posthorn-process.ts';
import { startRecorder } from '../support/recorder.ts';
import type { RecordedRequest } from '../support/recorder.ts';
import { waitFor } from '../support/wait.ts';

/** An answer as it came over the wire. */
export interface Observed {
  method: string;
  path: string;
  status: number;
  text: string;
}

export interface World {
  url: string;
  token: string;
  client: Svix;
  /** The client's answers until now. */
  observed: Observed[];
  /** A client with another token. */
  clientWith(token: string): Svix;
  /** A name that nothing else has. */
  unique(prefix?: string): string;
  application(): Promise<ApplicationOut>;
  /** An endpoint whose receiver answers 200, or 500 when `failing`. */
  endpoint(app: string, options?: Partial<EndpointIn> & { failing?: boolean }): Promise<EndpointOut>;
  message(app: string, options?: Partial<MessageIn>): Promise<MessageOut>;
  /** The requests that an endpoint has been sent, as soon as there are `count`. */
  received(endpoint: Pick<EndpointOut, 'url'>, count?: number): Promise<RecordedRequest[]>;
  /** An application with an endpoint, and a message that has been attempted. */
  delivered(options?: { failing?: boolean }): Promise<Delivered>;
  stop(): Promise<void>;
}

export interface Delivered {
  app: string;
  endpoint: EndpointOut;
  message: MessageOut;
  attemptId: string;
}

/** Shows that one operation of the client works: calls it, and looks at what it did. */
export type Check = (world: World) => Promise<void>;
/** By `Class.function` of the client. */
export type Checks = Readonly<Record<string, Check>>;

export const eventType = 'check.made';

/** The answer must be a 404. */
export async function expectGone(call: Promise<unknown>): Promise<void> {
  const error = await call.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  expect(error).toBeInstanceOf(ApiException);
  expect((error as ApiException<unknown>).code).toBe(404);
}

/** The ids of a whole list, a page at a time. */
export async function idsOf<T>(
  list: (options: { limit: number; iterator?: string }) => Promise<{
    data: T[];
    iterator?: string | null;
    done: boolean;
  }>,
  idOf: (item: T) => string,
): Promise<string[]> {
  const ids: string[] = [];
  let iterator: string | null | undefined;
  for (let pages = 0; pages < 100; pages += 1) {
    const page = await list({ limit: 2, ...(iterator ? { iterator } : {}) });
    ids.push(...page.data.map(idOf));
    if (page.done) return ids;
    iterator = page.iterator;
  }
  throw new Error('the list does not end');
}

/** fetch, with every answer kept. */
function observing(observed: Observed[]): typeof fetch {
  return async (input, init) => {
    const response = await fetch(input, init);
    const text = await response.clone().text();
    const { pathname } = new URL(input instanceof Request ? input.url : input);
    observed.push({ method: init?.method ?? 'GET', path: pathname, status: response.status, text });
    return response;
  };
}

export async function startWorld(): Promise<World> {
  const database = await createTestDatabase();
  const posthorn = await startPosthorn(database.url, { POSTHORN_RETRY_SCHEDULE: '0' });
  const recorder = await startRecorder();
  recorder.answer = ({ path }) => ({ status: path.startsWith('/failing') ? 500 : 200, body: 'seen' });
  const receiver = new URL(recorder.url).origin;
  const observed: Observed[] = [];
  const clientWith = (token: string) =>
    new Svix(token, { serverUrl: posthorn.url, retryScheduleInMs: [], fetch: observing(observed) });
  const world: World = {
    url: posthorn.url,
    token: testToken,
    client: clientWith(testToken),
    observed,
    clientWith,
    unique: (prefix = 'check') => `${prefix}-${randomUUID()}`,
    application: () => world.client.application.create({ name: 'Acme', uid: world.unique('acme') }),
    endpoint: (app, { failing = false, ...options } = {}) => {
      const url = `${receiver}/${failing ? 'failing' : 'hook'}/${randomUUID()}`;
      return world.client.endpoint.create(app, { url, ...options });
    },
    message: (app, options = {}) =>
      world.client.message.create(app, { eventType, payload: { n: 1 }, ...options }),
    received: ({ url }, count = 1) => {
      const { pathname } = new URL(url);
      const requests = () => recorder.requests.filter(({ path }) => path === pathname);
      return waitFor(() => (requests().length >= count ? requests() : undefined), {
        what: `${count} deliveries to ${url}`,
      });
    },
    async delivered({ failing = false } = {}) {
      const { id: app } = await world.application();
      const endpoint = await world.endpoint(app, { failing });
      const message = await world.message(app);
      const attempt = await waitFor(
        async () => (await world.client.messageAttempt.listByMsg(app, message.id)).data[0],
        { what: 'an attempt' },
      );
      return { app, endpoint, message, attemptId: attempt.id };
    },
    async stop() {
      await posthorn.end('SIGTERM');
      await recorder.stop();
      await database.drop();
    },
  };
  return world;
}
