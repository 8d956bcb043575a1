// What validates payloads: a schema of any library that speaks Standard Schema (https://standardschema.dev), or a validator
// that TypeBox has compiled, which does not speak it.

export type SchemaIssue = {
  readonly message: string;
  readonly path?: readonly (PropertyKey | { readonly key: PropertyKey })[] | undefined;
};

export type SchemaResult<Output> =
  | { readonly value: Output; readonly issues?: undefined }
  | { readonly issues: readonly SchemaIssue[] };

/** Version 1 of the interface, as far as it is used here. */
export type StandardSchema<Output = unknown> = {
  readonly '~standard': {
    readonly version: 1;
    readonly vendor: string;
    readonly validate: (value: unknown) => SchemaResult<Output> | Promise<SchemaResult<Output>>;
    readonly types?: { readonly input: unknown; readonly output: Output } | undefined;
  };
};

/** What TypeBox's `Compile(type)` gives, in a constant of its own: among options its type would be inferred from them. */
export type CompiledSchema<Output = unknown> = {
  Check(value: unknown): value is Output;
  Errors(value: unknown): Iterable<{ readonly message: string; readonly instancePath?: string }>;
};

export type PayloadSchema = StandardSchema | CompiledSchema;

/** What comes out of a schema. */
export type SchemaOutput<Schema> =
  Schema extends StandardSchema<infer Output>
    ? Output
    : Schema extends { Check(value: unknown): value is infer Output }
      ? Output
      : never;
