// Answers a provider's question whether the URL is ours, when a request is one.
import { bodyBytes } from '../signed-content.ts';
import type { Handshake, HandshakeAnswer, HandshakeSource, Provider } from './provider.ts';
import { ProviderRequest } from './request.ts';
import type { ReceivedRequest } from './request.ts';

// A question is short. What comes unverified and is longer is not parsed for one.
const questionMaxBytes = 64 * 1024;

/**
 * Undefined when the request is no such question. Ask with `unverified` before the request is verified, and with `verified`
 * only once it was.
 */
export async function answerHandshake(
  provider: Provider,
  received: ReceivedRequest,
  source: HandshakeSource & { readonly on: Handshake['on'] },
): Promise<HandshakeAnswer | undefined> {
  const handshakes = (provider.handshakes ?? []).filter(({ on }) => on === source.on);
  if (handshakes.length === 0) return undefined;
  const body = bodyBytes(received.body) ?? new Uint8Array();
  if (source.on === 'unverified' && body.length > questionMaxBytes) return undefined;
  const request = new ProviderRequest(received, body as Uint8Array<ArrayBuffer>, provider);
  for (const handshake of handshakes) {
    const answer = await handshake.answer(request, source);
    if (answer !== undefined) return answer;
  }
  return undefined;
}
