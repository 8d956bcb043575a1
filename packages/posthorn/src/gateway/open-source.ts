// A source ready to judge requests: its provider's row, and a verifier whose keys are imported once.
import {
  createProviderVerifier,
  diagnoseRefusal,
  type Diagnosis,
  type FetchText,
  type Provider,
  type ProviderVerdict,
  type ProviderVerifierOptions,
  type ReceivedRequest,
} from '@posthorn/webhooks/provider';
import { providers } from '@posthorn/webhooks/providers';
import type { SourceConfig } from '../store/source-config.ts';
import type { Received } from './received.ts';

type NotVerified = Extract<ProviderVerdict, { ok: false }>;

export interface OpenSource {
  config: SourceConfig;
  provider: Provider;
  /** Where it sends its secret, as the row calls the places; they are hidden wherever the request is shown. */
  credentialPlaces: readonly string[];
  verify(received: Received): Promise<ProviderVerdict>;
  /** What is most likely wrong. Costs up to a hundred verifications. */
  diagnose(received: Received, refusal: NotVerified): Promise<Diagnosis>;
}

/** Undefined when this version has no row of the provider. */
export function openSource(config: SourceConfig, fetchText: FetchText): OpenSource | undefined {
  const provider = providers.get(config.provider);
  if (provider === undefined) return undefined;
  let atMs = 0;
  const options: ProviderVerifierOptions = {
    secrets: config.secrets.map(({ secret }) => secret),
    bodyMaxBytes: config.bodyMaxBytes,
    settings: config.settings,
    // Where there is a signature or a secret in any case, one without is refused.
    allowUnsigned: provider.schemes.every(({ kind }) => kind === 'unsigned'),
    now: () => atMs,
    fetchText,
    ...(config.toleranceSeconds === null ? {} : { toleranceSeconds: config.toleranceSeconds }),
  };
  const verifier = createProviderVerifier(provider, options);
  return {
    config,
    provider,
    credentialPlaces: credentialPlaces(provider, config.settings),
    verify(received) {
      // Read before the first await of the verifier, so requests of different times do not mix.
      atMs = received.atMs;
      return verifier.verify(receivedRequest(received));
    },
    diagnose(received, refusal) {
      const others = providers.values();
      const now = () => received.atMs;
      return diagnoseRefusal(provider, receivedRequest(received), { ...options, now, others }, refusal);
    },
  };
}

function credentialPlaces(provider: Provider, settings: SourceConfig['settings']): string[] {
  return provider.schemes.flatMap((scheme) => {
    if (scheme.kind !== 'token') return [];
    const { at, headerSetting, placeSetting } = scheme;
    const header = headerSetting === undefined ? undefined : settings[headerSetting];
    const place = placeSetting === undefined ? undefined : settings[placeSetting];
    return [at, ...(header ? [`header:${header.toLowerCase()}`] : []), ...(place ? [placeName(place)] : [])];
  });
}

/** Names of headers are stored in lower case. */
const placeName = (place: string) => (place.startsWith('header:') ? place.toLowerCase() : place);

/** The request in the words of @posthorn/webhooks. */
export function receivedRequest({ method, headers, body, url, query }: Received): ReceivedRequest {
  return { method, headers, body, url: url + query };
}
