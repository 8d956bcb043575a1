// Event types from an OpenAPI document.
import Type from 'typebox';
import { sliceMembers } from '../core/json-slice.ts';
import type { ImportedEventType } from '../core/openapi-webhooks.ts';
import type { Queries } from '../store/database.ts';
import { archiveOtherEventTypes, importEventTypes } from '../store/event-type-import.ts';
import { changingEventTypes } from '../store/event-types.ts';
import { managing } from './access.ts';
import type { Api, ApiDeps } from './context.ts';
import { checkEventTypeCount, checkEventTypeName } from './event-type-fields.ts';
import { nullable } from './fields.ts';
import type { PayloadCheck } from './payload-check.ts';
import { ApiError, invalid, invalidField } from './problems.ts';
import { opaque } from './validation.ts';

const bodyMaxBytes = 4 * 1024 * 1024;
// No limit here: the thread that reads the document has its own.
const depthMax = Number.POSITIVE_INFINITY;
const problemsMax = 50;

const ImportIn = Type.Object({
  dryRun: Type.Optional(Type.Boolean()),
  replaceAll: Type.Optional(Type.Boolean()),
  // Read from its bytes, where there is time for it.
  spec: Type.Optional(Type.Unknown(opaque)),
  specRaw: Type.Optional(nullable(Type.String())),
});

/** Ends the transaction of a dry run: what it changed is undone, and known. */
class DryRunEnd extends Error {
  readonly result: ImportResult;

  constructor(result: ImportResult) {
    super('a dry run ends here');
    this.result = result;
  }
}

interface ImportResult {
  modified: string[];
  archived: string[];
}

/** The document's text, and which of the two fields it came in. Throws 400 when it came in neither, or both. */
function documentOf(body: { spec?: unknown; specRaw?: string | null }, bytes: Buffer) {
  const hasSpec = body.spec !== undefined && body.spec !== null;
  const { specRaw } = body;
  const hasRaw = specRaw !== undefined && specRaw !== null;
  if (hasSpec === hasRaw) {
    throw new ApiError(
      'bad_request',
      400,
      'send the document either as spec (JSON) or as specRaw (a string)',
    );
  }
  if (hasRaw) return { field: 'specRaw', text: specRaw };
  const slices = sliceMembers(bytes, ['spec'], depthMax);
  const slice = slices === 'too_deep' ? undefined : slices.get('spec');
  if (slice === undefined) throw new ApiError('server_error', 500, 'the document was not found in the body');
  return { field: 'spec', text: bytes.toString('utf8', slice.start, slice.end) };
}

async function readDocument(
  deps: ApiDeps,
  environmentId: string,
  { field, text }: { field: string; text: string },
) {
  const read = await deps.schemas.readOpenapi(environmentId, text);
  if (!('eventTypes' in read)) throw invalidField(field, `cannot be read: ${read.msg}`);
  const { eventTypes, problems } = read;
  if (problems.length > 0) {
    const shown = problems.slice(0, problemsMax);
    throw invalid(
      shown.map(({ path, msg }) => ({ loc: ['body', field, ...path], msg, type: 'value_error' })),
    );
  }
  for (const { name } of eventTypes) checkEventTypeName(name, ['body', field, 'webhooks', name]);
  return eventTypes;
}

async function write(
  transaction: Queries,
  environmentId: string,
  eventTypes: readonly ImportedEventType[],
  { replaceAll }: { replaceAll: boolean },
): Promise<ImportResult> {
  const modified = await importEventTypes(
    transaction,
    environmentId,
    eventTypes.map(({ groupName, featureFlags, ...rest }) => ({
      ...rest,
      archived: false,
      // What the document does not name is not taken away.
      ...(groupName === null ? {} : { groupName }),
      ...(featureFlags === null ? {} : { featureFlags }),
    })),
  );
  await checkEventTypeCount(transaction, environmentId);
  const names = eventTypes.map(({ name }) => name);
  const archived = replaceAll ? await archiveOtherEventTypes(transaction, environmentId, names) : [];
  return { modified, archived };
}

export function registerEventTypeImportRoutes(api: Api, deps: ApiDeps, payloads: PayloadCheck): void {
  api.post(
    '/api/v1/event-type/import/openapi',
    { config: managing, bodyLimit: bodyMaxBytes, schema: { body: ImportIn } },
    async ({ body, bodyBytes, environmentId }) => {
      const { dryRun = false, replaceAll = false } = body;
      const eventTypes = await readDocument(deps, environmentId, documentOf(body, bodyBytes));
      try {
        const { modified, archived } = await changingEventTypes(
          deps.db.queries,
          environmentId,
          async (transaction) => {
            const result = await write(transaction, environmentId, eventTypes, { replaceAll });
            if (dryRun) throw new DryRunEnd(result);
            return result;
          },
        );
        return { data: { modified, to_modify: null, archived, to_archive: null } };
      } catch (error) {
        if (!(error instanceof DryRunEnd)) throw error;
        const { modified, archived } = error.result;
        const toModify = eventTypes.filter(({ name }) => modified.includes(name));
        return { data: { modified: [], to_modify: toModify, archived: [], to_archive: archived } };
      } finally {
        payloads.forget(environmentId);
      }
    },
  );
}
