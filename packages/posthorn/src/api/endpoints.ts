// Endpoints over HTTP.
import Type from 'typebox';
import type { Static } from 'typebox';
import { checkFilter, filterMaxChars } from '../core/filter.ts';
import type { Ordering } from '../core/ordering.ts';
import { checkEndpointUrl } from '../core/url-rules.ts';
import { lockApplication } from '../store/applications.ts';
import { isUniqueViolation } from '../store/availability.ts';
import type { Queries } from '../store/database.ts';
import {
  deleteEndpoint,
  endpointUidConstraint,
  findEndpoint,
  insertEndpoint,
  listEndpoints,
  secretOwner,
  updateEndpoint,
} from '../store/endpoints.ts';
import type { EndpointChanges, EndpointRow } from '../store/endpoints.ts';
import { configuring, viewing } from './access.ts';
import type { Api, ApiDeps } from './context.ts';
import { authChanges, authField } from './endpoint-auth.ts';
import { HeadersField, openHeaders, sealHeaders } from './endpoint-headers.ts';
import { optionChanges, optionColumns, optionFields, wireOptions } from './endpoint-options.ts';
import { SecretText, takeSecret } from './endpoint-secrets.ts';
import { checkWhole } from './endpoint-whole.ts';
import {
  checkPathUid,
  checkUid,
  metadataField,
  metadataJson,
  nameText,
  nullable,
  throttleRateField,
  throttleRateOf,
  uidField,
} from './fields.ts';
import { PageQuery, parsePage, toList } from './pagination.ts';
import { conflict, invalidField, notFound } from './problems.ts';
import { resolveApplication, resolveEndpoint } from './resolve.ts';

const descriptionMaxChars = 4_096;
const eventTypesMax = 1_000;
const channelsMax = 10;
const channelMaxChars = 128;
// The one version that the protocol has.
const signatureVersion = 1;

const urlText = Type.String({ minLength: 1 });
const eventTypesField = Type.Optional(
  nullable(Type.Array(Type.String(nameText), { minItems: 1, maxItems: eventTypesMax })),
);
const channelsField = Type.Optional(
  nullable(
    Type.Array(Type.String({ ...nameText, maxLength: channelMaxChars }), {
      minItems: 1,
      maxItems: channelsMax,
    }),
  ),
);
const orderingField = Type.Optional(
  nullable(
    Type.Object({
      mode: Type.Literal('fifo'),
      onFailure: Type.Optional(Type.Union([Type.Literal('block'), Type.Literal('skip')])),
    }),
  ),
);
const optionalFields = {
  uid: uidField,
  // Tabs and line breaks are text; other control characters are not.
  description: Type.Optional(
    Type.String({
      maxLength: descriptionMaxChars,
      pattern: '^[^\\u0000-\\u0008\\u000b\\u000c\\u000e-\\u001f\\u007f]*$',
    }),
  ),
  eventTypes: eventTypesField,
  filterTypes: eventTypesField,
  channels: channelsField,
  disabled: Type.Optional(Type.Boolean()),
  metadata: metadataField,
  throttleRate: throttleRateField,
  rateLimit: throttleRateField,
  ordering: orderingField,
  auth: authField,
  ...optionFields,
  filter: Type.Optional(nullable(Type.String({ minLength: 1, maxLength: filterMaxChars }))),
};

export const EndpointUpsertIn = Type.Object({ url: urlText, ...optionalFields });
export const EndpointIn = Type.Object({
  url: urlText,
  ...optionalFields,
  secret: Type.Optional(nullable(SecretText)),
  headers: Type.Optional(nullable(HeadersField)),
});
export const EndpointPatch = Type.Object({ url: Type.Optional(urlText), ...optionalFields });
const EndpointParams = Type.Object({ app: Type.String(), endpoint: Type.String() });
const ListParams = Type.Object({ app: Type.String() });

const idPrefix = 'ep_';
const uidTaken = 'an endpoint with this uid exists already in this application';

/** An endpoint as the API shows it. */
export function wireEndpoint(row: EndpointRow) {
  return {
    id: row.id,
    uid: row.uid,
    url: row.url,
    description: row.description,
    eventTypes: row.event_types,
    filterTypes: row.event_types,
    channels: row.channels,
    disabled: row.disabled,
    disabledReason: row.disabled_reason,
    disabledAt: row.disabled_at?.toISOString() ?? null,
    metadata: row.metadata,
    throttleRate: row.throttle_rate,
    rateLimit: row.throttle_rate,
    ...wireOptions(row),
    auth: row.auth_shown,
    ordering: row.ordering === null ? null : { mode: 'fifo', onFailure: row.ordering },
    filter: row.filter,
    version: signatureVersion,
    createdAt: row.created_at.toISOString(),
    updatedAt: row.updated_at.toISOString(),
  };
}

/** The URL to store. Throws 422 with the reason and the fix. */
function takeUrl({ urlRules }: ApiDeps, url: string): string {
  const verdict = checkEndpointUrl(url, urlRules);
  if (!verdict.ok) throw invalidField('url', verdict.reason);
  return verdict.url;
}

function eventTypesOf(body: Static<typeof EndpointPatch>): string[] | null | undefined {
  const eventTypes = body.eventTypes === undefined ? body.filterTypes : body.eventTypes;
  return eventTypes === undefined || eventTypes === null ? eventTypes : [...new Set(eventTypes)];
}

/** Undefined when the body does not name it. */
function orderingOf({ ordering }: Static<typeof EndpointPatch>): Ordering | null | undefined {
  return ordering ? (ordering.onFailure ?? 'block') : ordering;
}

/** Throws 422 with what is wrong with the expression, and where. */
function takeFilter(filter: string | null): string | null {
  const problem = filter === null ? undefined : checkFilter(filter);
  if (problem === undefined) return filter;
  const place = problem.position === undefined ? '' : `at character ${problem.position}: `;
  throw invalidField('filter', `is not a filter: ${place}${problem.message}`);
}

/** The columns that a whole endpoint sets: what it leaves out gets its default. */
function columnsOf(deps: ApiDeps, body: Static<typeof EndpointUpsertIn>) {
  checkUid(body.uid, idPrefix);
  return {
    uid: body.uid ?? null,
    url: takeUrl(deps, body.url),
    description: body.description ?? '',
    event_types: eventTypesOf(body) ?? null,
    channels: body.channels ?? null,
    metadata: metadataJson(body.metadata ?? {}),
    throttle_rate: throttleRateOf(body) ?? null,
    ordering: orderingOf(body) ?? null,
    filter: takeFilter(body.filter ?? null),
    disabled: body.disabled ?? false,
    ...optionColumns(body),
  };
}

/** The columns that a patch names; null clears, absent leaves alone. */
function changesOf(deps: ApiDeps, body: Static<typeof EndpointPatch>): EndpointChanges {
  checkUid(body.uid, idPrefix);
  const eventTypes = eventTypesOf(body);
  const throttleRate = throttleRateOf(body);
  const ordering = orderingOf(body);
  return {
    ...(body.uid === undefined ? {} : { uid: body.uid }),
    ...(body.url === undefined ? {} : { url: takeUrl(deps, body.url) }),
    ...(body.description === undefined ? {} : { description: body.description }),
    ...(eventTypes === undefined ? {} : { event_types: eventTypes }),
    ...(body.channels === undefined ? {} : { channels: body.channels }),
    ...(body.metadata === undefined ? {} : { metadata: metadataJson(body.metadata) }),
    ...(throttleRate === undefined ? {} : { throttle_rate: throttleRate }),
    ...(ordering === undefined ? {} : { ordering }),
    ...(body.filter === undefined ? {} : { filter: takeFilter(body.filter) }),
    ...(body.disabled === undefined ? {} : { disabled: body.disabled }),
    ...optionChanges(body),
  };
}

/** Runs `write` while the application cannot be changed or deleted. */
export async function writing<T>(
  { db }: ApiDeps,
  applicationId: string,
  write: (transaction: Queries) => Promise<T>,
): Promise<T> {
  return db.queries.transaction().execute(async (transaction) => {
    if (!(await lockApplication(transaction, applicationId))) throw notFound('Application not found');
    return write(transaction);
  });
}

/**
 * Everything that can be wrong is found before the transaction begins. `own` is what only a new endpoint can be given:
 * of a body whose schema does not name these fields, they must not be taken, for nobody has looked at them.
 */
async function prepareEndpoint(
  deps: ApiDeps,
  applicationId: string,
  body: Static<typeof EndpointUpsertIn>,
  own: Pick<Static<typeof EndpointIn>, 'secret' | 'headers'>,
) {
  const id = deps.newId(idPrefix);
  const columns = columnsOf(deps, body);
  const secret = await takeSecret(own.secret, 'secret');
  return {
    endpoint: {
      id,
      application_id: applicationId,
      headers_sealed: sealHeaders(deps.box, id, own.headers ?? {}),
      ...columns,
      ...authChanges(deps, id, body.auth),
    },
    secret: { id: deps.newId('sec_'), sealed: deps.box.seal(secret, secretOwner(id)) },
  };
}

export async function createEndpoint(
  deps: ApiDeps,
  applicationId: string,
  body: Static<typeof EndpointIn>,
): Promise<EndpointRow> {
  const { endpoint, secret } = await prepareEndpoint(deps, applicationId, body, body);
  return writing(deps, applicationId, (transaction) => insert(deps, transaction, { endpoint, secret }));
}

async function insert(
  { box }: ApiDeps,
  transaction: Queries,
  { endpoint, secret }: Awaited<ReturnType<typeof prepareEndpoint>>,
): Promise<EndpointRow> {
  const row = await insertEndpoint(transaction, endpoint, secret);
  if (row === undefined) throw conflict(uidTaken);
  checkWhole(row, () => openHeaders(box, row));
  return row;
}

async function change(
  { box }: ApiDeps,
  transaction: Queries,
  id: string,
  changes: EndpointChanges,
): Promise<EndpointRow> {
  try {
    const row = await updateEndpoint(transaction, id, changes);
    if (row === undefined) throw notFound('Endpoint not found');
    checkWhole(row, () => openHeaders(box, row));
    return row;
  } catch (error) {
    throw isUniqueViolation(error, endpointUidConstraint) ? conflict(uidTaken) : error;
  }
}

export async function patchEndpoint(
  deps: ApiDeps,
  { id, application_id: applicationId }: EndpointRow,
  body: Static<typeof EndpointPatch>,
): Promise<EndpointRow> {
  const changes: EndpointChanges = { ...changesOf(deps, body), ...authChanges(deps, id, body.auth) };
  return writing(deps, applicationId, (transaction) => change(deps, transaction, id, changes));
}

export async function upsertEndpoint(
  deps: ApiDeps,
  applicationId: string,
  idOrUid: string,
  body: Static<typeof EndpointUpsertIn>,
): Promise<{ row: EndpointRow; created: boolean }> {
  checkPathUid(idOrUid, 'endpoint');
  const byUid = !idOrUid.startsWith(idPrefix);
  const whole = byUid && body.uid === undefined ? { ...body, uid: idOrUid } : body;
  const prepared = await prepareEndpoint(deps, applicationId, whole, {});
  return writing(deps, applicationId, async (transaction) => {
    const existing = await findEndpoint(transaction, applicationId, idOrUid);
    if (existing !== undefined) {
      // Nobody can give back what is not shown: credentials that a body leaves out stay.
      const columns = { ...columnsOf(deps, whole), ...authChanges(deps, existing.id, body.auth) };
      return { row: await change(deps, transaction, existing.id, columns), created: false };
    }
    if (!byUid) throw notFound('Endpoint not found');
    if (whole.uid !== idOrUid) {
      throw invalidField(
        'uid',
        'must be the uid in the path, or left out, when that endpoint does not exist',
      );
    }
    return { row: await insert(deps, transaction, prepared), created: true };
  });
}

export function registerEndpointRoutes(api: Api, deps: ApiDeps): void {
  const listPath = '/api/v1/app/:app/endpoint';
  const path = `${listPath}/:endpoint`;
  const one = { params: EndpointParams };

  api.get(
    listPath,
    { config: viewing, schema: { params: ListParams, querystring: PageQuery } },
    async (request) => {
      const application = await resolveApplication(deps, request.environmentId, request.params.app);
      const page = parsePage(request.query, { order: 'descending', key: idPrefix });
      const rows = await listEndpoints(deps.db.queries, application.id, page.keyset);
      return toList(rows, page, (row) => row.id, wireEndpoint);
    },
  );

  api.post(
    listPath,
    { config: configuring, schema: { params: ListParams, body: EndpointIn } },
    async (request, reply) => {
      const application = await resolveApplication(deps, request.environmentId, request.params.app);
      return reply.code(201).send(wireEndpoint(await createEndpoint(deps, application.id, request.body)));
    },
  );

  api.get(path, { config: viewing, schema: one }, async (request) => {
    const application = await resolveApplication(deps, request.environmentId, request.params.app);
    return wireEndpoint(await resolveEndpoint(deps, application.id, request.params.endpoint));
  });

  api.put(
    path,
    { config: configuring, schema: { ...one, body: EndpointUpsertIn } },
    async ({ environmentId, params, body }, reply) => {
      const application = await resolveApplication(deps, environmentId, params.app);
      const { row, created } = await upsertEndpoint(deps, application.id, params.endpoint, body);
      return reply.code(created ? 201 : 200).send(wireEndpoint(row));
    },
  );

  api.patch(path, { config: configuring, schema: { ...one, body: EndpointPatch } }, async (request) => {
    const application = await resolveApplication(deps, request.environmentId, request.params.app);
    const existing = await resolveEndpoint(deps, application.id, request.params.endpoint);
    return wireEndpoint(await patchEndpoint(deps, existing, request.body));
  });

  api.delete(path, { config: configuring, schema: one }, async (request, reply) => {
    const application = await resolveApplication(deps, request.environmentId, request.params.app);
    const existing = await resolveEndpoint(deps, application.id, request.params.endpoint);
    const deleted = await writing(deps, application.id, (transaction) =>
      deleteEndpoint(transaction, existing.id),
    );
    if (!deleted) throw notFound('Endpoint not found');
    return reply.code(204).send();
  });
}
