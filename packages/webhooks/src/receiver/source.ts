// A source: one provider's way in, with its secrets and its handlers.
import type { Provider } from '../provider/provider.ts';
import { createProviderVerifier } from '../provider/verify-request.ts';
import type { ProviderVerifier } from '../provider/verify-request.ts';
import type { Background } from './background.ts';
import type { DedupeSettings } from './dedupe.ts';
import type { EventPattern, MatchedType, PayloadOf, ReceivedEvent } from './events.ts';
import type { FetchHandler, IncomingRequest, Platform } from './incoming.ts';
import { receive } from './receive.ts';
import type { Reports } from './reports.ts';
import type { Handler, ReceiverOptions, Route, SourceOptions, SourceParts } from './source-parts.ts';
import type { PayloadSchemas } from './events.ts';

export type Source<Name = string, Schemas = PayloadSchemas, Env = unknown> = FetchHandler<Env> & {
  readonly name: string;
  /**
   * Adds a handler for an event type, for all that begin alike (`customer.*`), or for all (`*`). Several that match run one
   * after another, in the order in which they were added.
   */
  on<Pattern extends EventPattern<Name, Schemas>>(
    pattern: Pattern,
    handler: Handler<ReceivedEvent<MatchedType<Pattern>, PayloadOf<Name, Schemas, Pattern>>, Env>,
  ): Source<Name, Schemas, Env>;
};

/** What all sources of a receiver share. */
export type Shared = {
  readonly options: ReceiverOptions;
  readonly background: Background;
  readonly reports: Reports;
};

const bodyMaxDefaultBytes = 25 * 1024 * 1024;
const claimDefaultSeconds = 300;
const daySeconds = 86_400;
const doneDefaultSeconds = 7 * daySeconds;
const retryDefaultStatus = 503;

export function createSource<Name extends string, Schemas extends PayloadSchemas, Env>(
  name: string,
  provider: Provider<Name>,
  { options, shared }: { options: SourceOptions<Schemas, Env>; shared: Shared },
): Source<Name, Schemas, Env> {
  const routes: Route<Env>[] = [];
  const parts = partsOf(name, provider, { options, shared, routes });
  const source: Source<Name, Schemas, Env> = {
    name,
    on(pattern, handler) {
      // The payload's type is a promise of `ProviderEvents` or of a schema; at run time there are only events.
      routes.push({ pattern, handler: handler as Handler<ReceivedEvent, Env> });
      return source;
    },
    fetch: (request: IncomingRequest, platform?: Platform<Env>) => receive(parts, request, platform),
  };
  return source;
}

function partsOf<Env>(
  name: string,
  provider: Provider,
  given: {
    readonly options: SourceOptions<PayloadSchemas, Env>;
    readonly shared: Shared;
    readonly routes: readonly Route<Env>[];
  },
): SourceParts<Env> {
  const { options, shared, routes } = given;
  const { publicUrl, trustForwarded, secretStore, fetch: confirmFetch } = shared.options;
  const bodyMaxBytes = options.bodyMaxBytes ?? shared.options.bodyMaxBytes ?? bodyMaxDefaultBytes;
  return {
    name,
    provider,
    settings: options.settings ?? {},
    options,
    url: { publicUrl, trustForwarded },
    bodyMaxBytes,
    methods: new Set((options.methods ?? ['POST']).map((method) => method.toUpperCase())),
    secretStore,
    dedupe: dedupeOf(provider, options, shared.options),
    retryStatus: options.retryStatus ?? provider.answer?.retryStatus ?? retryDefaultStatus,
    routes,
    // Looked up when it is called: tests and platforms replace the global one.
    fetch: confirmFetch ?? ((url, init) => fetch(url, init)),
    background: shared.background,
    reports: shared.reports,
    verifierFor: createVerifiers(provider, options, { bodyMaxBytes, now: shared.options.now }),
  };
}

function dedupeOf<Env>(
  { retry }: Provider,
  { dedupe, dedupeSeconds, claimSeconds = claimSecondsFor(retry) }: SourceOptions<PayloadSchemas, Env>,
  shared: ReceiverOptions,
): DedupeSettings | undefined {
  const store = dedupe ?? shared.dedupe;
  if (store === undefined || store === 'off') return undefined;
  const spanSeconds = (retry.spanSeconds ?? 0) + daySeconds;
  return {
    store,
    claimSeconds,
    doneSeconds: dedupeSeconds ?? Math.max(doneDefaultSeconds, spanSeconds),
    now: shared.now ?? Date.now,
  };
}

/** What a process that died had claimed must be free again before the provider gives up. */
function claimSecondsFor({ spanSeconds = Infinity }: Provider['retry']): number {
  return Math.min(claimDefaultSeconds, Math.floor(spanSeconds / 2));
}

function createVerifiers<Env>(
  provider: Provider,
  options: SourceOptions<PayloadSchemas, Env>,
  { bodyMaxBytes, now }: { bodyMaxBytes: number; now: (() => number) | undefined },
): (secrets: readonly string[]) => ProviderVerifier {
  const { settings, toleranceSeconds, allowUnsigned, fetchText } = options;
  let last: { readonly secrets: string; readonly verifier: ProviderVerifier } | undefined;
  return (secrets) => {
    const wanted = JSON.stringify(secrets);
    if (last?.secrets === wanted) return last.verifier;
    const verifier = createProviderVerifier(provider, {
      secrets,
      bodyMaxBytes,
      ...(now && { now }),
      ...(settings && { settings }),
      ...(toleranceSeconds !== undefined && { toleranceSeconds }),
      ...(allowUnsigned !== undefined && { allowUnsigned }),
      ...(fetchText && { fetchText }),
    });
    last = { secrets: wanted, verifier };
    return verifier;
  };
}
