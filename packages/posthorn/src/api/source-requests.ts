// The requests that came in at a source: what they were, what became of them, and having one again.
import { isUtf8 } from 'node:buffer';
import Type from 'typebox';
import { findRequest, listRequests } from '../store/requests.ts';
import type { RequestRow, WholeRequestRow } from '../store/requests.ts';
import { managing, reading } from './access.ts';
import type { Api, ApiDeps } from './context.ts';
import { oneOf } from './fields.ts';
import { pageQueryFields, parsePage, toList } from './pagination.ts';
import { conflict, notFound } from './problems.ts';
import { resolveSource, sourcePath, SourceParams } from './sources.ts';

const idPrefix = 'req_';
const idPattern = /^req_[0-9A-Za-z]{22}$/;
const verdicts = ['accepted', 'unverified', 'rejected', 'altered', 'parked'] as const;
const RequestParams = Type.Object({ source: Type.String(), request: Type.String() });
const ListQuery = Type.Object({ ...pageQueryFields, verdict: Type.Optional(oneOf(verdicts)) });

function wireRequest(row: RequestRow) {
  return {
    id: row.id,
    receivedAt: row.received_at.toISOString(),
    verdict: row.verdict,
    reason: row.reason,
    detail: row.detail,
    cause: row.cause,
    advice: row.advice,
    method: row.method,
    query: row.query,
    address: row.address,
    bodyBytes: row.body_bytes,
    deliveryId: row.delivery_id,
    secretId: row.secret_id,
    messageIds: row.message_ids,
    duplicates: row.duplicates,
    duplicateAt: row.duplicate_at?.toISOString() ?? null,
    replayedAt: row.replayed_at?.toISOString() ?? null,
  };
}

/** `bodyEncoding` is null where the body was not kept, or is gone. */
function wireWholeRequest(row: WholeRequestRow) {
  const { body, headers } = row;
  const encoding = body === null ? null : isUtf8(body) ? 'utf8' : 'base64';
  return {
    ...wireRequest(row),
    headers,
    body: encoding === null ? null : (body?.toString(encoding) ?? null),
    bodyEncoding: encoding,
  };
}

export function registerSourceRequestRoutes(api: Api, deps: ApiDeps): void {
  const { queries } = deps.db;
  const listPath = `${sourcePath}/:source/request`;
  const onePath = `${listPath}/:request`;

  api.get(
    listPath,
    { config: reading, schema: { params: SourceParams, querystring: ListQuery } },
    async (request) => {
      const { query } = request;
      const page = parsePage(query, { order: 'descending', key: idPrefix });
      const { id } = await resolveSource(deps, request.environmentId, request.params.source);
      const rows = await listRequests(queries, id, { verdict: query.verdict }, page.keyset);
      return toList(rows, page, (row) => row.id, wireRequest);
    },
  );

  api.get(onePath, { config: reading, schema: { params: RequestParams } }, async (request) => {
    const { params } = request;
    const { id } = await resolveSource(deps, request.environmentId, params.source);
    const row = idPattern.test(params.request) ? await findRequest(queries, id, params.request) : undefined;
    if (row === undefined) throw notFound('Request not found');
    return wireWholeRequest(row);
  });

  api.post(
    `${onePath}/replay`,
    { config: { ...managing, repeatable: true }, schema: { params: RequestParams } },
    async (request) => {
      const { environmentId, params } = request;
      const { id: sourceId } = await resolveSource(deps, environmentId, params.source);
      request.auditedApplicationId = sourceId;
      if (!idPattern.test(params.request) || deps.gateway === undefined) throw notFound('Request not found');
      const result = await deps.gateway.replay({ environmentId, sourceId, requestId: params.request });
      switch (result.kind) {
        case 'accepted':
          return { verdict: 'accepted', reason: null, detail: null, messageIds: result.messageIds };
        case 'rejected':
        case 'parked':
          return { verdict: result.kind, reason: result.reason, detail: result.detail, messageIds: [] };
        case 'unknown_source':
          throw notFound('Source not found');
        case 'unknown_request':
          throw notFound('Request not found');
        case 'impossible':
          throw conflict(result.detail);
      }
    },
  );
}
