// Usage by application, counted by a background task: its data is the answer.
import Type from 'typebox';
import type { Static } from 'typebox';
import { findCustomers } from '../store/task-statistics.ts';
import { managing } from './access.ts';
import { startTask, wireTask } from './background-tasks.ts';
import type { Api, ApiDeps } from './context.ts';
import { nullable, TimeText } from './fields.ts';
import { invalidField } from './problems.ts';

const applicationsMax = 1_000;
const nameMaxChars = 256;

const AppUsageIn = Type.Object({
  since: TimeText,
  until: TimeText,
  appIds: Type.Optional(
    nullable(
      Type.Array(Type.String({ minLength: 1, maxLength: nameMaxChars }), {
        minItems: 1,
        maxItems: applicationsMax,
      }),
    ),
  ),
});
type AppUsageIn = Static<typeof AppUsageIn>;

function timeOf(field: 'since' | 'until', text: string): Date {
  const time = new Date(text);
  if (Number.isNaN(time.getTime())) throw invalidField(field, 'is not a date and time');
  return time;
}

function rangeOf(body: AppUsageIn, nowMs: number): { since: Date; until: Date } {
  const since = timeOf('since', body.since);
  const until = timeOf('until', body.until);
  if (since.getTime() > nowMs) throw invalidField('since', 'must not be in the future');
  if (until <= since) throw invalidField('until', 'must be after since');
  return { since, until };
}

/** Throws 422 when none of the names is known. */
async function resolve(deps: ApiDeps, environmentId: string, names: readonly string[] | undefined) {
  if (names === undefined) return { applicationIds: undefined, unresolved: [] };
  const found = await findCustomers(deps.db.queries, environmentId, names);
  if (found.length === 0) throw invalidField('appIds', 'names no application of this environment');
  const known = new Set(found.flatMap(({ id, uid }) => [id, uid]));
  return { applicationIds: found.map(({ id }) => id), unresolved: names.filter((name) => !known.has(name)) };
}

export function registerStatisticsRoutes(api: Api, deps: ApiDeps): void {
  api.post(
    '/api/v1/stats/usage/app',
    { config: managing, schema: { body: AppUsageIn } },
    async ({ environmentId, body }, reply) => {
      const range = rangeOf(body, deps.clock.now());
      const { applicationIds, unresolved } = await resolve(deps, environmentId, body.appIds ?? undefined);
      const task = { task: 'application.stats', ...range, filter: { applicationIds } } as const;
      const started = wireTask(await startTask(deps, environmentId, task));
      return reply.code(202).send({ ...started, unresolvedAppIds: unresolved });
    },
  );

  api.put('/api/v1/stats/usage/event-types', { config: managing }, async ({ environmentId }, reply) => {
    const started = await startTask(deps, environmentId, { task: 'event-type.aggregate' });
    return reply.code(202).send(wireTask(started));
  });
}
