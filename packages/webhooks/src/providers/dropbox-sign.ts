import { refuse } from '../verdict.ts';
import { encodeText } from '../provider/encoding.ts';
import { isMac, macOf } from '../provider/hmac.ts';
import type { CustomScheme, Provider } from '../provider/provider.ts';
import { ProviderRequest } from '../provider/request.ts';

const recipe = { algorithm: 'hmac-sha256', key: 'text' } as const;
// Of a multipart form; account callbacks may be sent as a plain one.
const jsonField = 'json';

function contentOf(request: ProviderRequest): string {
  return (request.value('body:event.event_time') ?? '') + (request.value('body:event.event_type') ?? '');
}

const scheme: CustomScheme = {
  kind: 'custom',
  covers: 'part',
  async verify(request, secret) {
    const given = request.value('body:event.event_hash');
    if (!given) return refuse('missing-header', 'event.event_hash (body) is missing');
    if (isMac(given, 'hex', await macOf(recipe, secret, contentOf(request)))) return { ok: true };
    return refuse('mismatch', 'event_hash does not match event_time and event_type');
  },
  async sign(draft, secret) {
    const request = new ProviderRequest(draft, draft.body, { jsonField });
    const hash = encodeText(await macOf(recipe, secret, contentOf(request)), 'hex');
    const signed = request.text()?.replace(/("event_hash"\s*:\s*)"[^"]*"/, `$1"${hash}"`);
    return { ...draft, body: Uint8Array.from(new TextEncoder().encode(signed)) };
  },
};

export const dropboxSign: Provider<'dropbox-sign'> = {
  name: 'dropbox-sign',
  title: 'Dropbox Sign',
  docs: 'https://developers.hellosign.com/docs/events/overview/',
  grade: 'A',
  secret: { name: 'API key', madeBy: 'provider' },
  schemes: [scheme],
  jsonField,
  event: {
    type: 'body:event.event_type',
    // The hash is the same for all events of one type in one second.
    id: {
      first: [
        {
          all: [
            'body:event.event_hash',
            'body:signature_request.signature_request_id',
            'body:event.event_metadata.related_signature_id',
          ],
          join: ':',
          complete: true,
        },
        {
          all: [
            'body:event.event_hash',
            {
              first: [
                'body:signature_request.signature_request_id',
                'body:template.template_id',
                'body:account.account_id',
              ],
            },
          ],
          join: ':',
          complete: true,
        },
      ],
    },
    time: { at: 'body:event.event_time', unit: 'seconds' },
    order: { first: ['body:signature_request.signature_request_id', 'body:template.template_id'] },
  },
  retry: { retries: true },
  answer: { status: 200, body: 'Hello API Event Received' },
  caution: 'only the time and the type of an event are signed; fetch what it is about before acting on it',
};
