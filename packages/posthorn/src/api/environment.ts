// What is set up in an environment, out as one document and in again.
import { Readable } from 'node:stream';
import Type from 'typebox';
import type { Static } from 'typebox';
import { eachConnector, importConnector } from '../store/connectors.ts';
import { changeSettings, findEnvironment } from '../store/environments.ts';
import type { EnvironmentRow } from '../store/environments.ts';
import { importEventTypes } from '../store/event-type-import.ts';
import { eachEventType } from '../store/event-types.ts';
import { managing } from './access.ts';
import { bodyItems } from './body-items.ts';
import { ConnectorIn, contentOf as connectorOf, wireConnector } from './connectors.ts';
import type { Api, ApiDeps } from './context.ts';
import {
  checkEventTypeCount,
  checkEventTypeName,
  checkEventTypeSchemas,
  EventTypeIn,
  eventTypesMax,
  featureFlagsOf,
  wireEventType,
} from './event-type-fields.ts';
import { changing } from './event-types.ts';
import { nullable } from './fields.ts';
import { jsonContentType } from './message-wire.ts';
import type { PayloadCheck } from './payload-check.ts';
import { ApiError, invalid, notFound } from './problems.ts';
import { compileValidator, opaque } from './validation.ts';

const documentVersion = 1;
const importMaxBytes = 16 * 1024 * 1024;
const eventTypeMaxBytes = 512 * 1024;
const eventTypeDepthMax = 80;
const connectorsMax = 1_000;
const retentionDaysMax = 3_650;

const days = Type.Optional(Type.Integer({ minimum: 1, maximum: retentionDaysMax }));
// Svix's own settings are passed over: they are of things that are not here.
const SettingsIn = Type.Object({
  unknownEventTypes: Type.Optional(Type.Union([Type.Literal('accept'), Type.Literal('reject')])),
  messageRetentionDays: days,
  attemptRetentionDays: days,
});
const EnvironmentIn = Type.Object({
  eventTypes: Type.Optional(Type.Unknown(opaque)),
  settings: Type.Optional(nullable(SettingsIn)),
  connectors: Type.Optional(nullable(Type.Array(ConnectorIn, { maxItems: connectorsMax }))),
});
const importPath = '/api/v1/environment/import';

const validateEventType = compileValidator({
  schema: EventTypeIn,
  method: 'POST',
  url: importPath,
  httpPart: 'body',
});

function wireSettings(row: EnvironmentRow): Required<Static<typeof SettingsIn>> {
  return {
    unknownEventTypes: row.unknown_event_types,
    messageRetentionDays: row.message_retention_days,
    attemptRetentionDays: row.attempt_retention_days,
  };
}

async function* exportText(deps: ApiDeps, row: EnvironmentRow): AsyncGenerator<string> {
  const createdAt = new Date(deps.clock.now()).toISOString();
  const settings = wireSettings(row);
  const { queries } = deps.db;
  yield `${JSON.stringify({ version: documentVersion, createdAt, settings }).slice(0, -1)},"connectors":[`;
  yield* elements(eachConnector(queries, row.id), wireConnector);
  yield '],"eventTypes":[';
  yield* elements(eachEventType(queries, row.id, { includeArchived: true }), wireEventType);
  yield ']}';
}

async function* elements<Row>(rows: AsyncIterable<Row>, wire: (row: Row) => object): AsyncGenerator<string> {
  let separator = '';
  for await (const row of rows) {
    yield separator + JSON.stringify(wire(row));
    separator = ',';
  }
}

/** A problem of one element, at its place in the list. */
function at(list: 'eventTypes' | 'connectors', index: number, error: unknown): unknown {
  if (!(error instanceof ApiError) || typeof error.detail === 'string') return error;
  const place = ['body', list, String(index)];
  return invalid(error.detail.map((problem) => ({ ...problem, loc: [...place, ...problem.loc.slice(1)] })));
}

async function readEventType(deps: ApiDeps, environmentId: string, value: unknown): Promise<EventTypeIn> {
  const { error } = validateEventType(value) as { error?: Error };
  if (error) throw error;
  const body = value as EventTypeIn;
  checkEventTypeName(body.name, ['body', 'name']);
  await checkEventTypeSchemas(deps, environmentId, body.schemas);
  return body;
}

/** Every event type of the body, by name; of one that comes twice, the last. Throws 422 for the first wrong one. */
async function readEventTypes(deps: ApiDeps, environmentId: string, bytes: Buffer): Promise<EventTypeIn[]> {
  const read = new Map<string, EventTypeIn>();
  const limits = { itemsMax: eventTypesMax, itemMaxBytes: eventTypeMaxBytes, depthMax: eventTypeDepthMax };
  for await (const { index, value } of bodyItems(bytes, 'eventTypes', limits)) {
    const eventType = await readEventType(deps, environmentId, value).catch((error: unknown) => {
      throw at('eventTypes', index, error);
    });
    read.set(eventType.name, eventType);
  }
  return [...read.values()];
}

/** Throws 422 for the first wrong one. */
function readConnectors(connectors: Static<typeof EnvironmentIn>['connectors']) {
  return (connectors ?? []).map((connector, index) => {
    try {
      return connectorOf(connector);
    } catch (error) {
      throw at('connectors', index, error);
    }
  });
}

export function registerEnvironmentRoutes(api: Api, deps: ApiDeps, payloads: PayloadCheck): void {
  const { queries } = deps.db;

  api.post(
    '/api/v1/environment/export',
    { config: { ...managing, repeatable: true }, schema: {} },
    async ({ environmentId }, reply) => {
      const row = await findEnvironment(queries, environmentId);
      if (row === undefined) throw notFound('Environment not found');
      return reply.type(jsonContentType).send(Readable.from(exportText(deps, row)));
    },
  );

  api.post(
    importPath,
    { config: managing, bodyLimit: importMaxBytes, schema: { body: EnvironmentIn } },
    async ({ body, bodyBytes, environmentId }, reply) => {
      const hasEventTypes = body.eventTypes !== undefined && body.eventTypes !== null;
      const eventTypes = hasEventTypes ? await readEventTypes(deps, environmentId, bodyBytes) : [];
      const connectors = readConnectors(body.connectors);
      await changing(deps, payloads, environmentId, async (transaction) => {
        for (const connector of connectors) {
          const id = deps.newId('conn_');
          await importConnector(transaction, { id, environment_id: environmentId, ...connector });
        }
        await importEventTypes(
          transaction,
          environmentId,
          eventTypes.map((eventType) => ({
            name: eventType.name,
            description: eventType.description,
            schemas: eventType.schemas ?? null,
            deprecated: eventType.deprecated ?? false,
            archived: eventType.archived ?? false,
            groupName: eventType.groupName ?? null,
            featureFlags: featureFlagsOf(eventType) ?? null,
            ...(eventType.validation === undefined ? {} : { validation: eventType.validation }),
          })),
        );
        await checkEventTypeCount(transaction, environmentId);
        if (body.settings) await changeSettings(transaction, environmentId, body.settings);
      });
      return reply.code(204).send();
    },
  );
}
