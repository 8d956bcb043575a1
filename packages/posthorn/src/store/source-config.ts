// A source as the gateway judges requests by it: one statement, so that its version belongs to exactly these secrets.
import type pg from 'pg';
import type { SecretBox } from './secret-box.ts';
import { secretOwner, settingsOwner } from './sources.ts';
import type { DeduplicateBy, SourceAnswer, SourceValidation } from './source-tables.ts';
import { hashOfToken } from './tokens.ts';

export interface SourceSecret {
  id: string;
  secret: string;
}

export interface SourceConfig {
  id: string;
  environmentId: string;
  /** A row of @posthorn/webhooks. */
  provider: string;
  version: string;
  /** Newest first. */
  secrets: readonly SourceSecret[];
  settings: Readonly<Record<string, string>>;
  /** Null: the provider's own. */
  toleranceSeconds: number | null;
  observe: boolean;
  allowedMethods: readonly string[];
  bodyMaxBytes: number;
  rateLimit: number | null;
  deduplicateBy: DeduplicateBy;
  validation: SourceValidation;
  /** How long a request waits for what an endpoint answers; null: not at all. */
  syncTimeoutMs: number | null;
  answer: SourceAnswer | null;
  /** Milliseconds until one of the secrets, or the path, ends; null when none does. */
  validForMs: number | null;
}

interface Row {
  id: string;
  environment_id: string;
  provider: string;
  version: string;
  settings_sealed: Buffer | null;
  tolerance_seconds: number | null;
  observe: boolean;
  allowed_methods: string[];
  body_max_bytes: number;
  rate_limit: number | null;
  deduplicate_by: DeduplicateBy;
  validation: SourceValidation;
  sync_timeout_ms: number | null;
  answer: SourceAnswer | null;
  secrets: { id: string; sealed: string }[];
  valid_for_ms: number | null;
}

const columns = `
  s.id, s.environment_id, s.provider, s.version, s.settings_sealed, s.tolerance_seconds, s.observe, s.allowed_methods,
  s.body_max_bytes, s.rate_limit, s.deduplicate_by, s.validation, s.sync_timeout_ms, s.answer, (
    select coalesce(json_agg(json_build_object('id', k.id, 'sealed', encode(k.secret_sealed, 'hex'))
      order by k.expires_at is not null, k.id desc), '[]')
    from posthorn.source_secret k where k.source_id = s.id and (k.expires_at is null or k.expires_at > now())
  ) as secrets`;
const secretsEnd = `(
    select min(k.expires_at) from posthorn.source_secret k where k.source_id = s.id and k.expires_at > now()
  )`;

const byPathSql = `
select ${columns}, (extract(epoch from least(p.expires_at, ${secretsEnd}) - now()) * 1000)::float8 as valid_for_ms
from posthorn.source_path p join posthorn.source s on s.id = p.source_id and s.deleted_at is null
where p.hash = $1 and (p.expires_at is null or p.expires_at > now())`;

const byIdSql = `
select ${columns}, (extract(epoch from ${secretsEnd} - now()) * 1000)::float8 as valid_for_ms
from posthorn.source s where s.environment_id = $1 and s.id = $2 and s.deleted_at is null`;

function configOf(row: Row, box: SecretBox): SourceConfig {
  const { id, settings_sealed: settings } = row;
  return {
    id,
    environmentId: row.environment_id,
    provider: row.provider,
    version: row.version,
    secrets: row.secrets.map((secret) => ({
      id: secret.id,
      secret: box.open(Buffer.from(secret.sealed, 'hex'), secretOwner(id)),
    })),
    settings: settings ? (JSON.parse(box.open(settings, settingsOwner(id))) as Record<string, string>) : {},
    toleranceSeconds: row.tolerance_seconds,
    observe: row.observe,
    allowedMethods: row.allowed_methods,
    bodyMaxBytes: row.body_max_bytes,
    rateLimit: row.rate_limit,
    deduplicateBy: row.deduplicate_by,
    validation: row.validation,
    syncTimeoutMs: row.sync_timeout_ms,
    answer: row.answer,
    validForMs: row.valid_for_ms,
  };
}

/** The source whose path ends in this token; undefined when there is none, or not any more. */
export async function findSourceByPath(
  pool: pg.Pool,
  box: SecretBox,
  token: string,
): Promise<SourceConfig | undefined> {
  const { rows } = await pool.query<Row>({
    name: 'source-by-path',
    text: byPathSql,
    values: [hashOfToken(token)],
  });
  return rows[0] && configOf(rows[0], box);
}

export async function findSourceById(
  pool: pg.Pool,
  box: SecretBox,
  environmentId: string,
  id: string,
): Promise<SourceConfig | undefined> {
  const { rows } = await pool.query<Row>({
    name: 'source-by-id',
    text: byIdSql,
    values: [environmentId, id],
  });
  return rows[0] && configOf(rows[0], box);
}
