// The fields of a source: what may be asked for, and what is stored of it.
import type { Provider } from '@posthorn/webhooks/provider';
import Type from 'typebox';
import type { Static } from 'typebox';
import type { NewSecret } from '../store/source-secrets.ts';
import type { SourceAnswer } from '../store/source-tables.ts';
import { secretOwner, settingsOwner, sourceIdPrefix } from '../store/sources.ts';
import type { ApiDeps } from './context.ts';
import { checkUid, metadataField, metadataJson, nullable, oneOf, StringMap, uidField } from './fields.ts';
import { invalidField } from './problems.ts';
import { providerOf } from './source-types.ts';

const nameMaxChars = 1_024;
const typeMaxChars = 128;
const secretMaxChars = 8_192;
/** As many as @posthorn/webhooks verifies with. */
export const secretsMax = 8;
const settingsMaxBytes = 8_192;
const mebibyte = 1024 * 1024;
const bodyMaxDefaultBytes = 25 * mebibyte;
const rateLimitMax = 1_000_000;
// Ten years: of any age.
const toleranceMaxSeconds = 315_360_000;
const syncTimeoutMinMs = 100;
const syncTimeoutMaxMs = 30_000;
const answerMaxChars = 4_096;
const methods = ['GET', 'POST', 'PUT', 'PATCH', 'DELETE'] as const;
// Nothing that a browser would run.
const answerTypes = ['application/json', 'text/plain', 'application/xml', 'text/xml'] as const;

export const SourceSecretText = Type.String({ minLength: 1, maxLength: secretMaxChars });
const ConfigIn = Type.Object({
  secret: Type.Optional(nullable(SourceSecretText)),
  secrets: Type.Optional(nullable(Type.Array(SourceSecretText, { maxItems: secretsMax }))),
  // The reference's names for what some providers call otherwise.
  publicKey: Type.Optional(nullable(SourceSecretText)),
  clientId: Type.Optional(nullable(SourceSecretText)),
  verifyToken: Type.Optional(nullable(SourceSecretText)),
  timestampGraceSeconds: Type.Optional(nullable(Type.Integer({ minimum: 0, maximum: toleranceMaxSeconds }))),
  settings: Type.Optional(nullable(StringMap)),
});
type ConfigIn = Static<typeof ConfigIn>;

const optionalFields = {
  uid: uidField,
  metadata: metadataField,
  config: Type.Optional(nullable(ConfigIn)),
  observe: Type.Optional(Type.Boolean()),
  allowedMethods: Type.Optional(
    Type.Array(oneOf(methods), { minItems: 1, maxItems: methods.length, uniqueItems: true }),
  ),
  bodyMaxBytes: Type.Optional(Type.Integer({ minimum: 0, maximum: bodyMaxDefaultBytes })),
  rateLimit: Type.Optional(nullable(Type.Integer({ minimum: 1, maximum: rateLimitMax }))),
  toleranceSeconds: Type.Optional(nullable(Type.Integer({ minimum: 0, maximum: toleranceMaxSeconds }))),
  deduplicateBy: Type.Optional(oneOf(['id', 'body', 'nothing'] as const)),
  validation: Type.Optional(oneOf(['none', 'reject', 'park'] as const)),
  syncTimeoutMs: Type.Optional(
    nullable(Type.Integer({ minimum: syncTimeoutMinMs, maximum: syncTimeoutMaxMs })),
  ),
  answer: Type.Optional(
    nullable(
      Type.Object({
        status: Type.Integer({ minimum: 200, maximum: 299 }),
        contentType: Type.Optional(nullable(oneOf(answerTypes))),
        body: Type.Optional(Type.String({ maxLength: answerMaxChars })),
      }),
    ),
  ),
};
const name = Type.String({ minLength: 1, maxLength: nameMaxChars });
const type = Type.String({ minLength: 1, maxLength: typeMaxChars });
export const SourceIn = Type.Object({ type, name, ...optionalFields });
export const SourcePatch = Type.Object({
  type: Type.Optional(type),
  name: Type.Optional(name),
  ...optionalFields,
});
export type SourceIn = Static<typeof SourceIn>;
export type SourcePatch = Static<typeof SourcePatch>;

/** The provider's row. Throws 422 for a type that nobody has. */
export function takeProvider(given: string): Provider {
  const provider = providerOf(given);
  if (provider !== undefined) return provider;
  throw invalidField(
    'type',
    'is no provider that this version knows; generic-webhook takes what nobody signs',
  );
}

function answerOf(answer: SourceIn['answer']): SourceAnswer | null {
  if (!answer) return null;
  const { status, contentType = 'text/plain', body = '' } = answer;
  if (status === 204 && body !== '') throw invalidField('answer.body', 'must be empty with the status 204');
  return { status, contentType: body === '' ? null : contentType, body };
}

const answerJson = (answer: SourceIn['answer']): string | null => {
  const taken = answerOf(answer);
  return taken === null ? null : JSON.stringify(taken);
};

/** What the provider's scheme needs besides secrets; undefined when the body says nothing of it. */
function settingsOf({ settings, verifyToken, clientId }: ConfigIn): Record<string, string> | undefined {
  const own = {
    ...settings,
    ...(verifyToken ? { verifyToken } : {}),
    ...(clientId ? { clientId } : {}),
  };
  const isNamed = settings !== undefined || verifyToken !== undefined || clientId !== undefined;
  if (!isNamed) return undefined;
  if (Buffer.byteLength(JSON.stringify(own)) > settingsMaxBytes) {
    throw invalidField('config.settings', `must not be larger than ${settingsMaxBytes} bytes as JSON`);
  }
  return own;
}

function toleranceOf({ toleranceSeconds, config }: SourcePatch): number | null | undefined {
  return toleranceSeconds === undefined ? config?.timestampGraceSeconds : toleranceSeconds;
}

function sealedSettings({ box }: ApiDeps, id: string, config: ConfigIn | null | undefined) {
  const settings = config ? settingsOf(config) : undefined;
  if (settings === undefined) return {};
  const isEmpty = Object.keys(settings).length === 0;
  return { settings_sealed: isEmpty ? null : box.seal(JSON.stringify(settings), settingsOwner(id)) };
}

/** The columns of a whole source: what it leaves out gets its default, but for what nobody can give back, which stays. */
export function columnsOf(deps: ApiDeps, id: string, body: SourceIn) {
  checkUid(body.uid, sourceIdPrefix);
  return {
    uid: body.uid ?? null,
    name: body.name,
    type: body.type,
    provider: takeProvider(body.type).name,
    metadata: metadataJson(body.metadata ?? {}),
    tolerance_seconds: toleranceOf(body) ?? null,
    observe: body.observe ?? false,
    allowed_methods: [...(body.allowedMethods ?? ['POST'])],
    body_max_bytes: body.bodyMaxBytes ?? bodyMaxDefaultBytes,
    rate_limit: body.rateLimit ?? null,
    deduplicate_by: body.deduplicateBy ?? ('id' as const),
    validation: body.validation ?? ('none' as const),
    sync_timeout_ms: body.syncTimeoutMs ?? null,
    answer: answerJson(body.answer),
    ...sealedSettings(deps, id, body.config),
  };
}

/** The columns that a patch names; null clears, absent leaves alone. */
export function changesOf(deps: ApiDeps, id: string, body: SourcePatch) {
  checkUid(body.uid, sourceIdPrefix);
  const tolerance = toleranceOf(body);
  return {
    ...(body.uid === undefined ? {} : { uid: body.uid }),
    ...(body.name === undefined ? {} : { name: body.name }),
    ...(body.type === undefined ? {} : { type: body.type, provider: takeProvider(body.type).name }),
    ...(body.metadata === undefined ? {} : { metadata: metadataJson(body.metadata) }),
    ...(tolerance === undefined ? {} : { tolerance_seconds: tolerance }),
    ...(body.observe === undefined ? {} : { observe: body.observe }),
    ...(body.allowedMethods === undefined ? {} : { allowed_methods: [...body.allowedMethods] }),
    ...(body.bodyMaxBytes === undefined ? {} : { body_max_bytes: body.bodyMaxBytes }),
    ...(body.rateLimit === undefined ? {} : { rate_limit: body.rateLimit }),
    ...(body.deduplicateBy === undefined ? {} : { deduplicate_by: body.deduplicateBy }),
    ...(body.validation === undefined ? {} : { validation: body.validation }),
    ...(body.syncTimeoutMs === undefined ? {} : { sync_timeout_ms: body.syncTimeoutMs }),
    ...(body.answer === undefined ? {} : { answer: answerJson(body.answer) }),
    ...sealedSettings(deps, id, body.config),
  };
}

/** The secrets that a body gives, the newest first; undefined when it says nothing of them. */
export function secretTextsOf(config: ConfigIn | null | undefined): string[] | undefined {
  if (!config) return undefined;
  const { secret, secrets, publicKey } = config;
  if (secret === undefined && secrets === undefined && publicKey === undefined) return undefined;
  const given = [secret, publicKey, ...(secrets ?? [])].filter((text) => typeof text === 'string');
  if (given.length > secretsMax)
    throw invalidField('config.secrets', `must be ${secretsMax} at most, with secret`);
  return [...new Set(given)];
}

/** To be stored; ids grow, so the newest is made last. */
export function sealedSecrets(
  { box, newId }: ApiDeps,
  sourceId: string,
  texts: readonly string[],
): NewSecret[] {
  return texts
    .toReversed()
    .map((text) => ({ id: newId('sec_'), sealed: box.seal(text, secretOwner(sourceId)) }));
}
