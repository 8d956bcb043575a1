// The OpenAPI document as a page for people: one HTML file without script, without anything from elsewhere.
import { isJsonObject, textOf } from './schemas.ts';
import type { Json, JsonObject } from './schemas.ts';

export const referenceStyle = `
:root{color-scheme:light dark;--line:#8884;--soft:#8881;--blue:#2563eb;--text:ui-sans-serif,system-ui,sans-serif}
*{box-sizing:border-box}body{margin:0;font:15px/1.5 var(--text);display:grid;grid-template-columns:17rem 1fr}
nav{position:sticky;top:0;height:100vh;overflow:auto;padding:1rem;border-right:1px solid var(--line);font-size:13px}
nav ul{list-style:none;margin:0 0 1rem;padding:0}nav a,main a{color:inherit;text-decoration:none}
nav a:hover,main a:hover{text-decoration:underline}nav h2{font-size:13px;margin:0}
main{padding:1rem 2rem 6rem;max-width:60rem;min-width:0}h1{margin-top:0}
article{border-top:1px solid var(--line);padding:1rem 0}article h3{margin:0 0 .25rem;overflow-wrap:anywhere}
code{font:13px/1.5 ui-monospace,monospace}pre{background:var(--soft);padding:.75rem;overflow:auto;border-radius:6px}
b.method{color:var(--blue);font:600 13px ui-monospace,monospace;margin-right:.5rem}
table{border-collapse:collapse;width:100%;font-size:13px}td,th{border-top:1px solid var(--line);padding:.25rem .5rem;
text-align:left;vertical-align:top}summary{cursor:pointer}
@media(max-width:50rem){body{display:block}nav{position:static;height:auto;border:0}main{padding:1rem}}
`;

function escape(text: string): string {
  return text
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll('>', '&gt;')
    .replaceAll('"', '&quot;');
}

/** Text of the document: what stands in backticks is code. */
function prose(text: Json | undefined): string {
  return typeof text === 'string' ? escape(text).replaceAll(/`([^`]+)`/g, '<code>$1</code>') : '';
}

function objectOf(value: Json | undefined): JsonObject {
  return isJsonObject(value) ? value : {};
}

function listOf(value: Json | undefined): JsonObject[] {
  return Array.isArray(value) ? value.filter((item) => isJsonObject(item)) : [];
}

/** A schema in a few words, with links to what has a name. */
function typeText(value: Json | undefined): string {
  const schema = objectOf(value);
  if (typeof schema.$ref === 'string') {
    const name = escape(schema.$ref.split('/').at(-1) ?? '');
    return `<a href="#schema-${name}">${name}</a>`;
  }
  if (Array.isArray(schema.enum)) {
    return schema.enum.map((one) => `<code>${escape(JSON.stringify(one))}</code>`).join(' ');
  }
  if (Array.isArray(schema.anyOf)) return schema.anyOf.map(typeText).join(' or ');
  if ('items' in schema) return `list of ${typeText(schema.items)}`;
  const types = [schema.type ?? 'anything'].flat().map(String);
  return escape(types.map((type) => (type === 'string' ? textOf(schema.format ?? type) : type)).join(' or '));
}

function limitsText(value: Json | undefined): string {
  const schema = objectOf(value);
  const names = ['minimum', 'maximum', 'minLength', 'maxLength', 'minItems', 'maxItems', 'pattern'];
  const limits = names.filter((name) => name in schema);
  return limits.map((name) => `${name} <code>${escape(textOf(schema[name]))}</code>`).join(', ');
}

function rowOf(name: string, required: boolean, schema: Json | undefined, note: Json | undefined): string {
  const must = required ? ' <small>required</small>' : '';
  const more = [prose(note), limitsText(schema)].filter((text) => text !== '').join('<br>');
  return `<tr><td><code>${escape(name)}</code>${must}</td><td>${typeText(schema)}</td><td>${more}</td></tr>`;
}

function propertyTable(schema: JsonObject): string {
  const required = Array.isArray(schema.required) ? schema.required : [];
  const rows = Object.entries(objectOf(schema.properties)).map(([name, property]) =>
    rowOf(name, required.includes(name), property, objectOf(property).description),
  );
  return rows.length === 0 ? '' : `<table>${rows.join('')}</table>`;
}

function contentSchema(value: Json | undefined): Json | undefined {
  return objectOf(objectOf(objectOf(value).content)['application/json']).schema;
}

function bodyOf(operation: JsonObject): string {
  const schema = contentSchema(operation.requestBody);
  if (schema === undefined) return '';
  return `<p>Body: ${typeText(schema)}</p>${propertyTable(objectOf(schema))}`;
}

function answersOf(operation: JsonObject): string {
  const answers = Object.entries(objectOf(operation.responses));
  const rows = answers
    .filter(([status]) => status.startsWith('2'))
    .map(([status, answer]) => {
      const schema = contentSchema(answer);
      const what = schema === undefined ? prose(objectOf(answer).description) : typeText(schema);
      return `<p>Answers <code>${escape(status)}</code>: ${what}</p>`;
    });
  const problems = answers.map(([status]) => status).filter((status) => !status.startsWith('2'));
  const codes = problems.map((status) => `<a href="#problem-${status}">${status}</a>`).join(' ');
  return `${rows.join('')}<p>Problems: ${codes}</p>`;
}

function operationHtml(path: string, method: string, operation: JsonObject): string {
  const id = escape(textOf(operation.operationId));
  const parameters = listOf(operation.parameters).map((parameter) =>
    rowOf(
      `${textOf(parameter.name)} (${textOf(parameter.in)})`,
      parameter.required === true,
      parameter.schema,
      parameter.description,
    ),
  );
  const open = Array.isArray(operation.security) ? '<p>No token needed.</p>' : '';
  return `<article id="${id}"><h3><a href="#${id}">${prose(operation.summary)}</a></h3>
<p><b class="method">${method.toUpperCase()}</b><code>${escape(path)}</code></p>
<p>${prose(operation.description)}</p>${open}
${parameters.length === 0 ? '' : `<table>${parameters.join('')}</table>`}
${bodyOf(operation)}${answersOf(operation)}</article>`;
}

interface Described {
  path: string;
  method: string;
  operation: JsonObject;
}

function operationsByTag(document: JsonObject): Map<string, Described[]> {
  const byTag = new Map<string, Described[]>();
  for (const [path, item] of Object.entries(objectOf(document.paths))) {
    for (const [method, value] of Object.entries(objectOf(item))) {
      const operation = objectOf(value);
      const tag = [operation.tags ?? ''].flat().map(String)[0] ?? '';
      byTag.set(tag, [...(byTag.get(tag) ?? []), { path, method, operation }]);
    }
  }
  return new Map([...byTag].toSorted(([a], [b]) => (a < b ? -1 : 1)));
}

function navigation(byTag: Map<string, Described[]>): string {
  const groups = [...byTag].map(([tag, operations]) => {
    const links = operations.map(
      ({ operation }) =>
        `<li><a href="#${escape(textOf(operation.operationId))}">${prose(operation.summary)}</a></li>`,
    );
    return `<h2>${escape(tag)}</h2><ul>${links.join('')}</ul>`;
  });
  return `<nav aria-label="Operations">${groups.join('')}<h2><a href="#schemas">Schemas</a></h2></nav>`;
}

function schemasHtml(document: JsonObject): string {
  const schemas = Object.entries(objectOf(objectOf(document.components).schemas)).map(
    ([name, schema]) =>
      `<article id="schema-${escape(name)}"><h3>${escape(name)}</h3><p>${prose(objectOf(schema).description)}</p>
${propertyTable(objectOf(schema))}</article>`,
  );
  return `<h2 id="schemas">Schemas</h2>${schemas.join('')}`;
}

function problemsHtml(document: JsonObject): string {
  const responses = Object.entries(objectOf(objectOf(document.components).responses));
  const rows = responses.map(([name, response]) => {
    const status = escape(name.replace('Problem', ''));
    return `<tr id="problem-${status}"><td>${status}</td><td>${prose(objectOf(response).description)}</td></tr>`;
  });
  return `<h2>Problems</h2><table>${rows.join('')}</table>`;
}

/** The whole page. Its only style is `referenceStyle`. */
export function referencePage(document: JsonObject): string {
  const info = objectOf(document.info);
  const byTag = operationsByTag(document);
  const sections = [...byTag].map(([tag, operations]) => {
    const articles = operations.map(({ path, method, operation }) => operationHtml(path, method, operation));
    return `<section><h2>${escape(tag)}</h2>${articles.join('')}</section>`;
  });
  return `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>${prose(info.title)} API</title><style>${referenceStyle}</style></head><body>
${navigation(byTag)}
<main><h1>${prose(info.title)} API ${prose(info.version)}</h1>
<p>${prose(info.description)}</p>
<p>Every request carries <code>authorization: Bearer &lt;token&gt;</code>; bodies are JSON. The same as
<a href="/api/v1/openapi.json">OpenAPI 3.1</a>.</p>
${sections.join('')}${problemsHtml(document)}${schemasHtml(document)}</main></body></html>
`;
}
