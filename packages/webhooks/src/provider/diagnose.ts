// Why a request was refused, for the operator alone: it is verified again and again with one thing changed, until it
// fits. At most 96 verifications, over bodies of 8 MiB together; a body above 256 KiB is tried only with other line ends
// at its end. What fits is proved by the signature; what is told without proof comes last.
import type { Refusal, RefusalReason } from '../verdict.ts';
import { bodyVariants } from './diagnosis/body-variants.ts';
import { adviceOn } from './diagnosis/causes.ts';
import type { DiagnosisCause } from './diagnosis/causes.ts';
import { secretVariants } from './diagnosis/secret-variants.ts';
import { lookAlikes, presentOthers, sha1Variants, tried } from './diagnosis/sender-variants.ts';
import { Tries } from './diagnosis/tries.ts';
import { urlVariants } from './diagnosis/url-variants.ts';
import type { Provider } from './provider.ts';
import { ProviderRequest } from './request.ts';
import type { ReceivedRequest } from './request.ts';
import type { ProviderVerifierOptions } from './verify-request.ts';

export type DiagnoseOptions = ProviderVerifierOptions & {
  /** Secrets that were in use once, such as those before the last rotation. */
  readonly oldSecrets?: readonly string[];
  /** Rows of other providers, to tell who really sent the request. */
  readonly others?: Iterable<Provider>;
};

/** `advice` is one sentence that names the fix. It holds no secret, no signature and nothing of the request. */
export type Diagnosis = { readonly cause: DiagnosisCause; readonly advice: string; readonly tries: number };

type Found = Omit<Diagnosis, 'tries'>;
type Case = {
  readonly provider: Provider;
  readonly request: ReceivedRequest;
  readonly options: DiagnoseOptions;
  readonly secrets: readonly string[];
  readonly refusal: Refusal;
  readonly others: readonly Provider[];
  readonly tries: Tries;
};
type Explanation = (given: Case) => Promise<Found | undefined>;

const oldSecretsMax = 8;
const othersMax = 512;

// The cheapest first; the body has the most variants.
const ofMismatch: readonly Explanation[] = [
  oldSecret,
  otherSecret,
  otherUrl,
  sha1Only,
  otherProvider,
  otherBody,
  wrongLength,
  foreignHeaders,
];
const explanationsOf: Readonly<Record<RefusalReason, readonly Explanation[]>> = {
  mismatch: ofMismatch,
  // A row's own function may look at the age first.
  stale: [wrongClock, ...ofMismatch],
  future: [wrongClock, ...ofMismatch],
  misconfigured: [otherSecret, otherProvider],
  'missing-header': [sha1Only, otherProvider, foreignHeaders],
  'malformed-header': [sha1Only, otherProvider, foreignHeaders],
  'unknown-key': [otherProvider],
  'key-unavailable': [],
  'missing-context': [],
  'too-large': [],
  'body-parsed': [],
};

/** Never rejects. For the operator only: told to a caller, it would help a forger. */
export async function diagnoseRefusal(
  provider: Provider,
  request: ReceivedRequest,
  options: DiagnoseOptions,
  refusal: Refusal,
): Promise<Diagnosis> {
  const secrets = typeof options.secrets === 'string' ? [options.secrets] : [...options.secrets];
  const tries = new Tries(provider, request, options);
  const others = [...firstOf(options.others ?? [], othersMax)];
  const given: Case = { provider, request, options, secrets, refusal, others, tries };
  for (const explanation of explanationsOf[refusal.reason]) {
    const found = await explanation(given);
    if (found !== undefined) return { ...found, tries: tries.made };
  }
  return { ...withoutProof(refusal, tries.made), tries: tries.made };
}

async function wrongClock({ options, refusal, tries }: Case): Promise<Found | undefined> {
  const verdict = await tries.verdictOn({});
  if (verdict?.ok !== true) return undefined;
  const what = verdict.timestamp === undefined ? refusal.detail : distanceTo(verdict.timestamp, options);
  return {
    cause: 'clock-skew',
    advice: `the signature is right, but ${what}: set the clock (NTP); if it is right, the request was held back or is a replay`,
  };
}

function distanceTo(timestamp: number, { now = Date.now }: DiagnoseOptions): string {
  const seconds = Math.floor(now() / 1_000) - timestamp;
  return `its time is ${Math.abs(seconds)} seconds ${seconds < 0 ? 'ahead of' : 'behind'} this clock`;
}

async function oldSecret({ options, tries }: Case): Promise<Found | undefined> {
  const secrets = (options.oldSecrets ?? []).slice(0, oldSecretsMax);
  if (secrets.length === 0 || !(await tries.fits({ secrets }))) return undefined;
  return {
    cause: 'secret-old',
    advice:
      'it is signed with an old secret: enter the new one at the provider, or take the old one back until you did',
  };
}

async function otherSecret({ provider, secrets, tries }: Case): Promise<Found | undefined> {
  if (provider.secret.madeBy === 'nobody') return undefined;
  for (const { cause, advice, ...change } of secretVariants(provider, secrets)) {
    if (await tries.fits(change)) return { cause, advice };
  }
  return undefined;
}

async function otherUrl({ provider, request, tries }: Case): Promise<Found | undefined> {
  for (const { url, advice } of urlVariants(provider, request)) {
    if (await tries.fits({ url })) return { cause: 'url-other', advice };
  }
  return undefined;
}

async function sha1Only({ provider, tries }: Case): Promise<Found | undefined> {
  for (const variant of sha1Variants(provider)) {
    if (!(await tries.fits({ provider: variant.provider }))) continue;
    return {
      cause: 'sha1-only',
      advice: `the header ${variant.header} fits with SHA-1, which is not accepted: let the sender sign with SHA-256, and let no proxy drop that header`,
    };
  }
  return undefined;
}

async function otherProvider({ provider, request, others, tries }: Case): Promise<Found | undefined> {
  for (const other of tried(presentOthers(provider, request, others))) {
    if (!(await tries.fits({ provider: other.provider, offline: true }))) continue;
    const { title, name } = other.provider;
    return {
      cause: 'other-provider',
      advice: `the request is right as one of ${title} with this secret: set the provider to ${name}`,
    };
  }
  return undefined;
}

async function otherBody({ provider, tries }: Case): Promise<Found | undefined> {
  if (!signsBody(provider)) return undefined;
  for (const { cause, body } of bodyVariants(tries.body)) {
    if (await tries.fits({ body })) return { cause, advice: adviceOn[cause] };
    if (tries.isOver) break;
  }
  return undefined;
}

/** Functions do not say what they sign. */
function signsBody({ schemes }: Provider): boolean {
  return schemes.some(({ covers, ...scheme }) => {
    if (scheme.kind === 'custom') return covers !== 'nothing';
    if (scheme.kind !== 'signature') return false;
    return typeof scheme.content === 'function' || /\{(?:body|form)[}:]/.test(scheme.content);
  });
}

/** No proof, but bytes that are more or fewer than were sent cannot be those that were signed. */
async function wrongLength({ request, tries }: Case): Promise<Found | undefined> {
  const headers = new ProviderRequest(request, tries.body);
  const announced = headers.header('content-length') ?? '';
  // What a server has decompressed has another length, and may still be what was signed.
  if (!/^\d{1,15}$/.test(announced) || headers.header('content-encoding') !== undefined) return undefined;
  const length = tries.body.length;
  if (Number(announced) === length) return undefined;
  return {
    cause: 'body-length',
    advice: `the body has ${length} bytes and content-length says ${Number(announced)}: verify the raw bytes, before any parser, and read all of them`,
  };
}

async function foreignHeaders({ provider, request, others }: Case): Promise<Found | undefined> {
  const found = lookAlikes(provider, presentOthers(provider, request, others));
  if (found === undefined) return undefined;
  return {
    cause: 'other-provider',
    advice: `the header ${found.header} is one of ${found.titles.join(' or ')}: send it to a source of that provider, with its secret`,
  };
}

function withoutProof({ reason, detail }: Refusal, tries: number): Found {
  switch (reason) {
    case 'missing-header':
      return {
        cause: 'header-missing',
        advice: 'the signature is missing: set a secret at the provider, and let no proxy drop its headers',
      };
    case 'malformed-header':
      return {
        cause: 'header-malformed',
        advice: 'no provider writes its headers so: a proxy joins or cuts them, or the request is a forgery',
      };
    case 'missing-context':
      return { cause: 'url-missing', advice: detail };
    case 'too-large':
      return {
        cause: 'body-too-large',
        advice: `${detail}: raise bodyMaxBytes if the provider sends so much`,
      };
    case 'body-parsed':
      return { cause: 'body-parsed', advice: detail };
    case 'unknown-key':
      return {
        cause: 'key-unknown',
        advice: `${detail}: the request is a forgery, or the keys were read too long ago`,
      };
    case 'key-unavailable':
      return {
        cause: 'key-unavailable',
        advice: `${detail}: the provider's keys could not be read, ask again`,
      };
    case 'misconfigured':
      return { cause: 'misconfigured', advice: detail };
    case 'mismatch':
    case 'stale':
    case 'future':
      return {
        cause: 'unexplained',
        advice: `none of ${tries} tries fits: most often the secret is another one, so copy it again from the provider`,
      };
    default:
      return reason satisfies never;
  }
}

/** What is iterable may be so only once, and may have no end. */
function* firstOf<T>(items: Iterable<T>, max: number): Generator<T> {
  let count = 0;
  for (const item of items) {
    if (count >= max) return;
    count += 1;
    yield item;
  }
}
