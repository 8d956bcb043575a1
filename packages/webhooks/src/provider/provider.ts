// The row that describes a provider: how its requests are signed, and where they say what happened.
// Nearly all of them are data made of eight primitives: where the signature stands, how it is split, what is signed, how
// the secret becomes a key, the algorithm, the encoding, the time, and where keys come from. Only what cannot be said so
// (certificates, canonical requests) is a function.
import type { Refusal } from '../verdict.ts';
import type { Location } from './location.ts';
import type { ProviderRequest } from './request.ts';

/**
 * The first of these that is there; with `join`, all of them that are there, parted by it (and nothing when only the
 * `const:` ones are). With `complete`, nothing when one of them is missing: what is left of an id would be that of many.
 */
export type Field =
  | Location
  | { readonly first: readonly Field[] }
  | { readonly all: readonly Field[]; readonly join: string; readonly complete?: true };

/** A field that counts only where each of these places has one of these values; the empty one is that of a place without one. */
export type ConditionalField = {
  readonly when: Readonly<Partial<Record<Location, readonly string[]>>>;
  readonly take: Field;
};
/**
 * Where an id stands, which can depend on what kind of event it is. Parts that are joined are `complete`: of one that lacks
 * a part, what is left is the id of many, and all but the first of them would be taken for copies of it.
 */
export type IdField = Field | { readonly first: readonly (Field | ConditionalField)[] };

/**
 * `unix` is seconds, or milliseconds when the number is too large for seconds: for providers whose documents do not say
 * which. `rfc3339` without an offset is UTC.
 */
export type TimeUnit = 'seconds' | 'milliseconds' | 'unix' | 'rfc3339' | 'http-date';
/** An instant, and how it is written. */
export type TimeField = { readonly at: Field; readonly unit: TimeUnit };

export type TextEncodingName = 'hex' | 'base64' | 'base64url';
export type HmacAlgorithm = 'hmac-sha1' | 'hmac-sha256' | 'hmac-sha384' | 'hmac-sha512';
export type PublicKeyAlgorithm = 'ed25519' | 'ecdsa-p256-sha256' | 'rsa-sha1' | 'rsa-sha256';
/** `sha256` is a plain hash over content that holds the secret. */
export type SignatureAlgorithm = HmacAlgorithm | 'sha256' | PublicKeyAlgorithm;

/**
 * How the secret's text becomes key bytes. `nfkd-text` is its Unicode normal form KD; `base64After` takes off the first of
 * its prefixes that is there; `sha1` hashes the text.
 * Public keys are `raw` bytes (in hex or base64) or a PEM or base64 SubjectPublicKeyInfo (`spki`).
 */
export type KeyForm =
  | 'text'
  | 'nfkd-text'
  | 'hex'
  | 'base64'
  | { readonly base64After: string | readonly string[] }
  | 'sha1'
  | 'raw-hex'
  | 'raw-base64'
  | 'spki';

/** Where signatures stand and how the value is split. Every signature found is tried: that is how secrets rotate. */
export type SignatureField = {
  /** Several: each is read, and any of them may match. A header that came twice counts as several items. */
  readonly at: Location | readonly Location[];
  /** What stands before each signature, such as `sha256=`. */
  readonly prefix?: string;
  /** Between signatures, such as `,`; of several, each parts them. Blanks around items are ignored. */
  readonly separator?: string | readonly string[];
  /** Items without keys that stand before the signatures, read as `pair:` by the names they get here. */
  readonly leading?: readonly string[];
  /** Items are key and value parted by this; only values under `take` are signatures. */
  readonly pairs?: { readonly separator: string; readonly take: string };
  readonly encoding: TextEncodingName;
};

type SchemeCommon = {
  /** The scheme applies when all of these are there (default: always). The first that applies is the only one tried. */
  readonly when?: readonly Location[];
  /**
   * What of the body it protects from changes: all of it (the default of signatures), a part, or nothing (the default of
   * tokens and of what is unsigned): then TLS and a secret URL alone keep the rest of the body as it was sent.
   */
  readonly covers?: 'body' | 'part' | 'nothing';
};

/** What a function that makes signed content is given besides the request. */
export type ContentValues = {
  readonly secret: string;
  readonly timestamp: string | undefined;
  readonly id: string | undefined;
  /** The value at a place, `pair:` included. */
  readonly valueOf: (place: Location) => string | undefined;
  readonly settings: Readonly<Record<string, string>>;
};

/**
 * Makes what a template cannot say. Each text is tried in turn; the first is what is signed. Throws `MissingContent` for a
 * part that the request lacks.
 */
export type ContentFunction = (
  request: ProviderRequest,
  values: ContentValues,
) => readonly string[] | Promise<readonly string[]>;

/** A signature over content made from the request. */
export type SignatureScheme = SchemeCommon & {
  readonly kind: 'signature';
  readonly algorithm: SignatureAlgorithm;
  readonly key: KeyForm;
  readonly signature: SignatureField;
  /**
   * A secret may also be an Ed25519 key as Standard Webhooks writes it (`whpk_` verifies, `whsk_` signs): its signatures
   * stand under `take`.
   */
  readonly ed25519?: { readonly take: string };
  /**
   * What is signed, with `{body}`, `{timestamp}` (as it was written), `{id}`, `{url}`, `{method}`, `{path}` (with the
   * query), `{secret}` and `{header:…}`, `{body:…}`, `{query:…}`, `{form:…}` in place; the rest stands for itself. Or a
   * function, where a template cannot say it.
   */
  readonly content: string | ContentFunction;
  /** Public keys that the provider publishes, in place of the source's secrets; the row checks every address. */
  readonly keys?: (request: ProviderRequest, context: SchemeContext) => Promise<readonly string[] | Refusal>;
  readonly id?: Location;
  /** Signed, so that it proves the age: part of `content`. */
  readonly timestamp?: TimeField & { readonly toleranceSeconds: number };
};

/** A secret that is sent along, compared in constant time. `basic` is `user:password` in an Authorization header. */
export type TokenScheme = SchemeCommon & {
  readonly kind: 'token';
  readonly at: Location;
  /** A setting that names another header, for providers that let you choose it. */
  readonly headerSetting?: string;
  /** A setting that names another place: `header:…`, `query:…`, or `payload:…`, a member of the JSON or a field of the form. */
  readonly placeSetting?: string;
  readonly prefix?: string;
  readonly form?: 'plain' | 'basic';
};

/** The provider signs nothing: only the secrecy of the URL protects it, and a verdict is `ok` only when that is allowed. */
export type UnsignedScheme = SchemeCommon & { readonly kind: 'unsigned'; readonly advice: string };

/** `fresh` goes past what is kept; `json` is posted, for providers that give out keys only to those who ask by name. */
export type FetchOptions = { readonly fresh?: boolean; readonly json?: string };
export type FetchText = (url: string, options?: FetchOptions) => Promise<string>;

/** What a function of a row may use. Everything it reads from elsewhere is bounded and cached by whoever gives it. */
export type SchemeContext = {
  readonly nowMs: number;
  /** Overrides the row's own; `any-age` turns the check off. */
  readonly toleranceSeconds: number | 'any-age' | undefined;
  /** Reads public keys: JWKS and certificates, from addresses that the row itself has checked. */
  readonly fetchText: FetchText;
  /** Values that a provider's scheme needs besides secrets, such as PayPal's webhook id. */
  readonly settings: Readonly<Record<string, string>>;
};

/** A match says when the request was signed, if the scheme proves it (Unix seconds), and under which id. */
export type SchemeMatch = { readonly ok: true; readonly timestamp?: number; readonly id?: string };

/** What cannot be data. `verify` is asked once for each secret, the first `ok` wins; it must not throw for bad input. */
export type CustomScheme = SchemeCommon & {
  readonly kind: 'custom';
  verify(request: ProviderRequest, secret: string, context: SchemeContext): Promise<SchemeMatch | Refusal>;
  /** The request with its signature; absent when only the provider can sign (certificates). */
  sign?(draft: RequestDraft, secret: string, context: SchemeContext): Promise<RequestDraft>;
};

export type Scheme = SignatureScheme | TokenScheme | UnsignedScheme | CustomScheme;

/** A request that is being made: for tests, local replay and forwarding. Header names are lower-case. */
export type RequestDraft = {
  readonly method: string;
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Uint8Array<ArrayBuffer>;
};

/** What a handshake answers. `learned` is a secret that the provider has told: keep it, it verifies what comes next. */
export type HandshakeAnswer = {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
  readonly learned?: string;
  /** Must be fetched to finish the handshake; the row has checked its host. */
  readonly confirmUrl?: string;
};

/** What a handshake is answered with: the source's secrets, the newest first, and its settings. */
export type HandshakeSource = {
  readonly secrets: readonly string[];
  readonly settings: Readonly<Record<string, string>>;
};

/**
 * A provider's question whether the URL is ours. `unverified` ones come without a signature, or before there is a secret;
 * `verified` ones are asked only of a request that verification has accepted.
 */
export type Handshake = {
  readonly on: 'unverified' | 'verified';
  /** Undefined when the request is no handshake. */
  answer(request: ProviderRequest, source: HandshakeSource): Promise<HandshakeAnswer | undefined>;
};

/** Where a request says what happened. */
export type EventFields = {
  /** A function where the type is no value but, say, the name of a key. */
  readonly type: Field | ((request: ProviderRequest, item: unknown) => string | undefined);
  /** The same on every retry: what duplicates are found by. */
  readonly id?: IdField;
  readonly time?: TimeField;
  /** Events with the same key must be handled in order. */
  readonly order?: Field;
  /**
   * Several events in one request: the path to their array (`body:events`; `body:` when the body is the array); of several
   * paths, the first that leads to an array. Or a function where they are written otherwise; with its undefined, the
   * request is one event.
   */
  readonly batch?:
    | BatchPath
    | readonly BatchPath[]
    | ((request: ProviderRequest) => readonly unknown[] | undefined);
  /**
   * Several again in each item of the batch: paths to their arrays. Each becomes an event of its own, shaped like the item
   * as if it held nothing else there: `item:changes.0` is the event.
   */
  readonly nested?: readonly `item:${string}`[];
};

type BatchPath = `body:${string}`;

/** What the provider does with an answer that is no success. Absent fields are not documented. */
export type RetryBehaviour = {
  readonly retries: boolean;
  /** How long it waits for an answer. */
  readonly timeoutSeconds?: number;
  /** From the first to the last try. */
  readonly spanSeconds?: number;
  readonly note?: string;
};

/** `Name` is the literal of `name`, where the row says it: handlers of its events are then typed. */
export type Provider<Name extends string = string> = {
  /** Lower-case words with hyphens: its name in the API, the command line and the docs. */
  readonly name: Name;
  readonly title: string;
  readonly docs: string;
  /**
   * `A`: read in the provider's own document or SDK, or checked with its vectors; `B`: read in a good secondary source;
   * `experimental`: neither.
   */
  readonly grade: 'A' | 'B' | 'experimental';
  /** What the secret is called at the provider, and who makes it. */
  readonly secret: { readonly name: string; readonly madeBy: 'provider' | 'you' | 'handshake' | 'nobody' };
  readonly schemes: readonly Scheme[];
  readonly handshakes?: readonly Handshake[];
  /** The field that holds the JSON when the body is a form (GitHub's and Slack's `payload`). */
  readonly jsonField?: string;
  readonly event: EventFields;
  readonly retry: RetryBehaviour;
  /**
   * Answers that this provider insists on (default: 204 to what was accepted, 401 to what was refused, 503 to what must be
   * sent again).
   */
  readonly answer?: {
    readonly status?: number;
    readonly body?: string;
    readonly refusedStatus?: number;
    readonly retryStatus?: number;
  };
  /** Settings that verification needs besides the secrets, or may be given. */
  readonly settings?: readonly {
    readonly name: string;
    readonly help: string;
    readonly optional?: true;
  }[];
  /** What must be known before its events are trusted, in one sentence. */
  readonly caution?: string;
};
