// From the OpenAPI document to what an answer must look like.

interface Operation {
  operationId: string;
  responses: Record<string, { $ref?: string; content?: { 'application/json': { schema: object } } }>;
}

export interface DescribedAnswer {
  operationId: string;
  /** With every reference resolved, and no member but those that it names; undefined for an answer without a body. */
  schema: object | undefined;
}

export interface DescribedAnswers {
  /** `unknown_route` also for routes whose answers the document leaves open. */
  find(method: string, path: string, status: number): DescribedAnswer | 'unknown_route' | 'unknown_status';
}

type Node = Record<string, unknown>;

function isNode(value: unknown): value is Node {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** The value that a reference such as `#/components/schemas/X` names. */
function resolveReference(document: unknown, reference: string): unknown {
  const names = reference.split('/').slice(1);
  return names.reduce<unknown>((at, name) => (isNode(at) ? at[name] : undefined), document);
}

function strict(document: unknown, value: unknown): unknown {
  if (Array.isArray(value)) return value.map((item) => strict(document, item));
  if (!isNode(value)) return value;
  if (typeof value.$ref === 'string') return strict(document, resolveReference(document, value.$ref));
  const members = Object.entries(value).map(([name, member]) => [name, strict(document, member)] as const);
  const schema: Node = Object.fromEntries(members);
  const names = isNode(value.properties) ? Object.keys(value.properties) : [];
  const isClosed =
    names.length > 0 && typeof value.type !== 'undefined' && !('additionalProperties' in value);
  return isClosed ? { ...schema, additionalProperties: false } : schema;
}

function pattern(path: string): RegExp {
  return new RegExp(`^${path.replaceAll(/\{\w+\}/g, '[^/]+')}$`);
}

export function readAnswers(document: Record<string, unknown>): DescribedAnswers {
  const paths = Object.entries(document.paths as Record<string, Record<string, Operation>>)
    // A path without parameters wins over one with them.
    .toSorted(([a], [b]) => a.split('{').length - b.split('{').length)
    .map(([path, item]) => ({ matches: pattern(path), item }));
  return {
    find(method, path, status) {
      const operation = paths.find(({ matches, item }) => matches.test(path) && method.toLowerCase() in item)
        ?.item[method.toLowerCase()];
      if (operation === undefined) return 'unknown_route';
      const { operationId, responses } = operation;
      const found = responses[status];
      if (found === undefined) return '2XX' in responses && status < 300 ? 'unknown_route' : 'unknown_status';
      const response = (
        found.$ref === undefined ? found : resolveReference(document, found.$ref)
      ) as Operation['responses'][string];
      const schema = response.content?.['application/json'].schema;
      return { operationId, schema: schema === undefined ? undefined : (strict(document, schema) as object) };
    },
  };
}
