// Verifies a signed request or response (RFC 9421): parse -> what must be covered -> key -> signature -> digest -> age.
import { ProviderRequest } from '../provider/request.ts';
import { refuse } from '../verdict.ts';
import type { Refusal } from '../verdict.ts';
import { judgeAge } from '../provider/instant.ts';
import { ComponentError, signatureBase } from './components.ts';
import type { HttpMessage } from './components.ts';
import { judgeContentDigest } from './content-digest.ts';
import { verifyBytes } from './signature-keys.ts';
import type { MessageKey } from './signature-keys.ts';
import { parseDictionary } from './structured-fields.ts';
import type { Dictionary, InnerList } from './structured-fields.ts';

export type VerifyMessageOptions = {
  /** The key by its id, or undefined. Called with what the message says: treat it as a stranger's text. */
  readonly keyFor: (keyid: string | undefined) => MessageKey | undefined | Promise<MessageKey | undefined>;
  /**
   * Components that must be covered, without parameters, such as `['@method', '@authority', 'content-digest']`. What is
   * not covered is not protected, so there is no default.
   */
  readonly required: readonly string[];
  /** Signatures with another tag, or none, are not looked at. */
  readonly tag?: string;
  /** Only this signature is looked at (default: each, the first that is valid wins). */
  readonly label?: string;
  /** Largest difference of `created` to the clock, both ways (default 300). `'any-age'` turns the check off. */
  readonly toleranceSeconds?: number | 'any-age';
  /** The clock: milliseconds since 1970 (default `Date.now`). */
  readonly now?: () => number;
};

export type MessageVerdict =
  | {
      readonly ok: true;
      readonly label: string;
      /** Names of what is covered, without their parameters. */
      readonly components: readonly string[];
      readonly keyid?: string;
      readonly created?: number;
      readonly nonce?: string;
      readonly tag?: string;
    }
  | Refusal;

type Candidate = {
  readonly label: string;
  readonly covered: InnerList;
  readonly signature: Uint8Array<ArrayBuffer>;
};

const toleranceDefaultSeconds = 300;
const signaturesMax = 8;
const componentsMax = 32;
const textParameters = ['keyid', 'alg', 'nonce', 'tag'];
const timeParameters = ['created', 'expires'];

/** Never rejects for what a sender did; a `keyFor` that rejects is the caller's. */
export async function verifyMessage(
  message: HttpMessage,
  options: VerifyMessageOptions,
): Promise<MessageVerdict> {
  const wrong = wrongTolerance(options);
  if (wrong !== undefined) return wrong;
  const candidates = candidatesIn(message, options);
  if ('ok' in candidates) return candidates;
  let refusal: Refusal | undefined;
  for (const candidate of candidates) {
    const verdict = await judge(candidate, message, options);
    if (verdict.ok) return verdict;
    refusal ??= verdict;
  }
  return refusal ?? refuse('missing-header', 'no signature has the label and the tag that are asked for');
}

/** No age is larger than what is no number: every replay would pass. */
function wrongTolerance({ toleranceSeconds = 0 }: VerifyMessageOptions): Refusal | undefined {
  if (toleranceSeconds === 'any-age' || (Number.isFinite(toleranceSeconds) && toleranceSeconds >= 0))
    return undefined;
  return refuse('misconfigured', "toleranceSeconds must be a number of seconds from 0, or 'any-age'");
}

function candidatesIn(message: HttpMessage, options: VerifyMessageOptions): readonly Candidate[] | Refusal {
  const inputs = dictionaryIn(message, 'signature-input');
  if ('ok' in inputs) return inputs;
  const signatures = dictionaryIn(message, 'signature');
  if ('ok' in signatures) return signatures;
  if (inputs.size > signaturesMax) return malformed(`there are more than ${signaturesMax} signatures`);
  const candidates: Candidate[] = [];
  for (const [label, covered] of inputs) {
    if (options.label !== undefined && label !== options.label) continue;
    const signature = signatures.get(label);
    if (!('items' in covered)) return malformed('signature-input holds a member that is no list');
    if (signature === undefined || !('item' in signature) || signature.item.type !== 'bytes')
      return malformed('signature holds no bytes under a label of signature-input');
    if (options.tag !== undefined && covered.parameters.get('tag')?.value !== options.tag) continue;
    candidates.push({ label, covered, signature: signature.item.value });
  }
  return candidates;
}

function dictionaryIn(message: HttpMessage, name: string): Dictionary | Refusal {
  const values = valuesOf(message, name);
  if (values === '') return refuse('missing-header', `${name} is missing`);
  return parseDictionary(values) ?? malformed(`${name} is no structured dictionary`);
}

function valuesOf({ headers }: HttpMessage, name: string): string {
  return new ProviderRequest({ headers }, new Uint8Array()).headerValues(name).join(', ');
}

async function judge(
  candidate: Candidate,
  message: HttpMessage,
  options: VerifyMessageOptions,
): Promise<MessageVerdict> {
  const { covered, signature, label } = candidate;
  const wrong = wrongParameters(covered) ?? notCovered(covered, options.required);
  if (wrong !== undefined) return wrong;
  const base = baseOf(message, covered);
  if (typeof base !== 'string') return base;
  const keyid = textOf(covered, 'keyid');
  const key = await options.keyFor(keyid);
  if (key === undefined) return refuse('unknown-key', 'no key is known under the id of the signature');
  const algorithm = textOf(covered, 'alg');
  if (algorithm !== undefined && algorithm !== key.algorithm)
    return refuse('mismatch', 'the signature names another algorithm than that of the key');
  if (!(await verifyBytes(key, signature, Uint8Array.from(new TextEncoder().encode(base)))))
    return refuse('mismatch', 'the signature does not fit the message and the key');
  const changed = (await wrongDigest(covered, message)) ?? wrongTime(covered, options);
  return changed ?? { ok: true, label, ...proved(covered) };
}

function wrongParameters({ items, parameters }: InnerList): Refusal | undefined {
  if (items.length > componentsMax) return malformed(`more than ${componentsMax} components are covered`);
  for (const [name, { type }] of parameters) {
    if (textParameters.includes(name) && type !== 'string') return malformed(`${name} is no string`);
    if (timeParameters.includes(name) && type !== 'integer') return malformed(`${name} is no integer`);
  }
  return undefined;
}

/** A component counts when it stands without parameters: those can make it another one's, or a part of it. */
function notCovered({ items }: InnerList, required: readonly string[]): Refusal | undefined {
  const plain = new Set(
    items.filter(({ parameters }) => parameters.size === 0).map(({ item }) => item.value),
  );
  const missing = required.find((name) => !plain.has(name.toLowerCase()));
  return missing === undefined
    ? undefined
    : refuse('malformed-header', `the signature does not cover ${missing}`);
}

function baseOf(message: HttpMessage, covered: InnerList): string | Refusal {
  try {
    return signatureBase(message, covered);
  } catch (error) {
    if (!(error instanceof ComponentError)) throw error;
    const isContext = /^the (?:message|url|request)/.test(error.message);
    return refuse(isContext ? 'missing-context' : 'malformed-header', error.message);
  }
}

async function wrongDigest({ items }: InnerList, message: HttpMessage): Promise<Refusal | undefined> {
  if (!items.some(({ item, parameters }) => item.value === 'content-digest' && !parameters.has('req')))
    return undefined;
  const { body } = message;
  if (body === undefined) return refuse('missing-context', 'content-digest is covered: pass the body');
  return judgeContentDigest(valuesOf(message, 'content-digest'), body);
}

function wrongTime(covered: InnerList, options: VerifyMessageOptions): Refusal | undefined {
  const { toleranceSeconds = toleranceDefaultSeconds, now = Date.now } = options;
  if (toleranceSeconds === 'any-age') return undefined;
  const created = numberOf(covered, 'created');
  if (created === undefined)
    return refuse('malformed-header', 'the signature does not say when it was created');
  const expires = numberOf(covered, 'expires');
  if (expires !== undefined && now() / 1_000 > expires) return refuse('stale', 'the signature has expired');
  return judgeAge(created, now(), toleranceSeconds);
}

function proved(covered: InnerList): Omit<Extract<MessageVerdict, { ok: true }>, 'ok' | 'label'> {
  const texts = (['keyid', 'nonce', 'tag'] as const).flatMap((name) => {
    const value = textOf(covered, name);
    return value === undefined ? [] : [[name, value] as const];
  });
  const created = numberOf(covered, 'created');
  return {
    components: covered.items.map(({ item }) => String(item.value)),
    ...Object.fromEntries(texts),
    ...(created === undefined ? {} : { created }),
  };
}

function textOf({ parameters }: InnerList, name: string): string | undefined {
  const item = parameters.get(name);
  return item?.type === 'string' ? item.value : undefined;
}

function numberOf({ parameters }: InnerList, name: string): number | undefined {
  const item = parameters.get(name);
  return item?.type === 'integer' ? item.value : undefined;
}

function malformed(detail: string): Refusal {
  return refuse('malformed-header', detail);
}
