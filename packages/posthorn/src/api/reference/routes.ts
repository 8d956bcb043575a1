// The API describes itself: the OpenAPI document for programs, a page for people. Both without a token, for they tell
// what every installation has.
import { hash } from 'node:crypto';
import type { FastifyInstance } from 'fastify';
import type { Api } from '../context.ts';
import { openApiDocument } from './document.ts';
import type { DescribedRoute } from './document.ts';
import { referencePage, referenceStyle } from './page.ts';

const documentPath = '/api/v1/openapi.json';
const pagePath = '/docs';
const open = { access: 'public' } as const;

// The page has no script, loads nothing and cannot be framed.
const pagePolicy = [
  "default-src 'none'",
  `style-src 'sha256-${hash('sha256', referenceStyle, 'base64')}'`,
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join('; ');

/** Sees every route that is registered after it; call it first. */
export function collectRoutes(api: FastifyInstance): readonly DescribedRoute[] {
  const routes: DescribedRoute[] = [];
  api.addHook('onRoute', ({ method, url, schema, config }) => {
    for (const one of [method].flat()) {
      routes.push({ method: one, url, ...(schema ? { schema } : {}), ...(config ? { config } : {}) });
    }
  });
  return routes;
}

export function registerReferenceRoutes(api: Api, routes: readonly DescribedRoute[]): void {
  // Made when they are first asked for: by then every route is there, and most servers are never asked.
  const made: { document?: string; page?: string } = {};
  const document = () => (made.document ??= `${JSON.stringify(openApiDocument(routes), null, 2)}\n`);
  const page = () => (made.page ??= referencePage(openApiDocument(routes)));

  api.get(documentPath, { config: open }, async (_request, reply) => {
    return reply.type('application/json; charset=utf-8').send(document());
  });

  api.get(pagePath, { config: open }, async (_request, reply) => {
    return reply
      .type('text/html; charset=utf-8')
      .header('content-security-policy', pagePolicy)
      .header('x-content-type-options', 'nosniff')
      .header('referrer-policy', 'no-referrer')
      .send(page());
  });
}
