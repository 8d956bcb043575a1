import type { ContentFunction, Provider } from '../provider/provider.ts';
import { hmacOfField } from '../provider/handshakes.ts';

/** Account activity says what happened by the name of an array; what the filtered stream sends is a Post. */
function typeOf(body: unknown): string | undefined {
  if (typeof body !== 'object' || body === null) return undefined;
  return Object.keys(body).find((key) => key.endsWith('_events')) ?? ('data' in body ? 'post' : undefined);
}

/**
 * The body, if it is an object: the same key signs whatever short word is asked for by GET, and a body that is such a word
 * would come with a signature that anybody can have.
 */
const content: ContentFunction = async (request) => {
  const text = request.text() ?? '';
  return text.trimStart().startsWith('{') ? [text] : [];
};

export const x: Provider<'x'> = {
  name: 'x',
  title: 'X (Twitter)',
  docs: 'https://docs.x.com/x-api/webhooks/quickstart',
  grade: 'A',
  secret: { name: 'consumer secret (API secret key)', madeBy: 'provider' },
  schemes: [
    {
      kind: 'signature',
      algorithm: 'hmac-sha256',
      key: 'text',
      signature: { at: 'header:x-twitter-webhooks-signature', prefix: 'sha256=', encoding: 'base64' },
      content,
      covers: 'body',
    },
  ],
  // Asked without a signature when the URL is registered, and every hour after that.
  handshakes: [
    hmacOfField({
      method: 'GET',
      field: 'query:crc_token',
      as: 'response_token',
      prefix: 'sha256=',
      encoding: 'base64',
      on: 'unverified',
    }),
  ],
  event: {
    type: (request) => request.value('body:data.event_type') ?? typeOf(request.json()),
    id: {
      first: [
        'body:data.id',
        'body:tweet_create_events.0.id_str',
        'body:favorite_events.0.id',
        'body:direct_message_events.0.id',
      ],
    },
    order: 'body:for_user_id',
  },
  retry: { retries: false },
  answer: { status: 200 },
};
