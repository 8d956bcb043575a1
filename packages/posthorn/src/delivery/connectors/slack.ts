// Posts into a Slack channel by its incoming webhook. Mattermost and Rocket.Chat take the same.
import type { ActionContext } from './action-context.ts';
import { createChatConnector } from './chat-webhook.ts';
import type { Connector } from './connector.ts';

// Longer ones are cut by Slack itself, in the middle of a message.
const textMaxChars = 4_000;

export function createSlack(context: ActionContext): Connector {
  return createChatConnector(context, {
    kind: 'slack',
    escape: 'slack',
    textMaxChars,
    messageOf: (text) => ({ text }),
  });
}
