import { MissingContent } from '../provider/content.ts';
import { joinedFields, sortedFields, sortedForm, urlOf } from '../provider/form-fields.ts';
import type { ContentFunction, Provider } from '../provider/provider.ts';

// A nonce with a full stop could hold fields that were taken out of the form: the text that is signed would be the same.
const nonceForm = /^[A-Za-z0-9_-]{1,128}$/;

/**
 * The URL with its query sorted, the form fields sorted, and the nonce. Full stops part what is there, as in Plivo's own
 * libraries: the question mark stays without a query when there are fields.
 */
const content: ContentFunction = (request) => {
  const nonce = request.header('x-plivo-signature-v3-nonce');
  if (!nonce) throw new MissingContent('x-plivo-signature-v3-nonce');
  // What comes by GET has no body: one that is there was not signed.
  if (!nonceForm.test(nonce) || (request.method === 'GET' && request.body.length > 0)) return [];
  const [base = ''] = urlOf(request).split(/[?#]/, 1);
  const query = sortedFields(request.query())
    .flatMap(({ name, values }) => values.map((value) => `${name}=${value}`))
    .join('&');
  const fields = request.method === 'GET' ? '' : joinedFields(sortedForm(request));
  const mark = query === '' && fields === '' ? '' : '?';
  const stop = query === '' || fields === '' ? '' : '.';
  return [`${base}${mark}${query}${stop}${fields}.${nonce}`];
};

export const plivo: Provider<'plivo'> = {
  name: 'plivo',
  title: 'Plivo',
  docs: 'https://www.plivo.com/docs/voice/concepts/signature-validation',
  grade: 'A',
  secret: { name: 'auth token', madeBy: 'provider' },
  schemes: [
    {
      kind: 'signature',
      algorithm: 'hmac-sha256',
      key: 'text',
      // One signature for each auth token while it is changed.
      signature: { at: 'header:x-plivo-signature-v3', separator: ',', encoding: 'base64' },
      content,
    },
  ],
  event: {
    type: {
      first: [
        { all: ['const:message', { first: ['form:Status', 'form:Type'] }], join: '.' },
        { all: ['const:call', { first: ['form:Event', 'form:CallStatus'] }], join: '.' },
      ],
    },
    id: {
      first: [
        { all: ['form:MessageUUID', 'form:Status'], join: ':', complete: true },
        'form:MessageUUID',
        // What else is asked during a call, such as where to go next, is asked again and again.
        {
          when: { 'form:Event': ['StartApp', 'Ring', 'Hangup'] },
          take: { all: ['form:CallUUID', 'form:Event', 'form:CallStatus'], join: ':', complete: true },
        },
      ],
    },
    order: { first: ['form:MessageUUID', 'form:CallUUID'] },
  },
  retry: { retries: true, note: 'figures are not documented' },
};
