// What kind an endpoint is and where its deliveries go: a URL, or the configuration of another kind, checked by whoever
// knows the kind, stored sealed, and shown without its secrets.
import type { FastifySchemaCompiler } from 'fastify';
import Type from 'typebox';
import type { Static, TSchema } from 'typebox';
import type { Caller } from '../core/access.ts';
import { type EndpointKind, httpKind } from '../core/endpoint-kind.ts';
import { checkEndpointUrl } from '../core/url-rules.ts';
import { configOwner } from '../store/endpoints.ts';
import type { EndpointRow } from '../store/endpoints.ts';
import type { ApiDeps } from './context.ts';
import { nullable } from './fields.ts';
import { ApiError, conflict, invalid, invalidField } from './problems.ts';
import { compileValidator } from './validation.ts';

const kindMaxChars = 64;
const configMaxBytes = 64 * 1024;

export const kindFields = {
  kind: Type.Optional(Type.String({ minLength: 1, maxLength: kindMaxChars })),
  config: Type.Optional(
    nullable(Type.Unsafe<Record<string, unknown>>(Type.Object({}, { additionalProperties: true }))),
  ),
};
const TargetIn = Type.Object({ url: Type.Optional(Type.String()), ...kindFields });
type TargetIn = Static<typeof TargetIn>;

/** Where deliveries go, ready to be stored. `config` is null for `http`. */
export interface Target {
  kind: string;
  url: string;
  config: { whole: object; shown: object } | null;
}

/** The URL to store. Throws 422 with the reason and the fix. */
function takeUrl({ urlRules }: ApiDeps, url: string | undefined): string {
  if (url === undefined) {
    throw invalid([{ loc: ['body', 'url'], msg: 'is required', type: 'value_error.missing' }]);
  }
  const verdict = checkEndpointUrl(url, urlRules);
  if (!verdict.ok) throw invalidField('url', verdict.reason);
  return verdict.url;
}

/** The target of a whole endpoint. `before`: what it replaces; secrets that nobody gave again stay. */
export async function takeTarget(deps: ApiDeps, given: TargetIn, before?: EndpointRow): Promise<Target> {
  const { kind = httpKind, url, config } = given;
  if (kind === httpKind) return httpTarget(deps, given, url);
  const known = kindOf(deps, kind);
  if (before?.kind !== kind || !config) return kindTarget(known, url, config);
  const kept = keptSecrets(known, { before: openConfig(deps, before), given: config, after: config });
  const target = await kindTarget(known, url, { ...kept, ...config });
  checkKept(Object.keys(kept), before, target);
  return target;
}

/** The target that a patch leaves; undefined when it says nothing of it. Members of `config` replace, null removes. */
export async function patchTarget(
  deps: ApiDeps,
  patch: TargetIn,
  before: EndpointRow,
): Promise<Target | undefined> {
  const { kind = before.kind, url, config } = patch;
  if (patch.kind === undefined && url === undefined && config === undefined) return undefined;
  if (kind === httpKind) {
    return httpTarget(deps, patch, url ?? (before.kind === httpKind ? before.url : undefined));
  }
  const known = kindOf(deps, kind);
  if (before.kind !== kind) return kindTarget(known, url, config);
  const previous = openConfig(deps, before);
  const given = config ?? {};
  const kept = keptSecrets(known, { before: previous, given, after: { ...previous, ...given } });
  const isSecret = (name: string) => known.secretNames.includes(name);
  const rest = Object.fromEntries(Object.entries(previous).filter(([name]) => !isSecret(name)));
  const target = await kindTarget(known, url, { ...rest, ...kept, ...given });
  checkKept(Object.keys(kept), before, target);
  return target;
}

/** The secrets that nobody gave again, and that the configuration still has a place for. */
function keptSecrets(
  { secretNames, takesSecrets }: EndpointKind,
  { before, given, after }: Record<'before' | 'given' | 'after', Record<string, unknown>>,
): Record<string, unknown> {
  if (takesSecrets?.(after) === false) return {};
  const names = secretNames.filter((name) => name in before && !(name in given));
  return Object.fromEntries(names.map((name) => [name, before[name]]));
}

const serverPattern = /[a-z+]+:\/\/[^/?#\s]+/gi;
const serversOf = (target: string): readonly string[] => target.toLowerCase().match(serverPattern) ?? [];

/** Throws 422 when secrets that nobody gave again would go to another server than the one they were given for. */
function checkKept(secretNames: readonly string[], before: EndpointRow, target: Target): void {
  const known = serversOf(before.url);
  if (secretNames.length === 0 || serversOf(target.url).every((server) => known.includes(server))) return;
  throw invalid(
    secretNames.map((name) => ({
      loc: ['body', 'config', name],
      msg: 'must be given again, because the endpoint would go to another server',
      type: 'value_error',
    })),
  );
}

function httpTarget(deps: ApiDeps, { config }: TargetIn, url: string | undefined): Target {
  if (config) throw invalidField('config', `does not belong to kind ${httpKind}`);
  return { kind: httpKind, url: takeUrl(deps, url), config: null };
}

async function kindTarget(
  known: EndpointKind,
  url: string | undefined,
  config: Record<string, unknown> | null | undefined,
): Promise<Target> {
  if (url !== undefined) throw invalidField('url', `does not belong to kind ${known.kind}: give config`);
  if (!config) {
    throw invalid([{ loc: ['body', 'config'], msg: 'is required', type: 'value_error.missing' }]);
  }
  const whole = Object.fromEntries(Object.entries(config).filter(([, value]) => value !== null));
  const sizeBytes = Buffer.byteLength(JSON.stringify(whole));
  if (sizeBytes > configMaxBytes) {
    throw invalidField('config', `is ${sizeBytes} bytes as JSON, at most ${configMaxBytes} are allowed`);
  }
  checkShape(known, whole);
  const checked = await known.check(whole);
  if (!checked.ok) {
    throw invalid(
      checked.problems.map(({ path, message }) => ({
        loc: ['body', 'config', ...path],
        msg: message,
        type: 'value_error',
      })),
    );
  }
  const shown = Object.entries(whole).filter(([name]) => !known.secretNames.includes(name));
  return { kind: known.kind, url: checked.target, config: { whole, shown: Object.fromEntries(shown) } };
}

function kindOf({ kinds }: ApiDeps, kind: string): EndpointKind {
  const known = kinds.get(kind);
  if (known) return known;
  throw invalidField('kind', `must be one of: ${[httpKind, ...kinds.keys()].join(', ')}`);
}

const validators = new WeakMap<EndpointKind, ReturnType<FastifySchemaCompiler<TSchema>>>();

function checkShape(known: EndpointKind, config: object): void {
  const validate =
    validators.get(known) ??
    compileValidator({
      schema: Type.Object({ config: known.schema }),
      method: 'POST',
      url: known.kind,
      httpPart: 'body',
    });
  validators.set(known, validate);
  const { error } = validate({ config }) as { error?: Error };
  if (error) throw error;
}

function openConfig({ box }: ApiDeps, { id, config_sealed: sealed }: EndpointRow): Record<string, unknown> {
  return sealed === null ? {} : (JSON.parse(box.open(sealed, configOwner(id))) as Record<string, unknown>);
}

/** What is stored of a target. */
export function targetColumns({ box }: ApiDeps, endpointId: string, { kind, url, config }: Target) {
  return {
    kind,
    url,
    config_sealed: config && box.seal(JSON.stringify(config.whole), configOwner(endpointId)),
    config_shown: config && JSON.stringify(config.shown),
  };
}

/** Throws 409 when the configuration that was added to is not the one that is there. */
export function checkUnchanged(before: EndpointRow | undefined, now: EndpointRow | undefined): void {
  const [sealed, current] = [before?.config_sealed ?? null, now?.config_sealed ?? null];
  const isSame = sealed === null || current === null ? sealed === current : sealed.equals(current);
  if (!isSame) throw conflict('the endpoint was changed at the same time: read it, and try again');
}

/** Throws 403 for an application's token, when what reaches inside is made or changed. */
export function checkReach({ kinds }: ApiDeps, { application }: Caller, kind: string): void {
  const isForAll = kind === httpKind || kinds.get(kind)?.forOperators === false;
  if (application === null || isForAll) return;
  const detail = `insufficient access: endpoints of kind ${kind} are made and changed with tokens of the environment`;
  throw new ApiError('insufficient_access', 403, detail);
}
