// Node's request and response, which Express, Koa, Next's pages and Cloud Functions hand over too: two functions, from the
// one and to the other.
import type { BodyStream, IncomingRequest } from '../receiver/incoming.ts';
import { answerHeaders, headersOf, plainHost } from './headers.ts';

/** What is used of an `http.IncomingMessage`, and what frameworks put on it. */
export type NodeRequest = {
  readonly method?: string | undefined;
  readonly url?: string | undefined;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly socket: object;
  readonly readableDidRead?: boolean;
  iterator(options: { destroyOnReturn: boolean }): AsyncIterator<unknown, unknown>;
  resume(): unknown;
};

/** What frameworks and their parsers put beside it. */
export type NodeExtras = {
  /** The URL before a router took off its part. */
  readonly originalUrl?: string | undefined;
  /** The body as it came, and what a parser made of it. */
  readonly rawBody?: unknown;
  readonly body?: unknown;
};

/** What is used of an `http.ServerResponse`. */
export type NodeResponse = {
  statusCode: number;
  setHeader(name: string, value: string | string[]): unknown;
  end(body?: Uint8Array): unknown;
};

/** `bodyFix` says how this framework is made to leave the body alone. */
export function incomingOf(request: NodeRequest, extras: NodeExtras, bodyFix: string): IncomingRequest {
  const { method = 'GET', headers } = request;
  const kept = [extras.rawBody, extras.body].find(isBytes);
  const bodyUsed = kept === undefined && request.readableDidRead === true;
  const body = kept ?? (bodyUsed ? null : streamOf(request));
  const url = urlOf(request, extras.originalUrl);
  return { method, url, headers: headersOf(headers), body, bodyUsed, bodyFix };
}

export async function respond(response: NodeResponse, answer: Response): Promise<void> {
  const body = answer.body === null ? undefined : new Uint8Array(await answer.arrayBuffer());
  response.statusCode = answer.status;
  const { plain, cookies } = answerHeaders(answer);
  for (const [name, value] of Object.entries(plain)) response.setHeader(name, value);
  if (cookies.length > 0) response.setHeader('set-cookie', cookies);
  response.end(body);
}

function urlOf({ url = '/', headers, socket }: NodeRequest, originalUrl = url): string {
  // A request line may hold a whole URL (RFC 9112 section 3.2.2).
  if (!originalUrl.startsWith('/')) return originalUrl;
  const host = [headers[':authority'], headers['host']].map(plainHost).find((value) => value !== undefined);
  const scheme = 'encrypted' in socket && socket.encrypted === true ? 'https' : 'http';
  return `${scheme}://${host ?? 'localhost'}${originalUrl}`;
}

/** What a parser kept as it came, such as the `rawBody` of Cloud Functions and the `body` of `express.raw`. */
function isBytes(value: unknown): value is Uint8Array | string {
  return typeof value === 'string' || Object.prototype.toString.call(value) === '[object Uint8Array]';
}

/** Stops reading where the reader stops; what is left of the body is thrown away, so that the answer gets through. */
function streamOf(request: NodeRequest): BodyStream {
  return {
    getReader() {
      // Node's own iterator ends the connection with the loop: the sender would never see the answer.
      const chunks = request.iterator({ destroyOnReturn: false });
      return {
        async read() {
          const { done = false, value } = await chunks.next();
          return done ? { done } : { done, value: value as Uint8Array };
        },
        async cancel() {
          await chunks.return?.();
          request.resume();
        },
      };
    },
  };
}
