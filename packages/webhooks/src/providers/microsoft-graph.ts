import { refuse } from '../verdict.ts';
import type { Refusal } from '../verdict.ts';
import { echoField } from '../provider/handshakes.ts';
import type { CustomScheme, Provider, SchemeContext } from '../provider/provider.ts';
import { entraKeys, judgeEntraToken, tenantOf } from '../provider/entra-token.ts';
import { judgeClaims } from '../provider/jwt-claims.ts';
import { publishedJwt } from '../provider/jwt-scheme.ts';
import { verifyJwt } from '../provider/jwt.ts';
import { at } from '../provider/request.ts';
import type { ProviderRequest } from '../provider/request.ts';
import { sameText } from '../same-bytes.ts';
import { setJsonValue } from '../provider/set-json-value.ts';

// Graph puts up to 1,000 into one request.
const itemsMax = 1_000;
// One for each pair of application and tenant.
const tokensMax = 64;
// "Microsoft Graph Change Tracking", the publisher of notifications.
const publisher = '0bf30f3b-4a52-48df-9a82-234910c4a086';

/** Every token must hold, and there must be one for the tenant of each notification. */
async function judgeTokens(
  request: ProviderRequest,
  items: readonly unknown[],
  context: SchemeContext,
): Promise<Refusal | undefined> {
  const tokens = at(request.json(), 'validationTokens');
  if (!Array.isArray(tokens) || tokens.length === 0)
    return refuse('missing-header', 'validationTokens (body) is missing');
  if (tokens.length > tokensMax)
    return refuse('too-large', `the body has more than ${tokensMax} validationTokens`);
  const expected = publishedJwt('RS256', entraKeys, context);
  const audience = context.settings['appId'] ?? '';
  const tenants = new Set<unknown>();
  for (const token of tokens as readonly unknown[]) {
    const jwt = await verifyJwt(typeof token === 'string' ? token : '', expected);
    if (!jwt.ok) return jwt;
    const wrong =
      judgeEntraToken(jwt.claims, { service: publisher }) ??
      judgeClaims(jwt.claims, { audience, needs: ['exp'] }, context);
    if (wrong !== undefined) return wrong;
    tenants.add(tenantOf(jwt.claims));
  }
  return items.every((item) => tenants.has(at(item, 'tenantId')))
    ? undefined
    : refuse('mismatch', 'a notification is of a tenant for which there is no token');
}

const scheme: CustomScheme = {
  kind: 'custom',
  covers: 'nothing',
  /** Every notification of the batch carries the subscription's `clientState`; rich ones come with tokens besides. */
  async verify(request, secret, context) {
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
    const wrong = context.settings['appId'] && (await judgeTokens(request, items, context));
    return wrong || { ok: true };
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
  settings: [
    {
      name: 'appId',
      help: 'id of the application that subscribes to notifications with resource data: then validationTokens are required',
      optional: true,
    },
  ],
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
    'clientState and validationTokens prove the sender, not the notification: read the resource from Graph first',
};
