// A bounded number of verifications, each of a request, a row or secrets that were changed in one way.
import { bodyBytes } from '../../signed-content.ts';
import { fetchKeyText } from '../fetch-key-text.ts';
import type { FetchText, Provider } from '../provider.ts';
import type { ReceivedRequest } from '../request.ts';
import { verifyRequest } from '../verify-request.ts';
import type { ProviderVerdict } from '../provider-verdict.ts';
import type { ProviderVerifierOptions } from '../verify-request.ts';

type Bytes = Uint8Array<ArrayBuffer>;

/** What is other than it was in the request that was refused. */
export type Change = {
  readonly provider?: Provider;
  readonly secrets?: readonly string[];
  readonly body?: Bytes;
  readonly url?: string;
  /** Keys are not fetched: the addresses of a stranger's row are nothing to call on a stranger's word. */
  readonly offline?: boolean;
};

const triesMax = 96;
// Of the bodies of all tries together: a flood of large forgeries must not cost a flood of hashing.
const bytesMax = 8 * 1024 * 1024;

export class Tries {
  readonly body: Bytes;
  readonly #provider: Provider;
  readonly #request: ReceivedRequest;
  readonly #options: ProviderVerifierOptions;
  #made = 0;
  #bytesLeft = bytesMax;
  #isOver = false;

  constructor(provider: Provider, request: ReceivedRequest, options: ProviderVerifierOptions) {
    this.body = (bodyBytes(request.body) ?? new Uint8Array()) as Bytes;
    this.#provider = provider;
    this.#request = request;
    // The age is not what is asked for here: a signature that fits says enough.
    const fetchText = remembered(options.fetchText ?? fetchKeyText);
    this.#options = { ...options, toleranceSeconds: 'any-age', allowUnsigned: false, fetchText };
  }

  get made(): number {
    return this.#made;
  }

  /** No more will be tried. */
  get isOver(): boolean {
    return this.#isOver;
  }

  /** The verdict on the changed request; undefined when no more may be tried. */
  async verdictOn({
    provider,
    secrets,
    body,
    url,
    offline = false,
  }: Change): Promise<ProviderVerdict | undefined> {
    const { length } = body ?? this.body;
    this.#isOver ||= this.#made >= triesMax || length > this.#bytesLeft;
    if (this.#isOver) return undefined;
    this.#made += 1;
    this.#bytesLeft -= length;
    const request = { ...this.#request, body: body ?? this.body, ...(url === undefined ? {} : { url }) };
    const options = {
      ...this.#options,
      secrets: secrets ?? this.#options.secrets,
      ...(offline ? { fetchText: fetchNothing } : {}),
    };
    try {
      return await verifyRequest(provider ?? this.#provider, request, options);
    } catch {
      // Whatever a row's own function makes of a changed request, it explains nothing.
      return undefined;
    }
  }

  async fits(change: Change): Promise<boolean> {
    const verdict = await this.verdictOn(change);
    if (verdict?.ok === true) return true;
    const { secrets = [] } = change;
    if (verdict?.reason !== 'misconfigured' || secrets.length < 2) return false;
    // A text that is no key says nothing about the other secrets.
    for (const secret of secrets) {
      if ((await this.verdictOn({ ...change, secrets: [secret] }))?.ok === true) return true;
    }
    return false;
  }
}

function fetchNothing(): Promise<string> {
  return Promise.reject(new Error('keys are not fetched here'));
}

/** Asks once for each address, also when that failed. */
function remembered(fetchText: FetchText): FetchText {
  const asked = new Map<string, Promise<string>>();
  return (url, options) => {
    const name = JSON.stringify([url, options]);
    const known = asked.get(name) ?? fetchText(url, options);
    asked.set(name, known);
    return known;
  };
}
