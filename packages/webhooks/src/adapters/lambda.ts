// AWS Lambda behind API Gateway (REST: format 1.0, HTTP: 1.0 and 2.0) or a function URL: `export const handler = toLambda(receiver)`.
import { answerAfterWork } from '../adapter/collected-work.ts';
import { answerHeaders, headersOf, plainHost } from '../adapter/headers.ts';
import { decodeBase64 } from '../base64.ts';
import type { FetchHandler, IncomingRequest } from '../receiver/incoming.ts';

type Values = Readonly<Record<string, string | undefined>> | null | undefined;
type ValueLists = Readonly<Record<string, readonly string[] | undefined>> | null | undefined;
type Carried = { readonly body?: unknown; readonly isBase64Encoded?: boolean; readonly headers?: Values };

/** Format 2.0, also of function URLs. */
type HttpEvent = Carried & {
  readonly version: '2.0';
  readonly rawPath: string;
  readonly rawQueryString: string;
  readonly requestContext: { readonly domainName?: string; readonly http: { readonly method: string } };
};

/** Format 1.0. */
type RestEvent = Carried & {
  readonly httpMethod: string;
  readonly path: string;
  readonly multiValueHeaders?: ValueLists;
  readonly multiValueQueryStringParameters?: ValueLists;
  readonly requestContext: { readonly domainName?: string | undefined; readonly path?: string | undefined };
};

type LambdaResult = {
  statusCode: number;
  headers: Record<string, string>;
  /** Format 2.0. */
  cookies?: string[];
  /** Format 1.0. */
  multiValueHeaders?: Record<string, string[]>;
  body: string;
  isBase64Encoded: boolean;
};

const bodyFix =
  'take the JSON body parser out of the middleware of this function (middy: httpJsonBodyParser)';
const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/** The process is frozen once it has answered: `waitUntil` and `answerFirst` delay the answer here. */
export function toLambda(handler: FetchHandler): (event: HttpEvent | RestEvent) => Promise<LambdaResult> {
  return async (event) => resultOf(event, await answerAfterWork(handler, requestOf(event)));
}

function requestOf(event: HttpEvent | RestEvent): IncomingRequest {
  const body = bodyOf(event);
  if ('rawPath' in event) {
    const { rawPath, rawQueryString, requestContext } = event;
    const headers = headersOf(event.headers ?? {});
    const url = `${originOf(headers, requestContext)}${rawPath}${rawQueryString && `?${rawQueryString}`}`;
    return { method: requestContext.http.method, url, headers, body, bodyFix };
  }
  const headers = headersOf(event.multiValueHeaders ?? event.headers ?? {});
  const path = event.requestContext.path ?? event.path;
  const url = originOf(headers, event.requestContext) + path + queryOf(event);
  return { method: event.httpMethod, url, headers, body, bodyFix };
}

/** Bytes, or text that the gateway decoded. What middleware made of it is handed on, and refused as parsed. */
function bodyOf({ body, isBase64Encoded = false }: Carried): IncomingRequest['body'] {
  if (typeof body !== 'string' || !isBase64Encoded) return body as IncomingRequest['body'];
  return decodeBase64(body) ?? body;
}

function originOf(headers: IncomingRequest['headers'], { domainName }: { domainName?: string | undefined }) {
  return `https://${plainHost(headers.get('host')) ?? domainName ?? 'localhost'}`;
}

/** Format 1.0 gives the parameters decoded: how they were escaped is not known any more. */
function queryOf({ multiValueQueryStringParameters }: RestEvent): string {
  const pairs = Object.entries(multiValueQueryStringParameters ?? {}).flatMap(([name, values = []]) =>
    values.map((value) => `${encodeURIComponent(name)}=${encodeURIComponent(value)}`),
  );
  return pairs.length === 0 ? '' : `?${pairs.join('&')}`;
}

async function resultOf(event: HttpEvent | RestEvent, answer: Response): Promise<LambdaResult> {
  const bytes = new Uint8Array(await answer.arrayBuffer());
  const { plain, cookies } = answerHeaders(answer);
  const head = { statusCode: answer.status, headers: plain, ...cookiesOf(event, cookies) };
  try {
    return { ...head, body: decoder.decode(bytes), isBase64Encoded: false };
  } catch {
    const binary = Array.from(bytes, (byte) => String.fromCharCode(byte)).join('');
    return { ...head, body: btoa(binary), isBase64Encoded: true };
  }
}

function cookiesOf(event: HttpEvent | RestEvent, cookies: string[]) {
  if (cookies.length === 0) return {};
  return 'rawPath' in event ? { cookies } : { multiValueHeaders: { 'set-cookie': cookies } };
}
