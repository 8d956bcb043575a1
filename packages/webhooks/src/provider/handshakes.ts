// Questions by which providers check that a URL is ours, as functions that make a row's entry.
import { encodeText } from './encoding.ts';
import { macOf } from './hmac.ts';
import type { Location } from './location.ts';
import type { Handshake, HandshakeAnswer, TextEncodingName } from './provider.ts';
import { type ProviderRequest, split } from './request.ts';
import { sameText } from '../same-bytes.ts';

const echoMaxChars = 4_096;
// What is answered is the MAC of the question under the key that signs requests: a question that could be a body, or what
// is signed of one, would come back as its signature. Real ones are random letters and digits.
const signableToken = /^[A-Za-z0-9+/_=-]{1,256}$/;

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

/** The setting that `echoToWhoKnows` compares with. */
export const verifyToken = {
  name: 'verifyToken',
  help: 'a word of your choice: give the provider the same one as the verify token',
  optional: true,
} as const;

/**
 * Answers a value of a GET request that brings along a word which both sides know: the setting `verifyToken` of the
 * source. Without that setting nothing is answered.
 */
export function echoToWhoKnows(options: {
  readonly token: Location;
  readonly field: Location;
  readonly as?: string;
}): Handshake {
  const echo = echoField({ method: 'GET', on: 'unverified', ...options });
  return {
    on: 'unverified',
    async answer(request, source) {
      const [given, wanted] = [request.value(options.token), source.settings[verifyToken.name]];
      if (!given || !wanted || !(await sameText(given, wanted))) return undefined;
      return echo.answer(request, source);
    },
  };
}

/** Answers 200 to a POST that has this part and lacks that: a provider asks whether somebody is there. */
export function acknowledge(options: { readonly has: Location; readonly lacks: Location }): Handshake {
  return {
    on: 'unverified',
    async answer(request) {
      if (request.method !== 'POST' || request.value(options.lacks) !== undefined) return undefined;
      return request.value(options.has) === undefined ? undefined : plainAnswer('');
    },
  };
}

/**
 * Takes the secret that a provider tells at `at`, and answers 200; a header is sent back. Whoever comes first is believed,
 * and nobody after that: a source that has a secret answers nothing, so that a stranger cannot add one.
 */
export function learnSecret({ at }: { readonly at: Location }): Handshake {
  const { source: place, rest } = split(at);
  return {
    on: 'unverified',
    async answer(request, source) {
      const learned = source.secrets.length > 0 ? undefined : request.value(at);
      // Of nothing but blanks, it would verify nothing, and be kept.
      if (!learned?.trim() || learned.length > echoMaxChars) return undefined;
      const { status, headers, body } = plainAnswer('');
      const echoed = place === 'header' ? { [rest]: learned } : {};
      return { status, headers: { ...headers, ...echoed }, body, learned };
    },
  };
}

/**
 * Answers the HMAC-SHA256 of a value under the newest secret, in a JSON object under the name `as`; with `echoAs`, the value
 * too.
 */
export function hmacOfField(options: {
  readonly when?: Condition;
  readonly method?: string;
  readonly field: Location;
  readonly as: string;
  readonly echoAs?: string;
  readonly prefix?: string;
  readonly encoding: TextEncodingName;
  readonly on: Handshake['on'];
}): Handshake {
  const { when, method, field, as, echoAs, prefix = '', encoding, on } = options;
  return {
    on,
    async answer(request: ProviderRequest, { secrets: [secret] }) {
      if (method !== undefined && request.method !== method) return undefined;
      if (when !== undefined && request.value(when.at) !== when.is) return undefined;
      const value = request.value(field);
      if (!secret || value === undefined || !signableToken.test(value)) return undefined;
      const mac = await macOf({ algorithm: 'hmac-sha256', key: 'text' }, secret, value);
      const answer = prefix + encodeText(mac, encoding);
      return jsonAnswer({ ...(echoAs === undefined ? {} : { [echoAs]: value }), [as]: answer });
    },
  };
}
