// The reference's types of destinations, as endpoints: what each is called here, and how its configuration is written.
import { httpKind } from '../core/endpoint-kind.ts';
import type { EndpointRow } from '../store/endpoints.ts';
import { invalidField } from './problems.ts';

export type Config = Record<string, unknown>;

/** `url` and `headers` are for kind http; `config` is for the others. Undefined: not given. */
export interface DestinationTarget {
  url?: string;
  headers?: unknown;
  secret?: unknown;
  config?: Config;
}

export interface DestinationType {
  kind: string;
  /** From the reference's configuration, whole or (of a patch) in part. Throws 422. */
  read(config: Config, isWhole: boolean): DestinationTarget;
  /** What is shown of an endpoint; of kind http, without its headers. */
  show(endpoint: EndpointRow): Config;
}

/** The columns of a row: the reference does not say what its own are called. */
const eventColumns = { id: 'id', event_type: 'eventType', payload: 'payload', created_at: 'timestamp' };

export const destinationTypes: Readonly<Record<string, DestinationType>> = {
  fifoEndpoint: {
    kind: httpKind,
    read({ url, headers, key, ...rest }) {
      checkKnown(rest);
      return {
        ...(url === undefined ? {} : { url: textOf('url', url) }),
        ...(headers === undefined ? {} : { headers }),
        ...(key === undefined || key === null ? {} : { secret: textOf('key', key) }),
      };
    },
    show: ({ url }) => ({ url }),
  },
  rabbitMq: {
    kind: 'rabbitmq',
    read({ uri, routingKey, ...rest }) {
      checkKnown(rest);
      return {
        config: {
          ...(uri === undefined ? {} : withoutPassword('uri', textOf('uri', uri))),
          ...(routingKey === undefined ? {} : { routingKey }),
        },
      };
    },
    show: ({ config_shown: config }) => ({ routingKey: memberOf(config, 'routingKey') }),
  },
  sqs: {
    kind: 'sqs',
    read({ roleArn, externalId, ...config }) {
      checkKnown({ ...(roleArn ? { roleArn } : {}), ...(externalId ? { externalId } : {}) });
      return { config };
    },
    show: ({ config_shown: config }) => ({ ...config }),
  },
  postgres: {
    kind: 'postgres',
    read({ tableName, ...config }, isWhole) {
      const table = tableName === undefined ? {} : { table: tableName };
      return { config: { ...config, ...table, ...(isWhole ? { columns: eventColumns, key: ['id'] } : {}) } };
    },
    show: ({ config_shown: config }) => ({
      url: memberOf(config, 'url'),
      tableName: memberOf(config, 'table'),
      sslRootCert: memberOf(config, 'sslRootCert') ?? null,
    }),
  },
};

/** The reference's name for what the endpoint is; undefined when it has none. Destinations get their messages in order. */
export function destinationTypeOf({ kind, ordering, order_by_key }: EndpointRow): string | undefined {
  if (ordering !== 'block' || order_by_key) return undefined;
  return Object.keys(destinationTypes).find((type) => destinationTypes[type]?.kind === kind);
}

/** The reference has the password in the URI; here it is a member of its own. */
function withoutPassword(name: string, text: string): Config {
  if (!URL.canParse(text)) throw invalidField(`config.${name}`, 'is not a URI');
  const url = new URL(text);
  const password = decodeURIComponent(url.password);
  url.password = '';
  return { url: url.href, ...(password === '' ? {} : { password }) };
}

function textOf(name: string, value: unknown): string {
  if (typeof value !== 'string') throw invalidField(`config.${name}`, 'must be a text', 'type_error');
  return value;
}

function checkKnown(rest: Config): void {
  const [name] = Object.keys(rest);
  if (name !== undefined) throw invalidField(`config.${name}`, 'is not supported here');
}

function memberOf(config: object | null, name: string): unknown {
  return config === null ? undefined : (Reflect.get(config, name) as unknown);
}
