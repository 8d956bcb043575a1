import { digestOf } from '../hashing.ts';
import type { ContentFunction, Provider } from '../provider/provider.ts';
import { encodeText } from '../provider/encoding.ts';
import { sortedForm, urlOf } from '../provider/form-fields.ts';

const bodyHash = /([?&]bodySHA256=)[0-9a-fA-F]*/;

/**
 * The URL and every form field, sorted; a name that came several times with each of its values once. With a hash of the
 * body in the URL, the URL alone: the hash is put in anew, so that a changed body changes what is signed.
 */
const content: ContentFunction = async (request) => {
  const url = urlOf(request);
  if (bodyHash.test(url)) {
    const hash = await digestOf('SHA-256', request.body);
    return withAndWithoutPort(url.replace(bodyHash, `$1${encodeText(hash, 'hex')}`));
  }
  const fields = sortedForm(request).flatMap(({ name, values }) =>
    [...new Set(values)].map((value) => name + value),
  );
  return withAndWithoutPort(url).map((each) => each + fields.join(''));
};

/** Twilio signs now with and now without the port; its own libraries try both. */
function withAndWithoutPort(url: string): readonly string[] {
  const [, scheme = '', host = '', rest = ''] = /^(https?):\/\/([^/?#]*)(.*)$/is.exec(url) ?? [];
  if (scheme === '') return [url];
  const bare = host.replace(/:\d+$/, '');
  const port = scheme.toLowerCase() === 'https' ? 443 : 80;
  return [...new Set([url, `${scheme}://${bare}${rest}`, `${scheme}://${bare}:${port}${rest}`])];
}

export const twilio: Provider<'twilio'> = {
  name: 'twilio',
  title: 'Twilio',
  docs: 'https://www.twilio.com/docs/usage/security#validating-requests',
  grade: 'A',
  secret: { name: 'auth token', madeBy: 'provider' },
  schemes: [
    {
      kind: 'signature',
      algorithm: 'hmac-sha1',
      key: 'text',
      signature: { at: 'header:x-twilio-signature', encoding: 'base64' },
      content,
    },
  ],
  event: {
    // Event Streams send an array of CloudEvents, everything else a form.
    batch: 'body:',
    type: {
      first: [
        'item:type',
        { all: ['const:message', { first: ['form:MessageStatus', 'form:SmsStatus'] }], join: '.' },
        { all: ['const:call', 'form:CallStatus'], join: '.' },
      ],
    },
    id: { first: ['item:id', 'header:i-twilio-idempotency-token'] },
    time: { at: 'item:time', unit: 'rfc3339' },
    order: { first: ['form:MessageSid', 'form:CallSid'] },
  },
  retry: {
    retries: true,
    timeoutSeconds: 15,
    note: 'once, after a failed connection; the fragment of the URL can ask for more',
  },
};
