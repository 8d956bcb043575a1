import { sortedForm } from '../provider/form-fields.ts';
import type { ContentFunction, Provider } from '../provider/provider.ts';

const encoder = new TextEncoder();

/**
 * The fields but the signature as PHP's `serialize` writes an array of strings: lengths are in bytes. A field that comes
 * twice counts twice, so that none can be added beside the signed one.
 */
const content: ContentFunction = (request) => {
  const fields = sortedForm(request).filter(({ name }) => name !== 'p_signature');
  const items = fields.flatMap(({ name, values }) =>
    values.map((value) => serialized(name) + serialized(value)),
  );
  return [`a:${items.length}:{${items.join('')}}`];
};

function serialized(text: string): string {
  return `s:${encoder.encode(text).length}:"${text}";`;
}

export const paddleClassic: Provider<'paddle-classic'> = {
  name: 'paddle-classic',
  title: 'Paddle Classic',
  docs: 'https://developer.paddle.com/classic/webhook-reference/verifying-webhooks',
  grade: 'A',
  secret: { name: 'public key (PEM)', madeBy: 'provider' },
  schemes: [
    {
      kind: 'signature',
      algorithm: 'rsa-sha1',
      key: 'spki',
      signature: { at: 'form:p_signature', encoding: 'base64' },
      content,
    },
  ],
  event: {
    type: 'form:alert_name',
    id: 'form:alert_id',
    order: { first: ['form:subscription_id', 'form:order_id'] },
  },
  retry: { retries: true },
};
