// What Slack, Discord and Teams have in common: an incoming webhook, whose URL is the secret, takes a text or a message.
import Type from 'typebox';
import type { Static } from 'typebox';
import { type ActionContext, originOf, sendJson, urlProblem } from './action-context.ts';
import { jsonTemplate, configuration, secretUrl, template } from './config-fields.ts';
import { type Connector, problemOf, secretNamesOf, verdict } from './connector.ts';
import type { Escape } from './template-jobs.ts';
import { templateData } from './templates.ts';

const schema = configuration({
  url: secretUrl,
  text: Type.Optional(template),
  message: Type.Optional(jsonTemplate),
});
type ChatConfig = Static<typeof schema>;

/** What an endpoint without `text` and `message` says. */
const defaultText = '{{ eventType }}: {{ payload | json }}';

export interface ChatService {
  kind: string;
  escape: Escape;
  /** Longer texts are cut: the service would refuse them. */
  textMaxChars: number;
  /** The service's own shape of a plain text. */
  messageOf(text: string): object;
  /** Where to post, of the URL that the service gave out. */
  postUrl?(url: string): string;
}

export function createChatConnector(context: ActionContext, service: ChatService): Connector<ChatConfig> {
  const { templates } = context;
  const { kind, escape, textMaxChars, postUrl } = service;
  return {
    kind,
    forOperators: false,
    takesAuth: false,
    schema,
    secretNames: secretNamesOf(schema),
    async check({ url, text, message }) {
      return verdict(originOf(url), [
        problemOf('url', urlProblem(context, url)),
        problemOf('text', await templates.problemOf(text ?? '')),
        problemOf('message', await templates.problemOfTree(message)),
      ]);
    },
    async deliver(delivery, { url, text = defaultText, message }, signal) {
      const data = templateData(delivery);
      const body =
        message === undefined
          ? service.messageOf(cut(await templates.render(text, data, escape), textMaxChars))
          : await templates.renderTree(message, data);
      return sendJson(context, delivery, { url: postUrl?.(url) ?? url, body }, signal);
    },
  };
}

/** At most so many characters, without half of a surrogate pair at the end. */
function cut(text: string, maxChars: number): string {
  if (text.length <= maxChars) return text;
  return `${text.slice(0, maxChars - 1).replace(/[\uD800-\uDBFF]$/, '')}…`;
}
