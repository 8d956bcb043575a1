// One application's endpoints with all that matching and sending need, read at one version.
import type pg from 'pg';
import type { EndpointAuth } from '../core/endpoint-auth.ts';
import { Filter } from '../core/filter.ts';
import type { SignatureHeaders } from '../core/headers.ts';
import type { Ordering } from '../core/ordering.ts';
import type { Transformation } from '../core/transformation.ts';
import { authOwner, configOwner, headersOwner, secretOwner } from './endpoints.ts';
import type { SecretBox } from './secret-box.ts';
import type { SignatureStyle } from './tables.ts';

export interface EndpointConfig {
  id: string;
  /** `http`, or what is done instead (delivery/connectors/). */
  kind: string;
  url: string;
  disabled: boolean;
  eventTypes: readonly string[] | null;
  channels: readonly string[] | null;
  signatureStyle: SignatureStyle;
  /** Attempts per second at most, over all processes. */
  throttleRate: number | null;
  /** Null: no order. */
  ordering: Ordering | null;
  /** The order is of each key, and not of the endpoint. */
  orderByKey: boolean;
  /** What happened before what was delivered last for its key is cancelled. */
  onlyNewer: boolean;
  /** Before each retry; empty: none. Null: the server's. */
  retryDelaysSeconds: readonly number[] | null;
  /** Of one attempt; null: the server's. */
  timeoutSeconds: number | null;
  /** Besides those of the style; null: none. */
  signatureHeaders: SignatureHeaders | null;
  /** Null: every message that matches otherwise. Compiled with the first message. */
  filter: Filter | null;
  /** Null: what was accepted is sent. */
  transformation: Transformation | null;
  /** Decrypts what only sending needs, so that matching a message costs nothing of it. */
  open(): OpenedEndpoint;
}

export interface OpenedEndpoint {
  headers: Readonly<Record<string, string>>;
  /** Newest first. `expiresAtMs` in Unix milliseconds; undefined for the current one. */
  secrets: readonly { secret: string; expiresAtMs: number | undefined }[];
  /** `version` changes whenever it is set. */
  auth?: { version: string; value: EndpointAuth };
  /** Of another kind than `http`; as its connector checked it. */
  config?: object;
}

export interface ApplicationConfig {
  applicationId: string;
  environmentId: string;
  uid: string | null;
  /** application.config_version: a bigint, kept as text. */
  version: string;
  /** Of a source, its version; null for what is none. */
  sourceVersion: string | null;
  /** Attempts per second to all endpoints together. */
  throttleRate: number | null;
  /** Some of its endpoints have an order. */
  hasOrder: boolean;
  /** Its messages are fetched, too: they get places in its feed. */
  hasPollers: boolean;
  /** Some of its endpoints have a filter. */
  hasFilter: boolean;
  endpoints: readonly EndpointConfig[];
  endpointsById: ReadonlyMap<string, EndpointConfig>;
}

interface EndpointRow {
  id: string;
  kind: string;
  config_sealed: string | null;
  url: string;
  disabled: boolean;
  event_types: string[] | null;
  channels: string[] | null;
  signature_style: SignatureStyle;
  throttle_rate: number | null;
  ordering: Ordering | null;
  order_by_key: boolean;
  only_newer: boolean;
  filter: string | null;
  transformation: Transformation | null;
  headers_sealed: string | null;
  retry_delays_seconds: number[] | null;
  timeout_seconds: number | null;
  signature_headers: SignatureHeaders | null;
  auth_sealed: string | null;
  secrets: { sealed: string; expires_at: string | null }[];
}

interface ConfigRow {
  id: string;
  environment_id: string;
  uid: string | null;
  config_version: string;
  source_version: string | null;
  throttle_rate: number | null;
  has_pollers: boolean;
  endpoints: EndpointRow[];
}

// One statement, so one snapshot: the version belongs to exactly these endpoints.
const configSql = (where: string) => `
select a.id, a.environment_id, a.uid, a.config_version, a.throttle_rate,
  (select s.version from posthorn.source s where s.id = a.id) as source_version,
  exists (select from posthorn.poller p where p.application_id = a.id and p.deleted_at is null) as has_pollers, coalesce((
  select json_agg(json_build_object(
    'id', e.id, 'kind', e.kind, 'config_sealed', encode(e.config_sealed, 'hex'),
    'url', e.url, 'disabled', e.disabled, 'event_types', e.event_types, 'channels', e.channels,
    'signature_style', e.signature_style, 'throttle_rate', e.throttle_rate, 'ordering', e.ordering,
    'order_by_key', e.order_by_key, 'only_newer', e.only_newer,
    'headers_sealed', encode(e.headers_sealed, 'hex'), 'auth_sealed', encode(e.auth_sealed, 'hex'),
    'retry_delays_seconds', e.retry_delays_seconds, 'timeout_seconds', e.timeout_seconds,
    'signature_headers', e.signature_headers,
    'filter', e.filter, 'transformation', (
      select json_build_object('code', t.code, 'language', t.language, 'variables', coalesce(t.variables, '{}'))
      from posthorn.endpoint_transformation t where t.endpoint_id = e.id and t.enabled and t.code is not null
    ),
    'secrets', (
      select coalesce(json_agg(json_build_object('sealed', encode(s.secret_sealed, 'hex'), 'expires_at', s.expires_at)
        order by s.expires_at is not null, s.id desc), '[]')
      from posthorn.endpoint_secret s
      where s.endpoint_id = e.id and (s.expires_at is null or s.expires_at > now())
    )) order by e.id)
  from posthorn.endpoint e where e.application_id = a.id and e.deleted_at is null
), '[]') as endpoints
from posthorn.application a where ${where} and a.deleted_at is null`;

// Key id, iv and tag: sealing the same text again gives others, so they tell one setting from the next.
const sealVersion = (hex: string) => hex.slice(0, 64);

function openEndpoint(row: EndpointRow, box: SecretBox): OpenedEndpoint {
  const open = (hex: string, owner: string) => box.open(Buffer.from(hex, 'hex'), owner);
  const { id, auth_sealed: auth, config_sealed: config } = row;
  return {
    headers: row.headers_sealed
      ? (JSON.parse(open(row.headers_sealed, headersOwner(row.id))) as Record<string, string>)
      : {},
    secrets: row.secrets.map(({ sealed, expires_at }) => ({
      secret: open(sealed, secretOwner(row.id)),
      expiresAtMs: expires_at === null ? undefined : Date.parse(expires_at),
    })),
    ...(auth === null
      ? {}
      : {
          auth: {
            version: sealVersion(auth),
            value: JSON.parse(open(auth, authOwner(id))) as EndpointAuth,
          },
        }),
    ...(config === null ? {} : { config: JSON.parse(open(config, configOwner(id))) as object }),
  };
}

function endpointConfig(row: EndpointRow, box: SecretBox): EndpointConfig {
  return {
    id: row.id,
    kind: row.kind,
    url: row.url,
    disabled: row.disabled,
    eventTypes: row.event_types,
    channels: row.channels,
    signatureStyle: row.signature_style,
    throttleRate: row.throttle_rate,
    ordering: row.ordering,
    orderByKey: row.order_by_key,
    onlyNewer: row.only_newer,
    retryDelaysSeconds: row.retry_delays_seconds,
    timeoutSeconds: row.timeout_seconds,
    signatureHeaders: row.signature_headers,
    filter: row.filter === null ? null : new Filter(row.filter),
    transformation: row.transformation,
    open: () => openEndpoint(row, box),
  };
}

function applicationConfig(row: ConfigRow, box: SecretBox): ApplicationConfig {
  const endpoints = row.endpoints.map((endpoint) => endpointConfig(endpoint, box));
  return {
    applicationId: row.id,
    environmentId: row.environment_id,
    uid: row.uid,
    version: row.config_version,
    sourceVersion: row.source_version,
    throttleRate: row.throttle_rate,
    hasOrder: endpoints.some(({ ordering }) => ordering !== null),
    hasPollers: row.has_pollers,
    hasFilter: endpoints.some(({ filter }) => filter !== null),
    endpoints,
    endpointsById: new Map(endpoints.map((endpoint) => [endpoint.id, endpoint])),
  };
}

/** By id or uid, within an environment; undefined when unknown or deleted. */
export async function findApplicationConfig(
  pool: pg.Pool,
  box: SecretBox,
  environmentId: string,
  idOrUid: string,
): Promise<ApplicationConfig | undefined> {
  const { rows } = await pool.query<ConfigRow>({
    name: 'find-application-config',
    text: configSql('a.environment_id = $1 and (a.id = $2 or a.uid = $2) and not a.operational'),
    values: [environmentId, idOrUid],
  });
  const row = rows.find((candidate) => candidate.id === idOrUid) ?? rows[0];
  return row && applicationConfig(row, box);
}

/** `database`: the pool, or the connection of a transaction. */
export async function loadApplicationConfig(
  database: Pick<pg.ClientBase, 'query'>,
  box: SecretBox,
  applicationId: string,
): Promise<ApplicationConfig | undefined> {
  const { rows } = await database.query<ConfigRow>({
    name: 'load-application-config',
    text: configSql('a.id = $1'),
    values: [applicationId],
  });
  return rows[0] && applicationConfig(rows[0], box);
}

/** The current version, or undefined when the application is deleted. */
export async function currentConfigVersion(
  pool: pg.Pool,
  applicationId: string,
): Promise<string | undefined> {
  const { rows } = await pool.query<{ config_version: string }>({
    name: 'current-config-version',
    text: 'select config_version from posthorn.application where id = $1 and deleted_at is null',
    values: [applicationId],
  });
  return rows[0]?.config_version;
}

/**
 * Keeps the application and its endpoints as they are until the transaction ends: whoever changes one of them changes
 * the application's version first, and waits.
 */
export async function holdApplicationConfig(client: pg.ClientBase, applicationId: string): Promise<void> {
  await client.query('select from posthorn.application where id = $1 for share', [applicationId]);
}
