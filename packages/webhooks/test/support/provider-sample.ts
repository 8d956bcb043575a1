// One request of a provider, as it is documented, with what must be read from it.
import type { Provider, RequestDraft } from '../../src/provider/provider.ts';
import type { ProviderEvent } from '../../src/provider/read-events.ts';

/**
 * How a row is known to be right: the provider's vector, its own SDK as the oracle, a vector that others have fixed, or its
 * document, computed anew.
 */
export type Evidence = 'vector' | 'sdk' | 'others' | 'document';

export type ProviderSample = {
  readonly provider: Provider;
  readonly evidence: Evidence;
  /** What verifies. */
  readonly secret: string;
  /** What signs, when it is another: a private key. */
  readonly signingSecret?: string;
  readonly settings?: Readonly<Record<string, string>>;
  /** What stands at the addresses from which the row reads keys. */
  readonly published?: Readonly<Record<string, string>>;
  readonly request: {
    readonly body: string;
    readonly method?: string;
    readonly url?: string;
    readonly headers?: Readonly<Record<string, string>>;
  };
  /** The events without their payloads. */
  readonly events: readonly Omit<ProviderEvent, 'payload'>[];
  /** What the scheme does not protect, because it signs something else or nothing. */
  readonly unprotected?: readonly 'body'[];
  /**
   * The provider's own way to the same signature, never our code: its SDK, or node:crypto by its document. Gives the
   * headers (lower-case) that must come out, for a request that `signRequest` made.
   */
  oracle?(
    draft: RequestDraft,
    secret: string,
  ): Promise<Readonly<Record<string, string>>> | Readonly<Record<string, string>>;
};
