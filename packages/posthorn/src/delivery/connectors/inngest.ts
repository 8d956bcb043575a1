// Sends an event to Inngest, which starts the functions that wait for it. Inngest knows repeats by the event's id.
import Type from 'typebox';
import type { Static } from 'typebox';
import { type ActionContext, originOf, sendJson, under, urlProblem } from './action-context.ts';
import { configuration, secretLine, template, url } from './config-fields.ts';
import { type Connector, problemOf, secretNamesOf, verdict } from './connector.ts';
import { templateData } from './templates.ts';

const schema = configuration({
  eventKey: secretLine,
  name: Type.Optional(template),
  /** Of an Inngest of one's own. */
  apiUrl: Type.Optional(url),
});
type InngestConfig = Static<typeof schema>;

const publicApi = 'https://inn.gs';

export function createInngest(context: ActionContext): Connector<InngestConfig> {
  const { templates } = context;
  return {
    kind: 'inngest',
    forOperators: false,
    takesAuth: false,
    schema,
    secretNames: secretNamesOf(schema),
    async check({ name, apiUrl = publicApi }) {
      return verdict(originOf(apiUrl), [
        problemOf('apiUrl', urlProblem(context, apiUrl)),
        problemOf('name', await templates.problemOf(name ?? '')),
      ]);
    },
    async deliver(delivery, { eventKey, name = '{{ eventType }}', apiUrl = publicApi }, signal) {
      const data = templateData(delivery);
      const { payload } = data;
      const body = {
        id: delivery.idempotencyKey,
        name: await templates.render(name, data),
        data: typeof payload === 'object' && payload !== null ? payload : { payload },
        ts: delivery.atMs,
      };
      return sendJson(
        context,
        delivery,
        { url: under(apiUrl, `/e/${encodeURIComponent(eventKey)}`), body },
        signal,
      );
    },
  };
}
