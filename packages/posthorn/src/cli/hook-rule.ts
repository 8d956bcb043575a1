// The trigger rule of a hook of adnanh/webhook: who may send becomes the door, a provider with its secret, and what is asked
// of the payload becomes the filter. What can be neither throws NotConvertible: nothing is ever let through instead.
import { checkFilter } from '../core/filter.ts';
import { celText, payloadFilter, sourceWords } from './hook-filter.ts';
import {
  isFields,
  isSecretName,
  listAt,
  NotConvertible,
  parameterOf,
  stepsOf,
  textAt,
} from './hook-parts.ts';
import type { Fields } from './hook-parts.ts';

/** The verification of a source. */
interface Door {
  type: string;
  settings?: Readonly<Record<string, string>>;
  secrets: readonly string[];
  /** What somebody must know of it. */
  note?: string;
}

export interface RuleMeaning {
  door: Door;
  filter: string | undefined;
}

type Algorithm = 'sha1' | 'sha256' | 'sha512';

const depthMax = 12;
const secretsMax = 8;
const headerPattern = /^[\w!#$&^.+-]{1,128}$/;
const hmacType = /^payload-(?:hmac|hash)-(sha1|sha256|sha512)$/;
const openDoor: Door = { type: 'generic-webhook', secrets: [] };

// By algorithm and header.
const providers: Readonly<Record<string, string>> = {
  'sha1 x-hub-signature': 'github',
  'sha256 x-hub-signature-256': 'github',
  'sha256 x-hub-signature': 'bitbucket',
  'sha256 x-gogs-signature': 'gogs',
  'sha256 x-gitea-signature': 'gitea',
  'sha256 x-forgejo-signature': 'forgejo',
};
const sha1Note =
  'is verified by X-Hub-Signature-256, which GitHub sends along; a sender that has SHA-1 alone needs the type generic-hmac with the settings header: X-Hub-Signature and algorithm: sha1';

/** Where these providers say what happened: their event types begin with it. */
const eventHeaders: Readonly<Record<string, string>> = {
  github: 'x-github-event',
  gogs: 'x-gogs-event',
  gitea: 'x-gitea-event',
  forgejo: 'x-forgejo-event',
};
// The header itself is not signed; the payload says the same.
const gitlabKinds: Readonly<Record<string, string>> = {
  'Push Hook': 'push',
  'Tag Push Hook': 'tag_push',
  'Merge Request Hook': 'merge_request',
  'Pipeline Hook': 'pipeline',
};

/** Whether the header holds the first word of the event types of that provider. */
export function isEventHeader(type: string, header: string): boolean {
  return Object.hasOwn(eventHeaders, type) && eventHeaders[type] === header.toLowerCase();
}

/** Without a rule, anybody may send who knows the URL. */
export function meaningOf(rule: unknown): RuleMeaning {
  if (rule === undefined || rule === null) return { door: openDoor, filter: undefined };
  const parts = conjuncts(rule, 0);
  const { door, index } = doorOf(parts);
  const conditions = parts.filter((_, at) => at !== index).map((part) => filterOf(part, door, 0));
  if (conditions.length === 0) return { door, filter: undefined };
  const filter = conditions.join(' && ');
  const problem = checkFilter(filter);
  if (problem) throw new NotConvertible(`its rule makes a filter that ${problem.message}`);
  return { door, filter };
}

/** The one thing that a rule is. */
function ruleOf(value: unknown): { kind: 'and' | 'or'; rules: readonly unknown[] } | RuleOfOne {
  const names = isFields(value) ? Object.keys(value) : [];
  const [kind] = names;
  if (!isFields(value) || names.length !== 1 || kind === undefined) {
    throw new NotConvertible('its rule is not one of and, or, not and match');
  }
  if (kind === 'and' || kind === 'or') return { kind, rules: listAt(value, kind) };
  const inner = value[kind];
  if (kind === 'not') return { kind, rule: inner };
  if (kind === 'match' && isFields(inner)) return { kind, match: inner };
  throw new NotConvertible(`its rule has ${kind}, which is not known here`);
}

type RuleOfOne = { kind: 'not'; rule: unknown } | { kind: 'match'; match: Fields };

/** What must hold together. */
function conjuncts(value: unknown, depth: number): unknown[] {
  const rule = ruleOf(value);
  if (rule.kind !== 'and') return [value];
  checkDepth(depth);
  return rule.rules.flatMap((one) => conjuncts(one, depth + 1));
}

function checkDepth(depth: number): void {
  if (depth >= depthMax) throw new NotConvertible(`its rule is nested deeper than ${depthMax}`);
}

/** The part of the rule that proves who sends: a signature, else a word that the sender knows. */
function doorOf(parts: readonly unknown[]): { door: Door; index: number } {
  for (const proofOf of [signatureDoor, tokenDoor]) {
    const doors = parts.map((part) => proofOf(part, 0));
    const index = doors.findIndex((door) => door !== undefined);
    const door = doors[index];
    if (door) return { door, index };
  }
  return { door: openDoor, index: -1 };
}

/** Of a match, or of several of which one must hold and that differ in nothing but their secrets. */
function signatureDoor(part: unknown, depth: number): Door | undefined {
  checkDepth(depth);
  const rule = ruleOf(part);
  if (rule.kind === 'match') return hmacDoor(rule.match);
  if (rule.kind !== 'or') return undefined;
  const doors = rule.rules.map((one) => signatureDoor(one, depth + 1));
  const [first] = doors;
  if (!first || !doors.every((door) => door && isSameBut(first, door))) return undefined;
  const secrets = [...new Set(doors.flatMap((door) => door?.secrets ?? []))];
  if (secrets.length > secretsMax) throw new NotConvertible(`its rule has more than ${secretsMax} secrets`);
  return { ...first, secrets };
}

const isSameBut = (left: Door, right: Door): boolean =>
  left.type === right.type &&
  left.note === right.note &&
  JSON.stringify(left.settings) === JSON.stringify(right.settings);

function hmacDoor(match: Fields): Door | undefined {
  const [, algorithm] = hmacType.exec(textAt(match, 'type')) ?? [];
  if (algorithm === undefined) return undefined;
  const { source, name } = parameterOf(match.parameter);
  if (source !== 'header' || !headerPattern.test(name)) {
    throw new NotConvertible('its signature stands in no header');
  }
  if (isFields(match.parameter) && match.parameter['headers-to-add-to-signature-payload'] !== undefined) {
    throw new NotConvertible('its signature is over headers, too');
  }
  return { ...signedDoor(algorithm as Algorithm, name), secrets: [secretOf(match, 'secret')] };
}

function signedDoor(algorithm: Algorithm, header: string): Omit<Door, 'secrets'> {
  const name = `${algorithm} ${header.toLowerCase()}`;
  const type = Object.hasOwn(providers, name) ? providers[name] : undefined;
  if (type === undefined) return { type: 'generic-hmac', settings: { header, algorithm } };
  return algorithm === 'sha1' ? { type, note: sha1Note } : { type };
}

function secretOf(match: Fields, name: string): string {
  const secret = textAt(match, name);
  if (secret.trim() !== '' && secret.trim() === secret) return secret;
  throw new NotConvertible('its secret is empty, or has blanks at its ends');
}

/** A match on the very value of a header, of the query, or of what is called a secret in the payload. */
function tokenDoor(part: unknown): Door | undefined {
  const rule = ruleOf(part);
  if (rule.kind !== 'match' || rule.match.type !== 'value') return undefined;
  const { match } = rule;
  const { source, name } = parameterOf(match.parameter);
  const place = placeOf(source, name);
  if (place === undefined) return undefined;
  const secrets = [secretOf(match, 'value')];
  if (place.toLowerCase() === 'header:x-gitlab-token') return { type: 'gitlab', secrets };
  return { type: 'generic-token', settings: { place }, secrets };
}

/** As the provider generic-token calls it. */
function placeOf(source: string, name: string): string | undefined {
  if (source === 'header' && headerPattern.test(name) && !/-event$/i.test(name)) return `header:${name}`;
  if (source === 'url' && /^[\w.-]{1,128}$/.test(name)) return `query:${name}`;
  if (source !== 'payload' || !isSecretName(name)) return undefined;
  return `payload:${stepsOf(name).join('.')}`;
}

function filterOf(part: unknown, door: Door, depth: number): string {
  checkDepth(depth);
  const rule = ruleOf(part);
  const below = (one: unknown) => filterOf(one, door, depth + 1);
  switch (rule.kind) {
    case 'and':
      return rule.rules.length === 0 ? 'true' : `(${rule.rules.map(below).join(' && ')})`;
    case 'or':
      return rule.rules.length === 0 ? 'false' : `(${rule.rules.map(below).join(' || ')})`;
    case 'not':
      return `!${below(rule.rule)}`;
    case 'match':
      return matchFilter(rule.match, door);
    default:
      return rule satisfies never;
  }
}

function matchFilter(match: Fields, door: Door): string {
  const type = textAt(match, 'type');
  if (hmacType.test(type)) {
    throw new NotConvertible('its rule asks for a signature beside another proof, or not in any case');
  }
  if (type !== 'value' && type !== 'regex') {
    const words: Readonly<Record<string, string>> = {
      'ip-whitelist': 'its rule asks for addresses (ip-whitelist): let a proxy or firewall do that',
      'scalr-signature': "its rule asks for Scalr's signature, which no provider here verifies",
    };
    throw new NotConvertible(
      (Object.hasOwn(words, type) ? words[type] : undefined) ?? `its rule has a match of the type ${type}`,
    );
  }
  const { source, name } = parameterOf(match.parameter);
  const event = source === 'header' && type === 'value' ? eventFilter(name, match, door) : undefined;
  if (event !== undefined) return event;
  if (source !== 'payload') {
    throw new NotConvertible(`its rule asks for ${sourceWords({ source, name })}, which no filter sees`);
  }
  return payloadFilter(match);
}

/** By the event's type, of which the header is the first word, or by what the payload says instead. */
function eventFilter(header: string, match: Fields, { type }: Door): string | undefined {
  const value = textAt(match, 'value');
  if (isEventHeader(type, header) && /^[a-z_]{1,64}$/.test(value)) {
    return `(eventType == ${celText(value)} || eventType.startsWith(${celText(`${value}.`)}))`;
  }
  const kind = Object.hasOwn(gitlabKinds, value) ? gitlabKinds[value] : undefined;
  if (type !== 'gitlab' || header.toLowerCase() !== 'x-gitlab-event' || kind === undefined) return undefined;
  const parameter = { source: 'payload', name: 'object_kind' };
  return payloadFilter({ type: 'value', value: kind, parameter });
}
