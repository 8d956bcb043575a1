// What Google Drive and Calendar push: headers alone. What has changed is read from their API.
import type { Provider } from './provider.ts';

type Named<Name extends string> = Pick<Provider<Name>, 'name' | 'title' | 'docs'>;

export function googlePush<Name extends string>({ name, title, docs }: Named<Name>): Provider<Name> {
  return {
    name,
    title,
    docs,
    grade: 'A',
    secret: { name: 'token of the channel', madeBy: 'you' },
    schemes: [{ kind: 'token', at: 'header:x-goog-channel-token' }],
    event: {
      // `sync` says that the channel has begun.
      type: 'header:x-goog-resource-state',
      id: { all: ['header:x-goog-channel-id', 'header:x-goog-message-number'], join: ':', complete: true },
      order: 'header:x-goog-channel-id',
    },
    retry: { retries: true, note: 'after 500, 502, 503 and 504' },
    caution:
      'nothing is signed and the body is empty: read what changed from the API; a channel ends, renew it',
  };
}
