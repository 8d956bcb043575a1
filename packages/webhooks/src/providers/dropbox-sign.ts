import { refuse } from '../verdict.ts';
import { encodeText } from '../provider/encoding.ts';
import { isMac, macOf } from '../provider/hmac.ts';
import { multipartField } from '../provider/multipart.ts';
import type { CustomScheme, Provider } from '../provider/provider.ts';
import { at, ProviderRequest } from '../provider/request.ts';

const recipe = { algorithm: 'hmac-sha256', key: 'text' } as const;

/** The JSON of a multipart field `json`; account callbacks may be sent as a plain form. */
function callbackOf(request: ProviderRequest): unknown {
  const text = multipartField(request, 'json') ?? request.value('form:json');
  try {
    return text === undefined ? request.json() : (JSON.parse(text) as unknown);
  } catch {
    return undefined;
  }
}

function textAt(callback: unknown, path: string): string {
  const value = at(callback, path);
  return typeof value === 'string' || typeof value === 'number' ? String(value) : '';
}

function contentOf(callback: unknown): string {
  return textAt(callback, 'event.event_time') + textAt(callback, 'event.event_type');
}

const scheme: CustomScheme = {
  kind: 'custom',
  covers: 'part',
  async verify(request, secret) {
    const callback = callbackOf(request);
    const given = textAt(callback, 'event.event_hash');
    if (given === '') return refuse('missing-header', 'event.event_hash (body) is missing');
    if (isMac(given, 'hex', await macOf(recipe, secret, contentOf(callback)))) return { ok: true };
    return refuse('mismatch', 'event_hash does not match event_time and event_type');
  },
  async sign(draft, secret) {
    const text = new TextDecoder().decode(draft.body);
    const callback = callbackOf(new ProviderRequest(draft, draft.body));
    const hash = encodeText(await macOf(recipe, secret, contentOf(callback)), 'hex');
    const signed = text.replace(/("event_hash"\s*:\s*)"[^"]*"/, `$1"${hash}"`);
    return { ...draft, body: Uint8Array.from(new TextEncoder().encode(signed)) };
  },
};

export const dropboxSign: Provider = {
  name: 'dropbox-sign',
  title: 'Dropbox Sign',
  docs: 'https://developers.hellosign.com/docs/events/overview/',
  grade: 'B',
  secret: { name: 'API key', madeBy: 'provider' },
  schemes: [scheme],
  event: {
    batch: (request) => [callbackOf(request)],
    type: 'item:event.event_type',
    id: {
      all: ['item:event.event_hash', 'item:signature_request.signature_request_id'],
      join: ':',
    },
    time: { at: 'item:event.event_time', unit: 'seconds' },
    order: 'item:signature_request.signature_request_id',
  },
  retry: { retries: true },
  answer: { status: 200, body: 'Hello API Event Received' },
  caution: 'only the time and the type of an event are signed; fetch what it is about before acting on it',
};
