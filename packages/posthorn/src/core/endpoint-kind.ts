// Endpoints of other kinds than `http`: what the API asks of whoever knows them (delivery/connectors/), which server.ts
// hands in. `http` is the kind that signs and sends to a customer's URL, and has no configuration.

export const httpKind = 'http';

/** A field of a configuration that cannot be; `path` within it. The message follows the field's name. */
export interface ConfigProblem {
  path: readonly string[];
  message: string;
}

/** `target`: where deliveries go, in one line without a secret. */
export type CheckedConfig = { ok: true; target: string } | { ok: false; problems: readonly ConfigProblem[] };

export interface EndpointKind {
  readonly kind: string;
  /** It reaches inside, or acts as the operator: not for tokens of applications. */
  readonly forOperators: boolean;
  /** Its requests can carry what the endpoint authenticates with (`auth`). */
  readonly takesAuth: boolean;
  /** JSON Schema of a configuration. Its secrets are members of the outermost object. */
  readonly schema: object;
  /** Those of its members that are sealed and never shown. */
  readonly secretNames: readonly string[];
  /** Whether this configuration, which may not fit the schema, has a place for secrets; unless given, each has. */
  takesSecrets?(config: object): boolean;
  /** What the schema cannot say. `config` fits the schema. */
  check(config: object): Promise<CheckedConfig>;
}

/** By name, all but `http`. */
export type EndpointKinds = ReadonlyMap<string, EndpointKind>;
