// A source as the steps of receiving see it: its options with the defaults in place, and its handlers.
import type { Provider } from '../provider/provider.ts';
import type { ProviderVerifier, ProviderVerifierOptions } from '../provider/verify-request.ts';
import type { Background } from './background.ts';
import type { DedupeSettings, DedupeStore } from './dedupe.ts';
import type { PayloadSchemas, ReceivedEvent } from './events.ts';
import type { IncomingRequest } from './incoming.ts';
import type { UrlOptions } from './public-url.ts';
import type { ReportHooks, Reports } from './reports.ts';
import type { SecretsOption, SecretStore } from './secrets.ts';

/** What a handler is told besides the event. */
export type HandlerContext<Env = unknown> = {
  readonly source: string;
  readonly provider: string;
  /** As it came, with the exact bytes of its body. */
  readonly request: Omit<IncomingRequest, 'body' | 'bodyUsed' | 'bodyFix'> & { readonly body: Uint8Array };
  /** Which of the source's secrets verified the request; others may be retired when it stays the first. */
  readonly secretIndex: number;
  /** When the request was signed, Unix seconds, where the provider's scheme proves it. */
  readonly signedAtSeconds?: number;
  readonly env: Env;
  /** Work that the answer need not wait for. When it fails, `onError` is told, and nothing is sent again. */
  waitUntil(work: Promise<unknown>): void;
};

/**
 * May return a `Response`: then it is the answer (Slack commands, Discord interactions). A handler that throws makes the
 * provider send the event again.
 */
export type Handler<Event = ReceivedEvent, Env = unknown> = (
  event: Event,
  context: HandlerContext<Env>,
) => unknown;

export type ReceiverOptions = UrlOptions &
  ReportHooks & {
    /** Default of the sources: what finds duplicates. Without one, an event that is sent again is handled again. */
    readonly dedupe?: DedupeStore | undefined;
    /** For providers that tell their secret in a handshake. */
    readonly secretStore?: SecretStore | undefined;
    /** Default of the sources (25 MiB, the largest that a known provider sends). */
    readonly bodyMaxBytes?: number | undefined;
    /** The clock: milliseconds since 1970 (default `Date.now`). */
    readonly now?: (() => number) | undefined;
    /** Confirms handshakes that want a URL fetched (default: the global `fetch`). */
    readonly fetch?: ConfirmFetch | undefined;
  };

export type ConfirmFetch = (
  url: string,
  init: { readonly redirect: 'error'; readonly signal: AbortSignal },
) => Promise<Response>;

export type SourceOptions<Schemas = PayloadSchemas, Env = unknown> = Partial<
  Pick<
    ProviderVerifierOptions,
    'settings' | 'toleranceSeconds' | 'allowUnsigned' | 'fetchText' | 'bodyMaxBytes'
  >
> & {
  readonly secrets?: SecretsOption<Env>;
  /** By event type or pattern. What comes out of a schema is the handler's payload. */
  readonly schemas?: Schemas;
  /** `refuse` (default) answers 422, so that it comes again when the code knows it; `skip` accepts and forgets it. */
  readonly onInvalid?: 'refuse' | 'skip';
  /** Its own store, or `off`. */
  readonly dedupe?: DedupeStore | 'off';
  /** What makes an event a duplicate (default: the provider's id of it). Undefined: always handled. */
  readonly dedupeKey?: (event: ReceivedEvent) => string | undefined;
  /** How long an event is remembered (default: 7 days, or a day more than the provider keeps trying). */
  readonly dedupeSeconds?: number;
  /**
   * How long handlers may take before another copy of the event is let through (default 300, or half of the time for which
   * the provider keeps trying).
   */
  readonly claimSeconds?: number;
  /** Answers as soon as the request is verified; the handlers run after it, and their failures are not retried. */
  readonly answerFirst?: boolean;
  /** Methods of events (default `POST`); handshakes come by any. */
  readonly methods?: readonly string[];
  /** Answered when a handler fails (default: what makes this provider send it again, mostly 503). */
  readonly retryStatus?: number;
};

export type Route<Env = unknown> = {
  readonly pattern: string;
  readonly handler: Handler<ReceivedEvent, Env>;
};

export type SourceParts<Env = unknown> = {
  readonly name: string;
  readonly provider: Provider;
  readonly settings: Readonly<Record<string, string>>;
  readonly options: SourceOptions<PayloadSchemas, Env>;
  readonly url: UrlOptions;
  readonly bodyMaxBytes: number;
  readonly methods: ReadonlySet<string>;
  readonly secretStore: SecretStore | undefined;
  readonly dedupe: DedupeSettings | undefined;
  readonly retryStatus: number;
  readonly routes: readonly Route<Env>[];
  readonly fetch: ConfirmFetch;
  readonly background: Background;
  readonly reports: Reports;
  /** The verifier for these secrets; the last one is kept, with its imported keys. */
  verifierFor(secrets: readonly string[]): ProviderVerifier;
};
