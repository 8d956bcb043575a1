// Posts into a Microsoft Teams channel by the webhook of a workflow, as an Adaptive Card.
import type { ActionContext } from './action-context.ts';
import { createChatConnector } from './chat-webhook.ts';
import type { Connector } from './connector.ts';

// A message of Teams has 28 kB, with the card around it.
const textMaxChars = 8_000;

export function createTeams(context: ActionContext): Connector {
  return createChatConnector(context, {
    kind: 'teams',
    escape: 'none',
    textMaxChars,
    messageOf: (text) => ({
      type: 'message',
      attachments: [{ contentType: 'application/vnd.microsoft.card.adaptive', content: cardOf(text) }],
    }),
  });
}

function cardOf(text: string): object {
  return {
    $schema: 'http://adaptivecards.io/schemas/adaptive-card.json',
    type: 'AdaptiveCard',
    version: '1.4',
    body: [{ type: 'TextBlock', text, wrap: true }],
  };
}
