// What an endpoint missed or was sent before, sent to it again: as a background task, for there can be much of it.
import Type from 'typebox';
import type { Static } from 'typebox';
import type { NewTask } from '../store/background-tasks.ts';
import { dayMs } from '../store/partitions.ts';
import type { DeliveryState, TaskFilter } from '../store/tables.ts';
import { attempting } from './access.ts';
import { responseStatusOf, statesOfStatus, statusNumberMax } from './attempt-wire.ts';
import { startTask, wireTask } from './background-tasks.ts';
import type { Api, ApiDeps } from './context.ts';
import { nullable, TimeText } from './fields.ts';
import { eventTypesMax, filterText, statusClassField } from './message-query.ts';
import { ApiError, invalidField } from './problems.ts';
import { resolveApplication, resolveEndpoint } from './resolve.ts';

const recoverDaysMax = 14;
const replayDaysMax = 90;

const EndpointParams = Type.Object({ app: Type.String(), endpoint: Type.String() });
const rangeFields = { since: TimeText, until: Type.Optional(nullable(TimeText)) };
const RangeIn = Type.Object(rangeFields);
const BulkReplayIn = Type.Object({
  ...rangeFields,
  eventTypes: Type.Optional(nullable(Type.Array(filterText, { minItems: 1, maxItems: eventTypesMax }))),
  channel: Type.Optional(nullable(filterText)),
  tag: Type.Optional(nullable(filterText)),
  status: Type.Optional(nullable(Type.Integer({ minimum: 0, maximum: statusNumberMax }))),
  statusCodeClass: Type.Optional(nullable(statusClassField)),
});

type RangeIn = Static<typeof RangeIn>;
type BulkReplayIn = Static<typeof BulkReplayIn>;

// What was not tried yet is on its way, and needs nobody to ask for it again.
const triedStates: readonly DeliveryState[] = ['retrying', 'succeeded', 'exhausted', 'cancelled'];

function timeOf(field: 'since' | 'until', text: string): Date {
  const time = new Date(text);
  if (Number.isNaN(time.getTime())) throw invalidField(field, 'is not a date and time');
  return time;
}

function rangeOf(body: RangeIn, nowMs: number, daysMax: number): { since: Date; until: Date | undefined } {
  const since = timeOf('since', body.since);
  const until = typeof body.until === 'string' ? timeOf('until', body.until) : undefined;
  if (since.getTime() > nowMs) throw invalidField('since', 'must not be in the future');
  if (nowMs - since.getTime() > daysMax * dayMs) {
    throw invalidField('since', `must not be more than ${daysMax} days ago`);
  }
  if (until !== undefined && until <= since) throw invalidField('until', 'must be after since');
  return { since, until };
}

function filterOf(body: BulkReplayIn): TaskFilter {
  const { status, statusCodeClass } = body;
  return {
    eventTypes: body.eventTypes ?? undefined,
    channel: body.channel ?? undefined,
    tag: body.tag ?? undefined,
    states: typeof status === 'number' ? statesOfStatus(status) : triedStates,
    ...(typeof statusCodeClass === 'number' ? { responseStatus: responseStatusOf(statusCodeClass) } : {}),
  };
}

/** Throws 404, and 400 for an endpoint that is sent nothing. */
async function startOf(
  deps: ApiDeps,
  environmentId: string,
  params: Static<typeof EndpointParams>,
  task: Pick<NewTask, 'task' | 'since' | 'until' | 'filter'>,
) {
  const { id: applicationId } = await resolveApplication(deps, environmentId, params.app);
  const endpoint = await resolveEndpoint(deps, applicationId, params.endpoint);
  if (endpoint.disabled) {
    throw new ApiError(
      'endpoint_disabled',
      400,
      'the endpoint is disabled and is sent nothing: enable it (PATCH it with {"disabled": false}), then ask again',
    );
  }
  return wireTask(await startTask(deps, environmentId, { ...task, applicationId, endpointId: endpoint.id }));
}

export function registerEndpointReplayRoutes(api: Api, deps: ApiDeps): void {
  const path = '/api/v1/app/:app/endpoint/:endpoint';

  api.post(
    `${path}/recover`,
    { config: attempting, schema: { params: EndpointParams, body: RangeIn } },
    async (request, reply) => {
      const range = rangeOf(request.body, deps.clock.now(), recoverDaysMax);
      const filter = { states: ['exhausted'] as const };
      const task = { task: 'endpoint.recover', ...range, filter } as const;
      return reply.code(202).send(await startOf(deps, request.environmentId, request.params, task));
    },
  );

  api.post(
    `${path}/replay-missing`,
    { config: attempting, schema: { params: EndpointParams, body: RangeIn } },
    async (request, reply) => {
      const range = rangeOf(request.body, deps.clock.now(), replayDaysMax);
      const task = { task: 'endpoint.replay', ...range } as const;
      return reply.code(202).send(await startOf(deps, request.environmentId, request.params, task));
    },
  );

  api.post(
    `${path}/bulk-replay`,
    { config: attempting, schema: { params: EndpointParams, body: BulkReplayIn } },
    async (request, reply) => {
      const range = rangeOf(request.body, deps.clock.now(), replayDaysMax);
      const task = { task: 'endpoint.bulk-replay', ...range, filter: filterOf(request.body) } as const;
      return reply.code(202).send(await startOf(deps, request.environmentId, request.params, task));
    },
  );
}
