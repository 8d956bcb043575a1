// From the OpenAPI document to the types of the client: one interface for each schema that an operation needs, and one
// table of all operations by method and path.

type Node = Record<string, unknown>;

interface Operation {
  summary: string;
  parameters?: { name: string; in: string; required: boolean; schema: Node }[];
  requestBody?: { required: boolean; content: { 'application/json': { schema: Node } } };
  responses: Record<string, { content?: { 'application/json': { schema: Node } } }>;
}

export interface Document {
  paths: Record<string, Record<string, Operation>>;
  components: { schemas: Record<string, Node> };
}

const simple: Readonly<Record<string, string>> = {
  string: 'string',
  integer: 'number',
  number: 'number',
  boolean: 'boolean',
  null: 'null',
};

const referenced = '#/components/schemas/';
const isNode = (value: unknown): value is Node => typeof value === 'object' && value !== null;
const keyOf = (name: string) => (/^[A-Za-z_$][\w$]*$/.test(name) ? name : JSON.stringify(name));
const union = (types: readonly string[]) => [...new Set(types)].join(' | ');

/** The type of a schema. Throws for what a schema of ours does not have. */
function typeOf(schema: unknown): string {
  if (!isNode(schema)) return 'unknown';
  const { $ref: reference, anyOf, type } = schema;
  if (typeof reference === 'string') return reference.slice(referenced.length);
  if ('const' in schema) return JSON.stringify(schema.const);
  if (Array.isArray(schema.enum)) return union(schema.enum.map((value) => JSON.stringify(value)));
  if (Array.isArray(anyOf)) return union(anyOf.map(typeOf));
  if (Array.isArray(type)) return union(type.map((one) => typeOf({ ...schema, type: one as unknown })));
  if (type === undefined) return 'unknown';
  if (type === 'array') return `Array<${typeOf(schema.items)}>`;
  if (type === 'object') return objectType(schema);
  const known = typeof type === 'string' ? simple[type] : undefined;
  if (known === undefined) throw new Error(`no type is known for ${JSON.stringify(schema)}`);
  return known;
}

function objectType({ properties, required, additionalProperties }: Node): string {
  const members = Object.entries(isNode(properties) ? properties : {});
  if (members.length > 0) {
    const needed = Array.isArray(required) ? required : [];
    const fields = members.map(([name, schema]) => field(name, typeOf(schema), needed.includes(name)));
    return `{ ${fields.join('; ')} }`;
  }
  if (isNode(additionalProperties)) return `Record<string, ${typeOf(additionalProperties)}>`;
  return additionalProperties === undefined ? 'Record<string, never>' : 'Record<string, unknown>';
}

const field = (name: string, type: string, isRequired: boolean) =>
  `${keyOf(name)}${isRequired ? '' : '?'}: ${type}`;

/** Members named `place` of what an operation is asked with; none where it takes none. */
function parametersOf({ parameters = [] }: Operation, place: 'path' | 'query'): string[] {
  const mine = parameters.filter((parameter) => parameter.in === place);
  if (mine.length === 0) return [];
  const fields = mine.map(({ name, required, schema }) => field(name, typeOf(schema), required));
  const name = place === 'path' ? 'params' : 'query';
  return [
    field(
      name,
      `{ ${fields.join('; ')} }`,
      mine.some(({ required }) => required),
    ),
  ];
}

function bodyOf({ requestBody }: Operation): string[] {
  if (requestBody === undefined) return [];
  return [field('body', typeOf(requestBody.content['application/json'].schema), requestBody.required)];
}

function answerOf({ responses }: Operation): string {
  const successes = Object.entries(responses).filter(([status]) => status.startsWith('2'));
  return union(
    successes.map(([status, { content }]) => {
      if (content) return typeOf(content['application/json'].schema);
      return status === '2XX' ? 'unknown' : 'undefined';
    }),
  );
}

/** The names of the components that a type mentions, and those that these mention. */
function reachable(text: string, components: ReadonlyMap<string, string>): Set<string> {
  const found = new Set<string>();
  const look = (type: string) => {
    for (const [name] of type.matchAll(/\b[A-Z]\w*\b/g)) {
      const component = components.get(name);
      if (component === undefined || found.has(name)) continue;
      found.add(name);
      look(component);
    }
  };
  look(text);
  return found;
}

/** The source of the module that the client takes its types from. */
export function clientTypes(document: Document): string {
  const operations = Object.entries(document.paths).flatMap(([path, item]) =>
    Object.entries(item).map(([method, operation]) => {
      const asked = [
        ...parametersOf(operation, 'path'),
        ...parametersOf(operation, 'query'),
        ...bodyOf(operation),
      ];
      const members = [...asked, `answer: ${answerOf(operation)}`].join('; ');
      const route = JSON.stringify(`${method.toUpperCase()} ${path}`);
      return `  /** ${operation.summary}. */\n  ${route}: { ${members} };`;
    }),
  );
  const schemas = Object.entries(document.components.schemas);
  const components = new Map(schemas.map(([name, schema]) => [name, typeOf(schema)]));
  const named = reachable(operations.join('\n'), components);
  const types = [...named].sort().map((name) => `export type ${name} = ${components.get(name) ?? 'never'};`);
  return [
    '// What every operation of the API takes and answers. Made of docs/openapi.json: `npm run openapi` writes it.',
    '',
    'export interface Operations {',
    ...operations,
    '}',
    '',
    types.join('\n\n'),
    '',
  ].join('\n');
}
