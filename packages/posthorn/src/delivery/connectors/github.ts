// Starts a GitHub Actions workflow: by name (workflow_dispatch), or as an event that workflows wait for
// (repository_dispatch).
import Type from 'typebox';
import type { Static } from 'typebox';
import { type ActionContext, originOf, sendJson, under, urlProblem } from './action-context.ts';
import { configuration, line, secretLine, template, templateMap, url } from './config-fields.ts';
import { type Connector, problemOf, secretNamesOf, verdict } from './connector.ts';
import { type TemplateData, templateData } from './templates.ts';

const schema = configuration({
  repository: line,
  token: secretLine,
  /** The file name or id of a workflow: dispatched by name. Without it, an event of the repository. */
  workflow: Type.Optional(line),
  ref: Type.Optional(template),
  inputs: Type.Optional(templateMap),
  /** Of the repository's event; the message's own unless given. */
  eventType: Type.Optional(template),
  /** Of a GitHub Enterprise Server: https://host/api/v3. */
  apiUrl: Type.Optional(url),
});
type GithubConfig = Static<typeof schema>;

const publicApi = 'https://api.github.com';
const apiVersion = '2022-11-28';
const repositoryPattern = /^[\w.-]+\/[\w.-]+$/;
// GitHub refuses longer names of events.
const eventTypeMaxChars = 100;

export function createGithub(context: ActionContext): Connector<GithubConfig> {
  const { templates } = context;

  async function dispatchOf(config: GithubConfig, data: TemplateData) {
    const { workflow, ref = 'main', inputs = {}, eventType = '{{ eventType }}' } = config;
    if (workflow === undefined) {
      const name = (await templates.render(eventType, data)).slice(0, eventTypeMaxChars);
      return { path: '/dispatches', body: { event_type: name, client_payload: data } };
    }
    const values = Object.entries(inputs).map(
      async ([name, text]) => [name, await templates.render(text, data)] as const,
    );
    const body = {
      ref: await templates.render(ref, data),
      inputs: Object.fromEntries(await Promise.all(values)),
    };
    return { path: `/actions/workflows/${encodeURIComponent(workflow)}/dispatches`, body };
  }

  return {
    kind: 'github',
    forOperators: false,
    takesAuth: false,
    schema,
    secretNames: secretNamesOf(schema),
    async check({ repository, ref, inputs, eventType, apiUrl = publicApi }) {
      const isRepository = repositoryPattern.test(repository);
      return verdict(`${originOf(apiUrl)}/${repository}`, [
        problemOf('apiUrl', urlProblem(context, apiUrl)),
        problemOf('repository', isRepository ? undefined : 'must be owner/name'),
        problemOf('ref', await templates.problemOf(ref ?? '')),
        problemOf('inputs', await templates.problemOfTree(inputs)),
        problemOf('eventType', await templates.problemOf(eventType ?? '')),
      ]);
    },
    async deliver(delivery, config, signal) {
      const { repository, token, apiUrl = publicApi } = config;
      const { path, body } = await dispatchOf(config, templateData(delivery));
      const headers = {
        accept: 'application/vnd.github+json',
        authorization: `Bearer ${token}`,
        'x-github-api-version': apiVersion,
      };
      const request = { url: under(apiUrl, `/repos/${repository}${path}`), headers, body };
      return sendJson(context, delivery, request, signal);
    },
  };
}
