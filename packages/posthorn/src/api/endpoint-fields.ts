// The fields of an endpoint: as a body gives them, as they are stored, and as the API shows them. What kind it is and where
// it goes is in endpoint-kinds.ts.
import Type from 'typebox';
import type { Static } from 'typebox';
import { checkFilter, filterMaxChars } from '../core/filter.ts';
import type { Ordering } from '../core/ordering.ts';
import type { EndpointChanges, EndpointRow } from '../store/endpoints.ts';
import { authField } from './endpoint-auth.ts';
import { HeadersField } from './endpoint-headers.ts';
import { kindFields } from './endpoint-kinds.ts';
import { optionChanges, optionColumns, optionFields, wireOptions } from './endpoint-options.ts';
import { SecretText } from './endpoint-secrets.ts';
import {
  checkUid,
  metadataField,
  metadataJson,
  nameText,
  nullable,
  throttleRateField,
  throttleRateOf,
  uidField,
} from './fields.ts';
import { invalidField } from './problems.ts';

const descriptionMaxChars = 4_096;
const eventTypesMax = 1_000;
const channelsMax = 10;
const channelMaxChars = 128;
// The one version that the protocol has.
const signatureVersion = 1;

const urlText = Type.Optional(Type.String({ minLength: 1 }));
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
const endpointFields = {
  /** Of kind http. */
  url: urlText,
  ...kindFields,
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
  headers: Type.Optional(nullable(HeadersField)),
  ...optionFields,
  filter: Type.Optional(nullable(Type.String({ minLength: 1, maxLength: filterMaxChars }))),
};

export const EndpointUpsertIn = Type.Object(endpointFields);
export const EndpointIn = Type.Object({
  ...endpointFields,
  secret: Type.Optional(nullable(SecretText)),
});
export const EndpointPatch = Type.Object(endpointFields);

export const idPrefix = 'ep_';

/** An endpoint as the API shows it. */
export function wireEndpoint(row: EndpointRow) {
  return {
    id: row.id,
    uid: row.uid,
    kind: row.kind,
    url: row.url,
    config: row.config_shown,
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

/** The columns that a whole endpoint sets, besides its target: what it leaves out gets its default. */
export function columnsOf(body: Static<typeof EndpointUpsertIn>) {
  checkUid(body.uid, idPrefix);
  return {
    uid: body.uid ?? null,
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

/** The columns that a patch names, besides its target; null clears, absent leaves alone. */
export function changesOf(body: Static<typeof EndpointPatch>): EndpointChanges {
  checkUid(body.uid, idPrefix);
  const eventTypes = eventTypesOf(body);
  const throttleRate = throttleRateOf(body);
  const ordering = orderingOf(body);
  return {
    ...(body.uid === undefined ? {} : { uid: body.uid }),
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
