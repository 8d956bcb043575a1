// What tests of the gateway work with: a real Posthorn process, sources made over its API, and requests signed as their
// provider signs them.
import { randomUUID } from 'node:crypto';
import { type Provider, signRequest } from '@posthorn/webhooks/provider';
import { providers } from '@posthorn/webhooks/providers';
import { expect } from 'vitest';
import { request } from './api.ts';
import type { ApiAnswer } from './api.ts';
import { testToken } from './posthorn-process.ts';
import type { PosthornProcess } from './posthorn-process.ts';

export interface Source {
  id: string;
  ingestUrl: string;
}

export interface SentRequest {
  body?: string | Uint8Array;
  secret?: string;
  headers?: Record<string, string>;
  nowMs?: number;
  method?: string;
  /** With its question mark. */
  query?: string;
  settings?: Record<string, string>;
}

export const githubSecret = 'It is a Secret to Everybody';

export interface GatewayClient {
  api(method: string, path: string, body?: unknown): Promise<ApiAnswer>;
  /** A source of GitHub unless told otherwise. */
  source(fields?: Record<string, unknown>): Promise<Source>;
  /** An endpoint of the source. */
  endpoint(source: Source, fields: Record<string, unknown>): Promise<{ id: string }>;
  /** What a request of the provider looks like, signed. */
  signed(source: Source, provider: string, sent: SentRequest): Promise<{ url: string; init: RequestInit }>;
  send(source: Source, provider: string, sent: SentRequest): Promise<Response>;
  /** A push of GitHub, with a delivery id of its own. */
  push(source: Source, sent?: SentRequest & { delivery?: string }): Promise<Response>;
  requests(source: Source, verdict?: string): Promise<Record<string, unknown>[]>;
  messages(source: Source): Promise<Record<string, unknown>[]>;
}

export function gatewayClient({ url }: Pick<PosthornProcess, 'url'>): GatewayClient {
  const caller = { url, token: testToken };
  const listed = async (path: string) => {
    const answer = await request(caller, 'GET', path);
    expect(answer.status, answer.text).toBe(200);
    return answer.body.data as Record<string, unknown>[];
  };
  const client: GatewayClient = {
    api: (method, path, body) => request(caller, method, path, body),
    async source(fields = {}) {
      const body = { type: 'github', name: 'test', config: { secret: githubSecret }, ...fields };
      const answer = await request(caller, 'POST', '/ingest/api/v1/source', body);
      expect(answer.status, answer.text).toBe(201);
      return answer.body as unknown as Source;
    },
    async endpoint({ id }, fields) {
      const answer = await request(caller, 'POST', `/ingest/api/v1/source/${id}/endpoint`, fields);
      expect(answer.status, answer.text).toBe(201);
      return answer.body as unknown as { id: string };
    },
    async signed(source, name, { body = '{}', secret = githubSecret, query = '', ...more }) {
      const provider = providers.get(name) as Provider;
      const draft = await signRequest(provider, { body, secret, url: source.ingestUrl + query, ...more });
      const init: RequestInit = { method: draft.method, headers: draft.headers };
      return { url: draft.url, init: draft.method === 'GET' ? init : { ...init, body: draft.body } };
    },
    async send(source, provider, sent) {
      const draft = await client.signed(source, provider, sent);
      return fetch(draft.url, draft.init);
    },
    push: (source, { delivery = randomUUID(), headers = {}, ...sent } = {}) =>
      client.send(source, 'github', {
        body: '{"ref":"refs/heads/main"}',
        headers: { 'x-github-event': 'push', 'x-github-delivery': delivery, ...headers },
        ...sent,
      }),
    requests: ({ id }, verdict) =>
      listed(`/ingest/api/v1/source/${id}/request${verdict === undefined ? '' : `?verdict=${verdict}`}`),
    messages: ({ id }) => listed(`/api/v1/app/${id}/msg`),
  };
  return client;
}
