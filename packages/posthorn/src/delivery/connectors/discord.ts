// Posts into a Discord channel by its webhook.
import type { ActionContext } from './action-context.ts';
import { createChatConnector } from './chat-webhook.ts';
import type { Connector } from './connector.ts';

// Discord refuses longer ones.
const contentMaxChars = 2_000;

export function createDiscord(context: ActionContext): Connector {
  return createChatConnector(context, {
    kind: 'discord',
    escape: 'none',
    textMaxChars: contentMaxChars,
    // What stands in a message must not call everyone.
    messageOf: (content) => ({ content, allowed_mentions: { parse: [] } }),
    postUrl: waiting,
  });
}

/** With `wait`, the answer comes when the message is there, and not before it was looked at. */
function waiting(text: string): string {
  const url = new URL(text);
  url.searchParams.set('wait', 'true');
  return url.href;
}
