import { refuse } from '../verdict.ts';
import { encodeText } from '../provider/encoding.ts';
import { isMac, macOf } from '../provider/hmac.ts';
import type { CustomScheme, Provider } from '../provider/provider.ts';
import { at } from '../provider/request.ts';
import { setJsonValue } from '../provider/set-json-value.ts';

const recipe = { algorithm: 'hmac-sha256', key: 'hex' } as const;
// Adyen sends one; the field is a list.
const itemsMax = 100;
const signedFields = [
  'pspReference',
  'originalReference',
  'merchantAccountCode',
  'merchantReference',
  'amount.value',
  'amount.currency',
  'eventCode',
  'success',
];

/**
 * The eight fields, parted by colons and nothing escaped, as Adyen's libraries write them. Undefined where one but the
 * merchant's own reference has a colon: one signature would then hold for several ways to part them.
 */
function contentOf(item: unknown): string | undefined {
  const fields = signedFields.map((path) => {
    const value = at(item, path);
    return { path, text: typeof value === 'string' || typeof value === 'number' ? String(value) : '' };
  });
  const isOpen = fields.some(({ path, text }) => path !== 'merchantReference' && text.includes(':'));
  return isOpen ? undefined : fields.map(({ text }) => text).join(':');
}

function itemsOf(body: unknown): readonly unknown[] {
  const items = at(body, 'notificationItems');
  return Array.isArray(items) ? items.map((item) => at(item, 'NotificationRequestItem')) : [];
}

const scheme: CustomScheme = {
  kind: 'custom',
  covers: 'part',
  /** Every item has a signature of its own; one that is wrong refuses the request. */
  async verify(request, secret) {
    const items = itemsOf(request.json());
    if (items.length === 0) return refuse('malformed-header', 'the body has no notificationItems');
    if (items.length > itemsMax) return refuse('too-large', `the body has more than ${itemsMax} items`);
    for (const item of items) {
      const given = at(item, 'additionalData.hmacSignature');
      if (typeof given !== 'string' || given === '')
        return refuse('missing-header', 'additionalData.hmacSignature of an item is missing');
      const content = contentOf(item);
      if (content === undefined) return refuse('malformed-header', 'a field of an item holds a colon');
      if (!isMac(given, 'base64', await macOf(recipe, secret, content)))
        return refuse('mismatch', 'the signature of an item does not match its fields');
    }
    return { ok: true };
  },
  async sign(draft, secret) {
    let { body } = draft;
    const items = itemsOf(JSON.parse(new TextDecoder().decode(body)));
    for (const [index, item] of items.entries()) {
      const mac = encodeText(await macOf(recipe, secret, contentOf(item) ?? ''), 'base64');
      const path = `notificationItems.${index}.NotificationRequestItem.additionalData.hmacSignature`;
      body = setJsonValue(body, path, mac);
    }
    return { ...draft, body };
  },
};

export const adyenPayments: Provider<'adyen-payments'> = {
  name: 'adyen-payments',
  title: 'Adyen (standard webhooks)',
  docs: 'https://docs.adyen.com/development-resources/webhooks/secure-webhooks/verify-hmac-signatures/',
  grade: 'A',
  secret: { name: 'HMAC key (hexadecimal)', madeBy: 'provider' },
  schemes: [scheme],
  event: {
    batch(request) {
      const items = itemsOf(request.json());
      return items.length === 0 ? undefined : items;
    },
    type: 'item:eventCode',
    // A payment is authorised once and may be captured several times, each with a reference of its own.
    id: { all: ['item:eventCode', 'item:pspReference', 'item:success'], join: ':', complete: true },
    time: { at: 'item:eventDate', unit: 'rfc3339' },
    order: { first: ['item:originalReference', 'item:pspReference'] },
  },
  retry: { retries: true, timeoutSeconds: 10 },
  answer: { status: 200, body: '[accepted]' },
  caution: 'eight fields are signed (references, account, amount, event code, success); the rest is not',
};
