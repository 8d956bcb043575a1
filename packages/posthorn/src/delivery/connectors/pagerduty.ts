// Triggers or resolves a PagerDuty alert by the Events API v2. What has the same dedup key is one alert.
import Type from 'typebox';
import type { Static } from 'typebox';
import { type ActionContext, originOf, sendJson, under, urlProblem } from './action-context.ts';
import { configuration, secretLine, template, url } from './config-fields.ts';
import { type Connector, problemOf, secretNamesOf, UnfitError, verdict } from './connector.ts';
import { templateData } from './templates.ts';

const schema = configuration({
  routingKey: secretLine,
  /** `trigger`, `acknowledge` or `resolve`, or a template that gives one of them. */
  action: Type.Optional(template),
  severity: Type.Optional(template),
  summary: Type.Optional(template),
  source: Type.Optional(template),
  /** Alerts with the same key are one; the message's own unless given. */
  dedupKey: Type.Optional(template),
  /** Of the region of the account, such as https://events.eu.pagerduty.com. */
  apiUrl: Type.Optional(url),
});
type PagerDutyConfig = Static<typeof schema>;

const usualRegion = 'https://events.pagerduty.com';
const actions = ['trigger', 'acknowledge', 'resolve'];
const severities = ['critical', 'error', 'warning', 'info'];
const summaryMaxChars = 1_024;
const dedupKeyMaxChars = 255;
const templateNames = ['action', 'severity', 'summary', 'source', 'dedupKey'] as const;

export function createPagerDuty(context: ActionContext): Connector<PagerDutyConfig> {
  const { templates } = context;
  return {
    kind: 'pagerduty',
    forOperators: false,
    takesAuth: false,
    schema,
    secretNames: secretNamesOf(schema),
    async check(config) {
      const { apiUrl = usualRegion } = config;
      const problems = templateNames.map(async (name) =>
        problemOf(name, await templates.problemOf(config[name] ?? '')),
      );
      return verdict(originOf(apiUrl), [
        problemOf('apiUrl', urlProblem(context, apiUrl)),
        ...(await Promise.all(problems)),
      ]);
    },
    async deliver(delivery, config, signal) {
      const data = templateData(delivery);
      const render = (text: string) => templates.render(text, data);
      const action = oneOf(await render(config.action ?? 'trigger'), actions, 'action');
      const event = {
        routing_key: config.routingKey,
        event_action: action,
        dedup_key: (await render(config.dedupKey ?? '{{ id }}')).slice(0, dedupKeyMaxChars),
        payload: {
          summary: (await render(config.summary ?? '{{ eventType }}')).slice(0, summaryMaxChars),
          source: await render(config.source ?? 'posthorn'),
          severity: oneOf(await render(config.severity ?? 'error'), severities, 'severity'),
          timestamp: data.timestamp,
          custom_details: data.payload,
        },
      };
      const request = { url: under(config.apiUrl ?? usualRegion, '/v2/enqueue'), body: event };
      return sendJson(context, delivery, request, signal);
    },
  };
}

function oneOf(given: string, known: readonly string[], name: string): string {
  const word = given.trim().toLowerCase();
  if (known.includes(word)) return word;
  throw new UnfitError(`${name} must be one of ${known.join(', ')}`);
}
