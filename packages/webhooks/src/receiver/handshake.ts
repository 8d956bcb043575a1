// Questions by which a provider checks that the URL is ours, answered before any handler is asked.
import { answerHandshake } from '../provider/answer-handshake.ts';
import type { Handshake, HandshakeAnswer } from '../provider/provider.ts';
import type { ReceivedRequest } from '../provider/request.ts';
import type { Rejection } from './rejection.ts';
import { learnSecret } from './secrets.ts';
import type { SourceParts } from './source-parts.ts';

const confirmTimeoutMs = 5_000;
// No body goes with these (Fetch standard, "null body status").
const bodiless = new Set([101, 204, 205, 304]);

/** Undefined when the request is no handshake of that kind. */
export async function answerQuestion<Env>(
  source: SourceParts<Env>,
  received: ReceivedRequest,
  { on, secrets }: { on: Handshake['on']; secrets: readonly string[] },
): Promise<Response | Rejection | undefined> {
  const { provider, settings } = source;
  const answer = await answerHandshake(provider, received, { on, secrets, settings });
  return answer === undefined ? undefined : finish(source, answer, secrets);
}

async function finish<Env>(
  source: SourceParts<Env>,
  answer: HandshakeAnswer,
  known: readonly string[],
): Promise<Response | Rejection> {
  const { learned, confirmUrl } = answer;
  const { name, secretStore: store } = source;
  const rejection = learned === undefined ? undefined : await learnSecret(name, learned, { store, known });
  if (rejection !== undefined) return rejection;
  if (confirmUrl !== undefined) await confirm(source.fetch, confirmUrl);
  const { status, headers, body } = answer;
  return new Response(body === '' || bodiless.has(status) ? null : body, { status, headers: { ...headers } });
}

/** Rejects when the provider does not take the confirmation; then it may ask again. */
async function confirm(fetchUrl: SourceParts['fetch'], url: string): Promise<void> {
  if (!url.startsWith('https://')) throw new TypeError('a handshake is confirmed over https only');
  const response = await fetchUrl(url, { redirect: 'error', signal: AbortSignal.timeout(confirmTimeoutMs) });
  await response.body?.cancel();
  if (!response.ok) throw new Error(`the confirmation of a handshake was answered ${response.status}`);
}
