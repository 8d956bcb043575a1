// Requests for tests: signed as a provider signs, or as they were recorded.
import type { Provider } from '../provider/provider.ts';
import { signRequest } from '../provider/sign-request.ts';
import type { SignRequestInput } from '../provider/sign-request.ts';

export type SignedRequestOptions = Omit<SignRequestInput, 'body'>;

/** A request that a provider has really sent, kept with what verifies it. */
export type RecordedSample = {
  readonly provider: Provider;
  readonly secrets: readonly string[];
  /** When it came: milliseconds since 1970. */
  readonly receivedAtMs: number;
  readonly method?: string;
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  /** The bytes as they came, or their text when they are UTF-8. */
  readonly body: Uint8Array | string;
  readonly settings?: Readonly<Record<string, string>>;
};

export type ReplayedSample = {
  readonly request: Request;
  /** What a verifier needs to see the request as it was seen then. */
  readonly options: {
    readonly secrets: readonly string[];
    readonly now: () => number;
    readonly settings: Readonly<Record<string, string>>;
  };
};

/**
 * A Fetch request of the provider. An object becomes its JSON, on one line. Rejects as `signRequest` does; the URL is
 * https://example.com/ unless another is given.
 */
export async function signedRequest(
  provider: Provider,
  payload: Uint8Array | string | object,
  options: SignedRequestOptions,
): Promise<Request> {
  const body =
    typeof payload === 'string' || payload instanceof Uint8Array ? payload : JSON.stringify(payload);
  const draft = await signRequest(provider, { ...options, body });
  return new Request(draft.url, requestInit(draft.method, draft.headers, draft.body));
}

/** The recorded request anew, with the clock of that time. */
export function recordedRequest(sample: RecordedSample): ReplayedSample {
  const { url, method = 'POST', headers, body, secrets, receivedAtMs, settings = {} } = sample;
  return {
    request: new Request(url, requestInit(method, headers, body)),
    options: { secrets, now: () => receivedAtMs, settings },
  };
}

/** Fetch forbids a body, even an empty one, in GET and HEAD. */
function requestInit(
  method: string,
  headers: Readonly<Record<string, string>>,
  body: Uint8Array | string,
): RequestInit {
  const isBodiless = /^(?:GET|HEAD)$/i.test(method);
  return {
    method,
    headers,
    ...(isBodiless ? {} : { body: typeof body === 'string' ? body : Uint8Array.from(body) }),
  };
}
