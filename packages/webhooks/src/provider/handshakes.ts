// Questions by which providers check that a URL is ours, as functions that make a row's entry.
import type { Handshake, HandshakeAnswer, Location } from './provider.ts';
import type { ProviderRequest } from './request.ts';

const echoMaxChars = 4_096;

type Condition = { readonly at: Location; readonly is: string };

/** 200 with plain text that no browser takes for anything else. */
function plainAnswer(body: string): HandshakeAnswer {
  return {
    status: 200,
    headers: { 'content-type': 'text/plain; charset=utf-8', 'x-content-type-options': 'nosniff' },
    body,
  };
}

function jsonAnswer(value: Readonly<Record<string, string>>): HandshakeAnswer {
  return { status: 200, headers: { 'content-type': 'application/json' }, body: JSON.stringify(value) };
}

/**
 * Answers a value of the request: as plain text, or in a JSON object under the name `as`. Asked of verified requests
 * unless `on` says otherwise.
 */
export function echoField(options: {
  readonly when?: Condition;
  readonly method?: string;
  readonly field: Location;
  readonly as?: string;
  readonly on?: Handshake['on'];
}): Handshake {
  const { when, method, field, as, on = 'verified' } = options;
  return {
    on,
    async answer(request: ProviderRequest) {
      if (method !== undefined && request.method !== method) return undefined;
      if (when !== undefined && request.value(when.at) !== when.is) return undefined;
      const value = request.value(field);
      if (value === undefined || value.length > echoMaxChars) return undefined;
      return as === undefined ? plainAnswer(value) : jsonAnswer({ [as]: value });
    },
  };
}

/** 200 without a body, to a method by which some providers see whether the URL is there; nothing happens by it. */
export function answerMethod(asked: 'HEAD' | 'GET'): Handshake {
  return {
    on: 'unverified',
    async answer({ method }: ProviderRequest) {
      return method === asked ? plainAnswer('') : undefined;
    },
  };
}
