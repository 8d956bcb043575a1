// What a TypeScript file imports, exports and reads from the world, taken from its syntax tree: a word in a comment or
// a string is none of these. The tree is that of vitest's own parser, as the compiler's package exposes none that is stable.
import { parseAst } from 'vitest/node';

export interface Import {
  readonly specifier: string;
  /** Gone after compilation: `import type`, `export type … from`, `import('…').T`. */
  readonly isType: boolean;
}

/** Collected over one file; the lists are in the order of the text. */
export interface Facts {
  /** What is imported or re-exported, also by type, also dynamically, as written. */
  readonly imports: Import[];
  /** Globals it reads, as written: `Date.now`, `process.env`; `Date()` for the current time by call or `new`. */
  readonly reads: string[];
  /** Ways in which it lets time pass, in words. */
  readonly sleeps: string[];
  exportsStar: boolean;
  exportsDefault: boolean;
  exportsFrom: boolean;
}

interface Node {
  readonly type: string;
  readonly [field: string]: unknown;
}

const watchedObjects = new Set(['Date', 'Math', 'console', 'crypto', 'performance', 'process']);
const watchedCalls = new Set(['fetch', 'setTimeout', 'setInterval', 'setImmediate', 'queueMicrotask']);
const valueFields: Readonly<Record<string, readonly string[]>> = {
  ArrowFunctionExpression: ['body'],
  AssignmentExpression: ['right'],
  AssignmentPattern: ['right'],
  CallExpression: ['arguments'],
  ConditionalExpression: ['consequent', 'alternate'],
  LogicalExpression: ['left', 'right'],
  NewExpression: ['arguments'],
  ReturnStatement: ['argument'],
  SpreadElement: ['argument'],
  TSAsExpression: ['expression'],
  VariableDeclarator: ['init'],
};

/** Throws a SyntaxError where `source` is no TypeScript. */
export function readFacts(source: string): Facts {
  const facts: Facts = {
    imports: [],
    reads: [],
    sleeps: [],
    exportsStar: false,
    exportsDefault: false,
    exportsFrom: false,
  };
  walk(parseAst(source, { lang: 'ts' }) as unknown as Node, (node, parent) => {
    readModule(node, facts);
    readGlobals(node, parent, facts);
    readSleeps(node, facts);
  });
  return facts;
}

function walk(node: Node, visit: (node: Node, parent: Node | undefined) => void, parent?: Node): void {
  visit(node, parent);
  for (const value of Object.values(node)) {
    for (const child of Array.isArray(value) ? (value as unknown[]) : [value]) {
      if (isNode(child)) walk(child, visit, node);
    }
  }
}

function isNode(value: unknown): value is Node {
  return typeof value === 'object' && value !== null && 'type' in value && typeof value.type === 'string';
}

function readModule(node: Node, facts: Facts): void {
  const { source } = node;
  const isType = node.type === 'TSImportType' || [node['importKind'], node['exportKind']].includes('type');
  const add = (specifier: string) => facts.imports.push({ specifier, isType });
  // ImportDeclaration, ImportExpression, TSImportType, and the exports that name another file.
  if (isNode(source) && 'value' in source) add(String(source['value']));
  if (isNode(source) && source.type === 'TemplateLiteral') add('a computed name');
  const required = node.type === 'TSExternalModuleReference' ? node['expression'] : undefined;
  if (isNode(required)) add(String(required['value']));
  facts.exportsStar ||= node.type === 'ExportAllDeclaration';
  facts.exportsDefault ||= node.type === 'ExportDefaultDeclaration';
  facts.exportsFrom ||= node.type === 'ExportNamedDeclaration' && isNode(source);
}

function readGlobals(node: Node, parent: Node | undefined, facts: Facts): void {
  if (node.type === 'MemberExpression') {
    const object = nameOf(node['object']);
    if (watchedObjects.has(object)) facts.reads.push(`${object}.${propertyOf(node)}`);
    return;
  }
  const isCall = node.type === 'CallExpression' || node.type === 'NewExpression';
  if (isCall) {
    const callee = nameOf(node['callee']);
    if (watchedCalls.has(callee)) facts.reads.push(callee);
    const isNow = node.type === 'CallExpression' || (node['arguments'] as unknown[]).length === 0;
    if (callee === 'Date' && isNow) facts.reads.push('Date()');
  }
  // `const { env } = process` and `read(process)` take the whole of it.
  if (node.type === 'Identifier' && node['name'] === 'process' && isValueOf(node, parent))
    facts.reads.push('process');
}

/** True where an identifier is an expression of its own, and not the name of a field, a type or a parameter. */
function isValueOf(node: Node, parent: Node | undefined): boolean {
  return (valueFields[parent?.type ?? ''] ?? []).some((field) => [parent?.[field]].flat().includes(node));
}

/** `process` for process and for globalThis.process. */
function nameOf(node: unknown): string {
  if (!isNode(node)) return '';
  if (node.type === 'Identifier') return String(node['name']);
  const isGlobal = node.type === 'MemberExpression' && nameOf(node['object']) === 'globalThis';
  return isGlobal ? propertyOf(node) : '';
}

function propertyOf(member: Node): string {
  const property = member['property'] as { name?: string; value?: string };
  return property.name ?? property.value ?? '?';
}

/** A test sleeps when time alone lets it go on: a promise that a timer resolves, or Node's promise timers. */
function readSleeps(node: Node, facts: Facts): void {
  const { source } = node;
  if (isNode(source) && /^(node:)?timers\/promises$/.test(String(source['value']))) {
    facts.sleeps.push(`imports ${String(source['value'])}`);
  }
  const [executor] =
    node.type === 'NewExpression' && nameOf(node['callee']) === 'Promise' ? argumentsOf(node) : [];
  const resolveName = nameOf((executor?.['params'] as unknown[] | undefined)?.[0]);
  if (executor && resolveName) {
    walk(executor, (inner) => {
      if (isTimerThatCalls(inner, resolveName)) facts.sleeps.push('a promise that a timer resolves');
    });
  }
  const isPromisified = node.type === 'CallExpression' && nameOf(node['callee']) === 'promisify';
  if (isPromisified && nameOf(argumentsOf(node)[0]) === 'setTimeout')
    facts.sleeps.push('a promisified timer');
}

function isTimerThatCalls(node: Node, name: string): boolean {
  if (node.type !== 'CallExpression' || nameOf(node['callee']) !== 'setTimeout') return false;
  const [callback] = argumentsOf(node);
  if (!callback) return false;
  let calls = nameOf(callback) === name;
  walk(callback, (inner) => {
    calls ||= inner.type === 'CallExpression' && nameOf(inner['callee']) === name;
  });
  return calls;
}

function argumentsOf(call: Node): Node[] {
  return (call['arguments'] as unknown[]).filter(isNode);
}
