// One request, from its bytes to its answer:
// body -> unverified handshake -> verification -> verified handshake -> events -> answer.
import { readEvents } from '../provider/read-events.ts';
import { refused, sendAgain } from './answers.ts';
import { handleEvents } from './handle-events.ts';
import { answerQuestion } from './handshake.ts';
import { readBody } from './incoming.ts';
import type { IncomingRequest, Platform } from './incoming.ts';
import { plainBody } from './plain-body.ts';
import { publicUrlOf } from './public-url.ts';
import { reject, statusOf } from './rejection.ts';
import type { Rejection } from './rejection.ts';
import { currentSecrets } from './secrets.ts';
import type { HandlerContext, SourceParts } from './source-parts.ts';

type Bytes = Uint8Array<ArrayBuffer>;

/** Never rejects: what goes wrong is an answer, and told to the hooks. */
export async function receive<Env>(
  source: SourceParts<Env>,
  incoming: IncomingRequest,
  platform: Platform<Env> | undefined,
): Promise<Response> {
  try {
    const answer = await judge(source, incoming, platform);
    if (!('reason' in answer)) return answer;
    const { reason, detail } = answer;
    const status = statusOf(answer, source.provider.answer?.refusedStatus);
    source.reports.rejected({ source: source.name, reason, detail, status, request: incoming });
    return refused(status, source.methods);
  } catch (error) {
    source.reports.failed(error, { source: source.name, step: 'receive' });
    return sendAgain(source);
  }
}

async function judge<Env>(
  source: SourceParts<Env>,
  incoming: IncomingRequest,
  platform: Platform<Env> | undefined,
): Promise<Response | Rejection> {
  const body = await readBody(incoming, source.bodyMaxBytes);
  if ('reason' in body) return body;
  const received = receivedOf(source, incoming, body);
  const store = source.secretStore;
  const secrets = await currentSecrets(source.name, source.options.secrets, { store, platform });

  const greeting = await answerQuestion(source, received, { on: 'unverified', secrets });
  if (greeting !== undefined) return greeting;
  if (!mayArriveBy(source, received.method)) return wrongMethod(received.method);

  const verdict = await source.verifierFor(secrets).verify(received);
  if (!verdict.ok) return verdict;

  const question = await answerQuestion(source, received, { on: 'verified', secrets });
  if (question !== undefined) return question;
  if (!source.methods.has(received.method)) return wrongMethod(received.method);

  const plain = await plainBody(body, incoming.headers.get('content-encoding'), source.bodyMaxBytes);
  if ('reason' in plain) return plain;
  const context = contextOf(source, received, { verdict, platform });
  const events = readEvents(source.provider, { ...received, body: plain });
  // Handlers are made for single events: one that hears of none of these would pass over all of them.
  if (events[0]?.isWholeBatch) return reject('too-large', 'the request has more than 10,000 events');
  return handleEvents({ source, context, signedId: verdict.id }, events);
}

function receivedOf<Env>(
  source: SourceParts<Env>,
  incoming: IncomingRequest,
  body: Bytes,
): Pick<IncomingRequest, 'method' | 'url' | 'headers'> & { readonly body: Bytes } {
  const { headers } = incoming;
  return { method: incoming.method.toUpperCase(), url: publicUrlOf(incoming, source.url), headers, body };
}

/** Events have their methods; a handshake that is verified may come by any, and is known only afterwards. */
function mayArriveBy<Env>({ methods, provider }: SourceParts<Env>, method: string): boolean {
  return methods.has(method) || (provider.handshakes ?? []).some(({ on }) => on === 'verified');
}

function wrongMethod(method: string): Rejection {
  return reject('wrong-method', `events do not come by ${method}`);
}

function contextOf<Env>(
  source: SourceParts<Env>,
  request: HandlerContext<Env>['request'],
  {
    verdict,
    platform,
  }: {
    verdict: { readonly secretIndex: number; readonly timestamp?: number };
    platform: Platform<Env> | undefined;
  },
): HandlerContext<Env> {
  const { name, reports, background } = source;
  return {
    source: name,
    provider: source.provider.name,
    request,
    secretIndex: verdict.secretIndex,
    ...(verdict.timestamp === undefined ? {} : { signedAtSeconds: verdict.timestamp }),
    // Platforms without an environment are used with the default `Env`, which is unknown.
    env: platform?.env as Env,
    waitUntil: (work) =>
      background.run(work, platform, (error) => reports.failed(error, { source: name, step: 'background' })),
  };
}
