import { refuse } from '../verdict.ts';
import { KeyUnavailable } from '../provider/fetch-key-text.ts';
import type { Provider } from '../provider/provider.ts';
import { readKeyJson } from '../provider/published-keys.ts';
import { at } from '../provider/request.ts';
import type { ProviderRequest } from '../provider/request.ts';

const keyAddress = 'https://api.travis-ci.com/config';

function buildOf(request: ProviderRequest): readonly unknown[] | undefined {
  const build = request.parsedJson(request.form().get('payload') ?? undefined);
  return build === undefined ? undefined : [build];
}

export const travisCi: Provider<'travis-ci'> = {
  name: 'travis-ci',
  title: 'Travis CI',
  docs: 'https://docs.travis-ci.com/user/notifications/#verifying-webhook-requests',
  grade: 'A',
  secret: { name: 'none', madeBy: 'nobody' },
  settings: [{ name: 'owner', help: 'who owns the repositories; builds of others are refused' }],
  schemes: [
    {
      kind: 'signature',
      // Only the field is signed, and only the field is read.
      algorithm: 'rsa-sha1',
      key: 'spki',
      signature: { at: 'header:signature', encoding: 'base64' },
      content: '{form:payload}',
      async keys(request, context) {
        // The key signs the builds of everyone's repositories.
        const [build] = buildOf(request) ?? [];
        if (at(build, 'repository.owner_name') !== context.settings['owner'])
          return refuse('mismatch', 'the build is of another owner');
        const config = await readKeyJson(context, keyAddress);
        const key = at(config, 'config.notifications.webhook.public_key');
        if (typeof key !== 'string') throw new KeyUnavailable(`what ${keyAddress} answered holds no key`);
        return [key];
      },
    },
  ],
  event: {
    batch: buildOf,
    type: { all: ['const:build', 'item:state'], join: '.' },
    // A build that is started anew keeps its id.
    id: {
      all: ['item:id', 'item:state', { first: ['item:finished_at', 'item:started_at'] }],
      join: ':',
      complete: true,
    },
    time: { at: { first: ['item:finished_at', 'item:started_at'] }, unit: 'rfc3339' },
    order: 'item:repository.id',
  },
  retry: { retries: false, note: 'not documented' },
};
