import { refuse } from '../verdict.ts';
import { KeyUnavailable } from '../provider/fetch-key-text.ts';
import type { Provider } from '../provider/provider.ts';
import { readKeyJson } from '../provider/published-keys.ts';
import { at } from '../provider/request.ts';

const idHeader = 'kick-event-message-id';
const timeHeader = 'kick-event-message-timestamp';
const wholeTime = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{1,9})?(?:Z|[+-]\d\d:\d\d)$/;
const keyAddress = 'https://api.kick.com/public/v1/public-key';

export const kick: Provider<'kick'> = {
  name: 'kick',
  title: 'Kick',
  docs: 'https://docs.kick.com/events/webhook-security',
  grade: 'B',
  secret: { name: 'none', madeBy: 'nobody' },
  schemes: [
    {
      kind: 'signature',
      algorithm: 'rsa-sha256',
      key: 'spki',
      signature: { at: 'header:kick-event-signature', encoding: 'base64' },
      content: '{id}.{header:kick-event-message-timestamp}.{body}',
      id: `header:${idHeader}`,
      async keys(request, context) {
        // Such an id could reach into the time: one signature would then hold for two ids, and duplicates pass.
        if (request.header(idHeader)?.includes('.'))
          return refuse('malformed-header', `${idHeader} holds a full stop`);
        // Nor may the time leave a part of itself, or take one of the body.
        if (!wholeTime.test(request.header(timeHeader) ?? ''))
          return refuse('malformed-header', `${timeHeader} is no whole time`);
        const key = at(await readKeyJson(context, keyAddress), 'data.public_key');
        if (typeof key !== 'string') throw new KeyUnavailable(`what ${keyAddress} answered holds no key`);
        return [key];
      },
    },
  ],
  event: {
    type: 'header:kick-event-type',
    id: 'header:kick-event-message-id',
    time: { at: 'header:kick-event-message-timestamp', unit: 'rfc3339' },
    order: 'body:broadcaster.user_id',
  },
  retry: { retries: true },
  caution:
    'the type stands in a header that is not signed, and the key signs for every app: check whom it is for',
};
