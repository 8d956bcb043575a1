// A client for the whole API, what goes beyond the Svix SDK included: one function, whose first argument is the route as
// the reference writes it. For Node, browsers and workers; it needs nothing but `fetch`.
import type { Operations } from './operations.ts';

/** `GET /api/v1/issue`, `POST /ingest/api/v1/source` and all the others. */
export type Route = keyof Operations;
export type Answer<R extends Route> = Operations[R]['answer'];
/** What a request takes besides its route. */
export type Input<R extends Route> = Asked<R> & RequestOptions;
/** An item of the list that a route answers; never for other routes. */
export type Item<R extends Route> = Answer<R> extends { data: Array<infer One>; done: boolean } ? One : never;
/** Routes that answer a list. */
export type ListRoute = { [R in Route]: [Item<R>] extends [never] ? never : R }[Route] & `GET ${string}`;

type Asked<R extends Route> = Omit<Operations[R], 'answer'>;
type InputArguments<R extends Route> =
  Partial<Asked<R>> extends Asked<R> ? [input?: Input<R>] : [input: Input<R>];

export interface RequestOptions {
  /** Makes a POST safe to send again: for a day, its answer is given again and nothing is done twice. */
  idempotencyKey?: string;
  signal?: AbortSignal;
}

export interface ClientOptions {
  /** Where the server is, such as `http://127.0.0.1:8071`. */
  url: string;
  token: string;
  /** The global one unless given. */
  fetch?: (url: string, init: RequestInit) => Promise<Response>;
}

export interface Client {
  /** One request. Throws `PosthornError` for every answer but 2xx, and what `fetch` throws when there is none. */
  request<R extends Route>(route: R, ...input: InputArguments<R>): Promise<Answer<R>>;
  /** Every item of a list, whose pages are asked for as they are needed. */
  each<R extends ListRoute>(route: R, ...input: InputArguments<R>): AsyncGenerator<Item<R>, void, undefined>;
}

/** An answer of the server that says no. */
export class PosthornError extends Error {
  override readonly name = 'PosthornError';
  readonly status: number;
  /** Stable, such as `not_found`; empty when something else than Posthorn has answered. */
  readonly code: string;
  /** A sentence, or for 422 a list of the wrong fields. */
  readonly detail: unknown;

  constructor(route: string, status: number, { code, detail }: { code: string; detail: unknown }) {
    super(`${route} was answered ${status} ${code}: ${messageOf(detail)}`.trimEnd());
    this.status = status;
    this.code = code;
    this.detail = detail;
  }
}

const messageOf = (detail: unknown): string => (typeof detail === 'string' ? detail : JSON.stringify(detail));

type Text = string | number | boolean;

/** What every input can hold, whatever its route. */
interface AnyInput extends RequestOptions {
  params?: Readonly<Record<string, Text>>;
  query?: Readonly<Record<string, Text | readonly Text[] | null | undefined>>;
  body?: unknown;
}

interface Page {
  data: unknown[];
  iterator: string | null;
  done: boolean;
}

export function createClient(options: ClientOptions): Client {
  const request = (route: string, input?: AnyInput) => send(options, route, input ?? {});

  async function* each(route: string, input: AnyInput = {}) {
    let page: Page | undefined;
    while (page === undefined || (!page.done && page.iterator !== null)) {
      const query = page === undefined ? input.query : { ...input.query, iterator: page.iterator };
      page = (await request(route, { ...input, ...(query === undefined ? {} : { query }) })) as Page;
      yield* page.data;
    }
  }

  // The types say more than the functions know: they are made of the same document that the server serves.
  return { request, each } as Client;
}

async function send(
  { url, token, fetch: ask = globalThis.fetch }: ClientOptions,
  route: string,
  { params, query, body, idempotencyKey, signal }: AnyInput,
): Promise<unknown> {
  const [method = '', path = ''] = route.split(' ');
  const headers = new Headers({ authorization: `Bearer ${token}`, accept: 'application/json' });
  if (body !== undefined) headers.set('content-type', 'application/json');
  if (idempotencyKey !== undefined) headers.set('idempotency-key', idempotencyKey);
  const response = await ask(`${url.replace(/\/+$/, '')}${fill(path, params)}${searchOf(query)}`, {
    method,
    headers,
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    ...(signal === undefined ? {} : { signal }),
  });
  const text = await response.text();
  if (!response.ok) throw new PosthornError(route, response.status, problemOf(text));
  return text === '' ? undefined : JSON.parse(text);
}

function fill(path: string, params: AnyInput['params'] = {}): string {
  return path.replaceAll(/\{(\w+)\}/g, (_, name: string) => {
    const value = params[name];
    // An empty one would be another route.
    if (value === undefined || value === '') throw new TypeError(`${path} needs params.${name}`);
    return encodeURIComponent(String(value));
  });
}

/** A list is given as its name repeated. */
function searchOf(query: AnyInput['query'] = {}): string {
  const search = new URLSearchParams();
  for (const [name, given] of Object.entries(query)) {
    for (const value of [given ?? []].flat()) search.append(name, String(value));
  }
  const text = search.toString();
  return text === '' ? '' : `?${text}`;
}

function problemOf(text: string): { code: string; detail: unknown } {
  try {
    const { code, detail } = JSON.parse(text) as { code?: unknown; detail?: unknown };
    if (typeof code === 'string') return { code, detail };
  } catch {
    // A proxy's page, say.
  }
  return { code: '', detail: text.slice(0, 200) };
}
