// An example of an event type, sent to one endpoint to try it out: a message like any other, for that endpoint alone.
import Type from 'typebox';
import type { Caller } from '../core/access.ts';
import { exampleOf } from '../core/json-schema-example.ts';
import { latestSchema } from '../core/schema-version.ts';
import { attempting } from './access.ts';
import { callerOf } from './auth.ts';
import type { Api, ApiDeps } from './context.ts';
import { findVisibleEventType } from './event-types.ts';
import { nameText } from './fields.ts';
import { idempotencyKeyOf } from './idempotency-key.ts';
import { jsonContentType } from './message-wire.ts';
import { createdText, idempotencyWith, refusalOf } from './messages.ts';
import { ApiError, invalidField, notFound } from './problems.ts';
import { resolveApplication, resolveEndpoint } from './resolve.ts';

const exampleIndexMax = 10_000;
// Always there, for an endpoint that is tried before there are event types.
const pingEventType = 'svix.ping';
const pingPayload = { success: true };

const ExampleParams = Type.Object({ app: Type.String(), endpoint: Type.String() });
const EventExampleIn = Type.Object({
  eventType: Type.String(nameText),
  exampleIndex: Type.Optional(Type.Integer({ minimum: 0, maximum: exampleIndexMax })),
});

/** Throws 404 for an unknown event type, 400 for one without a schema, 422 for an example that it does not have. */
async function examplePayload(
  deps: ApiDeps,
  caller: Caller,
  { eventType, exampleIndex = 0 }: { eventType: string; exampleIndex?: number },
): Promise<unknown> {
  const row = await findVisibleEventType(deps, caller, eventType);
  const schema = row && latestSchema(row.schemas);
  if (schema === undefined) {
    if (eventType === pingEventType) return pingPayload;
    if (row === undefined) throw notFound('Event type not found');
    const detail =
      'this event type has no schema to make an example of: give it one, with examples if you like';
    throw new ApiError('invalid_scheme', 400, detail);
  }
  const example = exampleOf(schema, exampleIndex);
  if (example.kind === 'example') return example.value;
  throw invalidField(
    'exampleIndex',
    `must be less than ${example.count}, the number of examples in the schema`,
  );
}

export function registerEndpointExampleRoutes(api: Api, deps: ApiDeps): void {
  api.post(
    '/api/v1/app/:app/endpoint/:endpoint/send-example',
    { config: { ...attempting, repeatable: true }, schema: { params: ExampleParams, body: EventExampleIn } },
    async (request, reply) => {
      const { body, bodyBytes, environmentId, headers, params } = request;
      const application = await resolveApplication(deps, environmentId, params.app);
      const endpoint = await resolveEndpoint(deps, application.id, params.endpoint);
      if (endpoint.disabled) {
        const detail =
          'the endpoint is disabled and is sent nothing: enable it (PATCH it with {"disabled": false})';
        throw new ApiError('endpoint_disabled', 400, detail);
      }
      const content = JSON.stringify(await examplePayload(deps, callerOf(request), body));
      const message = { eventType: body.eventType, payload: Buffer.from(content) };
      if (message.payload.length > deps.bodyMaxBytes)
        throw invalidField('exampleIndex', `gives an example of more than ${deps.bodyMaxBytes} bytes`);
      const acceptance = await deps.accept({
        environmentId,
        application: application.id,
        ...message,
        endpointId: endpoint.id,
        ...idempotencyWith(idempotencyKeyOf(headers), `send-example ${endpoint.id}`, bodyBytes),
      });
      if (acceptance.kind !== 'accepted') throw refusalOf(acceptance);
      return reply.type(jsonContentType).send(createdText(acceptance, message, content));
    },
  );
}
