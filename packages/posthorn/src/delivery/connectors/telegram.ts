// Sends to a Telegram chat as a bot.
import Type from 'typebox';
import type { Static } from 'typebox';
import { type ActionContext, sendJson, under, urlProblem } from './action-context.ts';
import { configuration, line, secretLine, template, url } from './config-fields.ts';
import { type ActionResult, type Connector, problemOf, secretNamesOf, verdict } from './connector.ts';
import { templateData } from './templates.ts';

const schema = configuration({
  botToken: secretLine,
  chatId: line,
  text: Type.Optional(template),
  /** Of a Bot API server of one's own. */
  apiUrl: Type.Optional(url),
});
type TelegramConfig = Static<typeof schema>;

const publicApi = 'https://api.telegram.org';
const tokenPattern = /^[\w:-]+$/;
const defaultText = '{{ eventType }}: {{ payload | json }}';
// Telegram refuses longer ones.
const textMaxChars = 4_096;

export function createTelegram(context: ActionContext): Connector<TelegramConfig> {
  const { templates } = context;
  return {
    kind: 'telegram',
    forOperators: false,
    takesAuth: false,
    schema,
    secretNames: secretNamesOf(schema),
    async check({ botToken, chatId, text, apiUrl = publicApi }) {
      const isToken = tokenPattern.test(botToken);
      return verdict(`${apiUrl} ${chatId}`, [
        problemOf('apiUrl', urlProblem(context, apiUrl)),
        problemOf('botToken', isToken ? undefined : 'is not the token of a bot'),
        problemOf('text', await templates.problemOf(text ?? '')),
      ]);
    },
    async deliver(delivery, { botToken, chatId, text = defaultText, apiUrl = publicApi }, signal) {
      const rendered = await templates.render(text, templateData(delivery));
      const body = { chat_id: chatId, text: rendered.slice(0, textMaxChars) };
      const request = { url: under(apiUrl, `/bot${botToken}/sendMessage`), body };
      return withRetryAfter(await sendJson(context, delivery, request, signal));
    },
  };
}

/** Telegram says in the body when to come back. */
function withRetryAfter(result: ActionResult): ActionResult {
  const { outcome, responseBody } = result;
  if (outcome.kind !== 'rejected' || result.retryAfterSeconds !== undefined) return result;
  const seconds = retryAfterOf(Buffer.from(responseBody ?? []).toString());
  return seconds === undefined ? result : { ...result, retryAfterSeconds: seconds };
}

function retryAfterOf(body: string): number | undefined {
  const seconds = /"retry_after"\s*:\s*(\d{1,6})/.exec(body)?.[1];
  return seconds === undefined ? undefined : Number(seconds);
}
