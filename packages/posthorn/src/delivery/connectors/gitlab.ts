// Starts a GitLab pipeline by a trigger token.
import Type from 'typebox';
import type { Static } from 'typebox';
import { type ActionContext, originOf, sendJson, under, urlProblem } from './action-context.ts';
import { configuration, line, secretLine, template, templateMap, url } from './config-fields.ts';
import { type Connector, problemOf, secretNamesOf, verdict } from './connector.ts';
import { templateData } from './templates.ts';

const schema = configuration({
  /** The id of a project, or its path: group/name. */
  project: line,
  triggerToken: secretLine,
  ref: Type.Optional(template),
  variables: Type.Optional(templateMap),
  /** Of a GitLab of one's own. */
  baseUrl: Type.Optional(url),
});
type GitlabConfig = Static<typeof schema>;

const publicGitlab = 'https://gitlab.com';

export function createGitlab(context: ActionContext): Connector<GitlabConfig> {
  const { templates } = context;
  return {
    kind: 'gitlab',
    forOperators: false,
    takesAuth: false,
    schema,
    secretNames: secretNamesOf(schema),
    async check({ project, ref, variables, baseUrl = publicGitlab }) {
      return verdict(`${originOf(baseUrl)}/${project}`, [
        problemOf('baseUrl', urlProblem(context, baseUrl)),
        problemOf('ref', await templates.problemOf(ref ?? '')),
        problemOf('variables', await templates.problemOfTree(variables)),
      ]);
    },
    async deliver(delivery, config, signal) {
      const { project, triggerToken, ref = 'main', baseUrl = publicGitlab } = config;
      const data = templateData(delivery);
      const variables: [string, string][] = [['POSTHORN_MESSAGE_ID', delivery.messageId]];
      for (const [name, text] of Object.entries(config.variables ?? {})) {
        variables.push([name, await templates.render(text, data)]);
      }
      const body = {
        token: triggerToken,
        ref: await templates.render(ref, data),
        variables: Object.fromEntries(variables),
      };
      const path = `/api/v4/projects/${encodeURIComponent(project)}/trigger/pipeline`;
      return sendJson(context, delivery, { url: under(baseUrl, path), body }, signal);
    },
  };
}
