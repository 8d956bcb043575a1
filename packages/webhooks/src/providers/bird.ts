import { refuse } from '../verdict.ts';
import { MissingContent } from '../provider/content.ts';
import { encodeText } from '../provider/encoding.ts';
import { isHashOf, judgeBodyHash } from '../provider/jwt-claims.ts';
import { sharedJwtScheme } from '../provider/jwt-scheme.ts';
import type { JwtRow } from '../provider/jwt-scheme.ts';
import type { Provider } from '../provider/provider.ts';

const encoder = new TextEncoder();

const row: JwtRow = {
  header: 'messagebird-signature-jwt',
  covers: 'body',
  claims: () => ({ issuers: ['MessageBird'], needs: ['jti', 'nbf', 'exp'] }),
  /** The URL as it was called, and the body; the hash of an empty body may be left out. */
  async judge(request, claims) {
    if (request.url === undefined) throw new MissingContent('url');
    if (!(await isHashOf(claims['url_hash'], 'hex', Uint8Array.from(encoder.encode(request.url)))))
      return refuse('mismatch', "the URL is not the one of the token's claim url_hash");
    if (request.body.length === 0 && claims['payload_hash'] === undefined) return undefined;
    return judgeBodyHash(request, claims, { claim: 'payload_hash', encoding: 'hex' });
  },
  async sample(draft, { nowMs }) {
    const [url, body] = await Promise.all(
      [encoder.encode(draft.url), draft.body].map((bytes) => crypto.subtle.digest('SHA-256', bytes)),
    );
    const nowSeconds = Math.floor(nowMs / 1_000);
    return {
      iss: 'MessageBird',
      nbf: nowSeconds,
      exp: nowSeconds + 60,
      jti: crypto.randomUUID(),
      url_hash: encodeText(new Uint8Array(url ?? []), 'hex'),
      payload_hash: encodeText(new Uint8Array(body ?? []), 'hex'),
    };
  },
};

export const bird: Provider<'bird'> = {
  name: 'bird',
  title: 'Bird (MessageBird)',
  docs: 'https://developers.messagebird.com/api/#verifying-http-requests',
  grade: 'A',
  secret: { name: 'signing key', madeBy: 'provider' },
  schemes: [sharedJwtScheme(row, { algorithms: ['HS256', 'HS384', 'HS512'], key: 'text' })],
  event: {
    type: {
      first: ['body:type', { all: ['const:message', { first: ['query:status', 'form:status'] }], join: '.' }],
    },
    id: {
      first: [
        { all: ['body:message.id', 'body:message.status', 'body:type'], join: ':', complete: true },
        { all: ['query:id', 'query:status', 'query:statusDatetime'], join: ':', complete: true },
        { all: ['query:id', 'query:status'], join: ':', complete: true },
        'query:id',
      ],
    },
    time: { at: { first: ['body:message.updatedDatetime', 'query:statusDatetime'] }, unit: 'rfc3339' },
    order: { first: ['body:conversation.id', 'query:id'] },
  },
  retry: { retries: true },
};
