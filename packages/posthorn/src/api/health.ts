// Whether this process serves, and whether its database answers. No token needed, nothing told.
import { open } from './access.ts';
import type { Api, ApiDeps } from './context.ts';

// A load balancer's probe wants an answer before it gives up itself.
const databaseTimeoutMs = 2_000;

export function registerHealthRoutes(api: Api, { db }: ApiDeps): void {
  api.get('/api/v1/health', { config: open }, async (_request, reply) => {
    await db.pool.query({ text: 'select 1', query_timeout: databaseTimeoutMs } as { text: string });
    return reply.code(204).send();
  });
  api.get('/api/v1/health/ping', { config: open }, async (_request, reply) => {
    return reply.code(204).send();
  });
}
