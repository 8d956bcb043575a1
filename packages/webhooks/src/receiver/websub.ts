// WebSub (https://www.w3.org/TR/websub/): a hub asks by GET whether a subscription is wanted, then posts what changed. Not a
// row, because what is wanted differs from source to source.
import type { Handshake, HandshakeAnswer, Provider, SignatureScheme } from '../provider/provider.ts';
import type { ProviderRequest } from '../provider/request.ts';
import { verifySignature } from '../provider/signature-scheme.ts';
import type { KeyCache } from '../provider/signature-scheme.ts';
import { refuse } from '../verdict.ts';

export type WebsubOptions = {
  /** The topics that are wanted: their URLs, or what says so of one. Nothing else is confirmed. */
  readonly topics: readonly string[] | ((topic: string) => boolean | Promise<boolean>);
  /** Takes SHA-1 signatures too. Some hubs make no others (YouTube's). */
  readonly allowSha1?: boolean;
};

const challengeMaxChars = 4_096;
const signatureHeader = 'x-hub-signature';
const oldMethod = 'sha1';
/** Section 7.1: the header says how it was made. */
const schemes: ReadonlyMap<string, SignatureScheme> = new Map(
  ([oldMethod, 'sha256', 'sha384', 'sha512'] as const).map((method) => [
    method,
    {
      kind: 'signature',
      algorithm: `hmac-${method}`,
      key: 'text',
      signature: { at: `header:${signatureHeader}`, prefix: `${method}=`, encoding: 'hex' },
      content: '{body}',
    },
  ]),
);

/** Its events have the type `content`; a feed is not JSON: read `context.request.body`. */
export function websub({ topics, allowSha1 = false }: WebsubOptions): Provider<'websub'> {
  const isWanted = typeof topics === 'function' ? topics : (topic: string) => topics.includes(topic);
  const keys: KeyCache = new Map();
  return {
    name: 'websub',
    title: 'WebSub',
    docs: 'https://www.w3.org/TR/websub/',
    grade: 'A',
    secret: { name: 'hub.secret', madeBy: 'you' },
    schemes: [
      {
        kind: 'custom',
        async verify(request, secret, context) {
          const scheme = schemeOf(request, allowSha1);
          if (scheme === undefined) {
            const detail = `${signatureHeader} is missing, or made in a way that is not taken here`;
            return refuse('missing-header', detail);
          }
          return verifySignature(scheme, request, { secrets: [secret], keys, context });
        },
      },
    ],
    handshakes: [confirmIntent(isWanted)],
    event: { type: 'const:content' },
    retry: { retries: true },
  };
}

/** Section 5.3: a subscription is confirmed when its topic is wanted, the end of one when it is not. */
function confirmIntent(isWanted: (topic: string) => boolean | Promise<boolean>): Handshake {
  return {
    on: 'unverified',
    async answer(request) {
      if (request.method !== 'GET') return undefined;
      const [mode, topic] = [request.value('query:hub.mode'), request.value('query:hub.topic')];
      if (mode === undefined || topic === undefined) return undefined;
      // The hub says that it will not; there is nothing to confirm.
      if (mode === 'denied') return answered(200, '');
      const challenge = request.value('query:hub.challenge') ?? '';
      const wanted = await isWanted(topic);
      const agreed = mode === 'subscribe' ? wanted : mode === 'unsubscribe' && !wanted;
      const isChallenge = challenge !== '' && challenge.length <= challengeMaxChars;
      return agreed && isChallenge ? answered(200, challenge) : answered(404, '');
    },
  };
}

function answered(status: number, body: string): HandshakeAnswer {
  const headers = { 'content-type': 'text/plain; charset=utf-8', 'x-content-type-options': 'nosniff' };
  return { status, headers, body };
}

function schemeOf(request: ProviderRequest, allowSha1: boolean): SignatureScheme | undefined {
  const [method = ''] = (request.header(signatureHeader) ?? '').split('=', 1);
  return method === oldMethod && !allowSha1 ? undefined : schemes.get(method);
}
