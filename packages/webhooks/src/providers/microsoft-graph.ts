import { refuse } from '../verdict.ts';
import { echoField } from '../provider/handshakes.ts';
import type { CustomScheme, Provider } from '../provider/provider.ts';
import { at } from '../provider/request.ts';
import { sameText } from '../provider/same-bytes.ts';
import { setJsonValue } from '../provider/set-json-value.ts';

// Graph puts up to 1,000 into one request.
const itemsMax = 1_000;

const scheme: CustomScheme = {
  kind: 'custom',
  covers: 'nothing',
  /** Every notification of the batch carries the subscription's `clientState`. */
  async verify(request, secret) {
    const items = at(request.json(), 'value');
    if (!Array.isArray(items) || items.length === 0)
      return refuse('malformed-header', 'the body has no notifications in value');
    if (items.length > itemsMax)
      return refuse('too-large', `the body has more than ${itemsMax} notifications`);
    for (const item of items) {
      const given = at(item, 'clientState');
      if (typeof given !== 'string')
        return refuse('missing-header', 'clientState of a notification is missing');
      if (!(await sameText(given, secret)))
        return refuse('mismatch', 'clientState of a notification is none of the secrets');
    }
    return { ok: true };
  },
  async sign(draft, secret) {
    const items = at(JSON.parse(new TextDecoder().decode(draft.body)), 'value');
    let { body } = draft;
    for (const index of (Array.isArray(items) ? items : []).keys()) {
      body = setJsonValue(body, `value.${index}.clientState`, secret);
    }
    return { ...draft, body };
  },
};

export const microsoftGraph: Provider<'microsoft-graph'> = {
  name: 'microsoft-graph',
  title: 'Microsoft Graph change notifications',
  docs: 'https://learn.microsoft.com/en-us/graph/change-notifications-delivery-webhooks',
  grade: 'A',
  secret: { name: 'clientState of the subscription', madeBy: 'you' },
  schemes: [scheme],
  // Asked before the subscription is there, within 10 seconds.
  handshakes: [echoField({ field: 'query:validationToken', on: 'unverified' })],
  event: {
    batch: 'body:value',
    type: { first: [{ all: ['const:lifecycle', 'item:lifecycleEvent'], join: '.' }, 'item:changeType'] },
    id: 'item:id',
    order: 'item:subscriptionId',
  },
  retry: { retries: true, timeoutSeconds: 3, spanSeconds: 14_400 },
  answer: { status: 202 },
  caution:
    'clientState proves the sender, not the notification: read the resource from Graph before acting on it',
};
