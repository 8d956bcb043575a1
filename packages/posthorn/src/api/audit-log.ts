// The audit log over HTTP: read only, by whoever may read the environment.
import Type from 'typebox';
import { listAuditEntries } from '../store/audit-log.ts';
import type { AuditRow } from '../store/audit-log.ts';
import { reading } from './access.ts';
import type { Api, ApiDeps } from './context.ts';
import { TimeText } from './fields.ts';
import { timeOf } from './message-query.ts';
import { pageQueryFields, parsePage, toList } from './pagination.ts';
import { resolveApplication } from './resolve.ts';

const idMaxChars = 64;

const ListQuery = Type.Object({
  ...pageQueryFields,
  application: Type.Optional(Type.String({ minLength: 1 })),
  token: Type.Optional(Type.String({ minLength: 1, maxLength: idMaxChars })),
  before: Type.Optional(TimeText),
  after: Type.Optional(TimeText),
});

function wireEntry(row: AuditRow) {
  return {
    id: row.id,
    timestamp: row.created_at.toISOString(),
    tokenId: row.token_id,
    tokenName: row.token_name,
    applicationId: row.application_id,
    method: row.method,
    route: row.route,
    objects: row.objects,
    status: row.status,
    requestId: row.request_id,
    address: row.address,
  };
}

export function registerAuditLogRoutes(api: Api, deps: ApiDeps): void {
  api.get(
    '/api/v1/audit-log',
    { config: reading, schema: { querystring: ListQuery } },
    async ({ environmentId, query }) => {
      const page = parsePage(query, { order: 'descending', key: 'audit_' });
      // A deleted application is named by its id.
      const applicationId = query.application?.startsWith('app_')
        ? query.application
        : query.application && (await resolveApplication(deps, environmentId, query.application)).id;
      const filter = {
        applicationId,
        tokenId: query.token,
        before: timeOf('before', query.before),
        after: timeOf('after', query.after),
      };
      const rows = await listAuditEntries(deps.db.queries, environmentId, filter, page.keyset);
      return toList(rows, page, (row) => row.id, wireEntry);
    },
  );
}
