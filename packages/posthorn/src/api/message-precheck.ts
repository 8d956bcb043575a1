// Whether anybody would get a message, asked before it is sent.
import Type from 'typebox';
import { matches } from '../core/matching.ts';
import { listSubscriptions } from '../store/endpoints.ts';
import { publishing } from './access.ts';
import type { Api, ApiDeps } from './context.ts';
import { nameText, nullable } from './fields.ts';
import { Channels } from './message-body.ts';
import { resolveApplication } from './resolve.ts';

const PrecheckIn = Type.Object({
  eventType: Type.String(nameText),
  channels: Type.Optional(nullable(Channels)),
});

export function registerMessagePrecheckRoutes(api: Api, deps: ApiDeps): void {
  api.post(
    '/api/v1/app/:app/msg/precheck/active',
    {
      config: { ...publishing, repeatable: true },
      schema: { params: Type.Object({ app: Type.String() }), body: PrecheckIn },
    },
    async (request) => {
      const { id } = await resolveApplication(deps, request.environmentId, request.params.app);
      const { eventType, channels } = request.body;
      const subscriptions = await listSubscriptions(deps.db.queries, id);
      const message = { eventType, channels: channels ?? undefined };
      return { active: subscriptions.some((subscription) => matches(subscription, message)) };
    },
  );
}
