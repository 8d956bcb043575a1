// A real HTTP server that speaks the part of GitHub's API that is about the deliveries of a webhook, and that remembers
// what it was asked. Facts: https://docs.github.com/en/rest/repos/webhooks#list-deliveries-for-a-repository-webhook
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

interface Delivery {
  id: string;
  guid: string;
  deliveredAt: Date;
  status: number;
  event: string;
  /** JSON text: it stands in the answer as it is. */
  payload: string;
}

export interface GithubServer {
  /** The base of the API. */
  url: string;
  token: string;
  /** The newest first. */
  deliveries: Delivery[];
  pageItems: number;
  /** `GET /deliveries?…`, as they came. */
  asked: string[];
  headers: IncomingMessage['headers'][];
  /** Answers instead, where it gives something. */
  intercept: (
    request: IncomingMessage,
    asked: string,
  ) => Interception | undefined | Promise<Interception | undefined>;
  /** Called with what is to be sent again. */
  onRedeliver: (delivery: Delivery) => void;
  /** Adds a delivery, as the newest. */
  add(delivery: Partial<Delivery> & { guid: string }): Delivery;
  stop(): Promise<void>;
}

interface Interception {
  status: number;
  headers?: Record<string, string>;
  body?: string;
}

const hookPath = '/repos/acme/shop/hooks/42/deliveries';
/** GitHub's ids are larger than a number of JavaScript is exact. */
const firstId = 178_012_345_678_901_234n;

export const hookOf = ({ url }: GithubServer): string => `${url}/repos/acme/shop/hooks/42`;

export async function startGithub(): Promise<GithubServer> {
  let count = 0n;
  const server = createServer((request, response) => void answer(request, response));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const github: GithubServer = {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    token: 'ghp_read_webhooks',
    deliveries: [],
    pageItems: 100,
    asked: [],
    headers: [],
    intercept: () => undefined,
    onRedeliver: () => {},
    add(more) {
      count += 1n;
      const delivery = {
        id: String(firstId + count),
        deliveredAt: new Date(Date.now() - 120_000),
        status: 502,
        event: 'push',
        payload: `{"ref":"refs/heads/main","n":${count}}`,
        ...more,
      };
      github.deliveries.unshift(delivery);
      return delivery;
    },
    stop() {
      server.closeAllConnections();
      return new Promise((resolve) => server.close(() => resolve()));
    },
  };

  async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const asked = `${request.method} ${(request.url ?? '').replace('/repos/acme/shop/hooks/42', '')}`;
    github.asked.push(asked);
    github.headers.push(request.headers);
    const given = (await github.intercept(request, asked)) ?? answerOf(github, request);
    response.writeHead(given.status, { 'content-type': 'application/json', ...given.headers });
    response.end(given.body ?? '');
  }

  return github;
}

function answerOf(github: GithubServer, request: IncomingMessage): Interception {
  if (request.headers.authorization !== `Bearer ${github.token}`) {
    return { status: 401, body: '{"message":"Bad credentials"}' };
  }
  // GitHub refuses whoever does not say who it is.
  if (!request.headers['user-agent']) return { status: 403, body: '{"message":"no User-Agent"}' };
  const url = new URL(request.url ?? '', github.url);
  const rate = { 'x-ratelimit-remaining': '4999', 'x-ratelimit-reset': '1' };
  if (request.method === 'GET' && url.pathname === hookPath) return listOf(github, url, rate);
  const [, id = '', attempts] = /\/deliveries\/(\d+)(\/attempts)?$/.exec(url.pathname) ?? [];
  const delivery = github.deliveries.find((one) => one.id === id);
  if (delivery === undefined) return { status: 404, headers: rate, body: '{"message":"Not Found"}' };
  if (request.method === 'POST' && attempts !== undefined) {
    github.onRedeliver(delivery);
    return { status: 202, headers: rate, body: '{}' };
  }
  return { status: 200, headers: rate, body: wholeOf(delivery) };
}

function listOf(github: GithubServer, url: URL, rate: Record<string, string>): Interception {
  const cursor = url.searchParams.get('cursor');
  const start = cursor === null ? 0 : github.deliveries.findIndex(({ id }) => `v1_${id}` === cursor);
  if (start < 0) return { status: 422, headers: rate, body: '{"message":"bad cursor"}' };
  const items = Math.min(github.pageItems, Number(url.searchParams.get('per_page') ?? '30'));
  const next = github.deliveries[start + items];
  // As GitHub does it: by the number of the repository, which is not the path that was asked for.
  const link = `<${github.url}/repositories/7/hooks/42/deliveries?per_page=${items}&cursor=v1_${next?.id}>; rel="next"`;
  const page = github.deliveries.slice(start, start + items).map(itemOf);
  return { status: 200, headers: { ...rate, ...(next ? { link } : {}) }, body: `[${page.join(',')}]` };
}

function itemOf({ id, guid, deliveredAt, status, event }: Delivery): string {
  const rest = { delivered_at: deliveredAt.toISOString(), redelivery: false, duration: 0.1, status: 'x' };
  const more = { guid, ...rest, status_code: status, event, action: null, installation_id: null };
  return `{"id":${id},${JSON.stringify({ ...more, repository_id: 7 }).slice(1)}`;
}

function wholeOf(delivery: Delivery): string {
  const headers = JSON.stringify({
    'User-Agent': 'GitHub-Hookshot/1',
    'X-GitHub-Delivery': delivery.guid,
    'X-GitHub-Event': delivery.event,
    'content-type': 'application/json',
  });
  const item = itemOf(delivery).slice(0, -1);
  return `${item},"url":"","request":{"headers":${headers},"payload":${delivery.payload}},"response":{"headers":{},"payload":""}}`;
}
