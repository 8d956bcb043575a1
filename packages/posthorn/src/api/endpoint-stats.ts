// How the messages meant for an endpoint fared, as numbers.
import Type from 'typebox';
import type { Static } from 'typebox';
import { countDeliveries } from '../store/endpoint-stats.ts';
import { dayMs } from '../store/partitions.ts';
import { viewing } from './access.ts';
import { statusTextOf } from './attempt-wire.ts';
import type { Api, ApiDeps } from './context.ts';
import { TimeText } from './fields.ts';
import { timeOf } from './message-query.ts';
import { ApiError } from './problems.ts';
import { resolveApplication, resolveEndpoint } from './resolve.ts';

const rangeDaysMax = 28;

const EndpointParams = Type.Object({ app: Type.String(), endpoint: Type.String() });
const StatsQuery = Type.Object({ since: Type.Optional(TimeText), until: Type.Optional(TimeText) });

/** The last 28 days unless told otherwise. Throws 400 for a range that is longer, or that has no length. */
function rangeOf(query: Static<typeof StatsQuery>, nowMs: number): { since: Date; until: Date } {
  const until = timeOf('until', query.until) ?? new Date(nowMs);
  const since = timeOf('since', query.since) ?? new Date(until.getTime() - rangeDaysMax * dayMs);
  if (since > until) throw new ApiError('invalid_range', 400, 'since must be before until');
  if (until.getTime() - since.getTime() > rangeDaysMax * dayMs) {
    throw new ApiError(
      'invalid_range',
      400,
      `since and until must not be more than ${rangeDaysMax} days apart`,
    );
  }
  return { since, until };
}

export function registerEndpointStatsRoutes(api: Api, deps: ApiDeps): void {
  api.get(
    '/api/v1/app/:app/endpoint/:endpoint/stats',
    { config: viewing, schema: { params: EndpointParams, querystring: StatsQuery } },
    async ({ environmentId, params, query }) => {
      const range = rangeOf(query, deps.clock.now());
      const { id: applicationId } = await resolveApplication(deps, environmentId, params.app);
      const { id: endpointId } = await resolveEndpoint(deps, applicationId, params.endpoint);
      const counts = { success: 0, pending: 0, sending: 0, fail: 0, canceled: 0 };
      for (const { state, count } of await countDeliveries(deps.db.queries, {
        applicationId,
        endpointId,
        ...range,
      })) {
        counts[statusTextOf(state)] += count;
      }
      return counts;
    },
  );
}
