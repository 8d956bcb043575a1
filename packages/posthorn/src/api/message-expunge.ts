// Deletes the contents of many messages: of those named at once, of all of an application as a background task.
import Type from 'typebox';
import { expungePayloads, findMessageIds } from '../store/messages.ts';
import { managing } from './access.ts';
import { startTask, wireTask } from './background-tasks.ts';
import type { Api, ApiDeps } from './context.ts';
import { nameText } from './fields.ts';
import { resolveApplication } from './resolve.ts';

const idsMax = 1_000;

const ApplicationParams = Type.Object({ app: Type.String() });
const BulkExpungeIn = Type.Object({
  ids: Type.Optional(
    Type.Array(Type.String({ minLength: 1, maxLength: nameText.maxLength }), { maxItems: idsMax }),
  ),
});

export function registerMessageExpungeRoutes(api: Api, deps: ApiDeps): void {
  api.post(
    '/api/v1/app/:app/msg/bulk-expunge',
    { config: managing, schema: { params: ApplicationParams, body: BulkExpungeIn } },
    async ({ environmentId, params, body }) => {
      const { id: applicationId } = await resolveApplication(deps, environmentId, params.app);
      const names = [...new Set(body.ids)];
      const ids = await findMessageIds(deps.db.queries, applicationId, names);
      await expungePayloads(deps.db.queries, applicationId, [...new Set(ids.values())]);
      // What was deleted before counts as deleted: asking again answers the same.
      return {
        results: Object.fromEntries(names.map((name) => [name, ids.has(name) ? 'expunged' : 'not-found'])),
      };
    },
  );

  api.post(
    '/api/v1/app/:app/msg/expunge-all-contents',
    { config: managing, schema: { params: ApplicationParams } },
    async ({ environmentId, params }, reply) => {
      const { id: applicationId } = await resolveApplication(deps, environmentId, params.app);
      const task = await startTask(deps, environmentId, { task: 'application.purge_content', applicationId });
      return reply.code(202).send(wireTask(task));
    },
  );
}
