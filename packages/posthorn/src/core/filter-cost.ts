// What a filter may call, and what evaluating it can cost at most. CEL has no endless loops, but loops over lists can
// be nested, lists can be compared as a whole, and a regular expression can take for ever: the library bounds none.
import type { ASTNode } from '@marcbachmann/cel-js';

/** How large a message is, as far as it decides the cost. */
export interface CostFacts {
  /** Every element and member counts. */
  values: number;
  textMaxChars: number;
  /** All of its text. */
  chars: number;
}

export interface Forbidden {
  message: string;
  /** From 0. */
  start: number;
}

const loops = new Set(['all', 'exists', 'exists_one', 'filter']);
const textMethods = new Set([
  'startsWith',
  'endsWith',
  'contains',
  'lowerAscii',
  'upperAscii',
  'trim',
  'size',
]);
// Not 'duration': cel-js reads its text with a pattern that is cubic in the digits.
const functions = new Set([
  'has',
  'size',
  'int',
  'uint',
  'double',
  'string',
  'bool',
  'timestamp',
  'type',
  'dyn',
]);
// Without a time zone: resolving one takes Intl, which is slow.
const timePart =
  /^get(Date|DayOfMonth|DayOfWeek|DayOfYear|FullYear|Hours|Milliseconds|Minutes|Month|Seconds)$/;
// Every `+` can double what it is given.
const plusMax = 6;

// What a comparison looks at in one unit of cost.
const charsPerUnit = 64;
const callUnits = 5;
const stepUnits = 2;

type Call = { name: string; receiver: ASTNode | undefined; args: ASTNode[] };

function callOf(node: ASTNode): Call | undefined {
  if (node.op === 'call') return { name: node.args[0], receiver: undefined, args: node.args[1] };
  if (node.op === 'rcall') return { name: node.args[0], receiver: node.args[1], args: node.args[2] };
  return undefined;
}

const isNode = (value: unknown): value is ASTNode =>
  typeof value === 'object' && value !== null && 'op' in value && 'args' in value;

function nodesIn(args: unknown): ASTNode[] {
  if (isNode(args)) return [args];
  return Array.isArray(args) ? args.flatMap(nodesIn) : [];
}

const childrenOf = (node: ASTNode): ASTNode[] => (node.op === 'value' ? [] : nodesIn(node.args));

/** The node and all below it. */
function* walk(node: ASTNode): Generator<ASTNode> {
  yield node;
  for (const child of childrenOf(node)) yield* walk(child);
}

function mayCall({ name, receiver, args }: Call): boolean {
  if (receiver === undefined) return functions.has(name);
  if (timePart.test(name)) return args.length === 0;
  return loops.has(name) || textMethods.has(name);
}

/** The first part of an expression that a filter may not have. */
export function forbiddenPart(ast: ASTNode): Forbidden | undefined {
  let plusCount = 0;
  for (const node of walk(ast)) {
    const call = callOf(node);
    if (call && !mayCall(call)) {
      const instead = call.name === 'matches' ? ': use startsWith, endsWith or contains' : '';
      return { message: `${call.name}() is not offered in filters${instead}`, start: node.start };
    }
    if (node.op === '+') plusCount += 1;
    if (plusCount > plusMax) return { message: `has more than ${plusMax} times +`, start: node.start };
  }
  return undefined;
}

const isScalarLiteral = (node: ASTNode): boolean =>
  node.op === 'value' || (node.op === '-_' && node.args.op === 'value');

/** The largest values that the expression can build of the message: the same for each of its parts, to be simple. */
function grown(ast: ASTNode, facts: CostFacts): CostFacts {
  let doublings = 1;
  let references = 1;
  let nodes = 0;
  for (const node of walk(ast)) {
    nodes += 1;
    if (node.op === '+') doublings *= 2;
    if (node.op === 'list' || node.op === 'map')
      references += childrenOf(node).filter((child) => !isScalarLiteral(child)).length;
  }
  const textMaxChars = (facts.textMaxChars + ast.input.length) * doublings;
  const values = (facts.values + nodes) * doublings * references;
  return { values, textMaxChars, chars: (facts.chars + ast.input.length) * doublings * references };
}

/** Of comparing any two values as a whole. */
const comparison = ({ values, chars }: CostFacts) => values + chars / charsPerUnit;
const reading = ({ textMaxChars }: CostFacts) => 1 + textMaxChars / charsPerUnit;

const sum = (nodes: readonly ASTNode[], facts: CostFacts): number =>
  nodes.reduce((total, node) => total + cost(node, facts), 0);

function costOfCall({ name, receiver, args }: Call, facts: CostFacts): number {
  const given = sum(receiver ? [receiver, ...args] : args, facts);
  if (receiver && loops.has(name))
    return cost(receiver, facts) + facts.values * (stepUnits + sum(args, facts));
  if (name !== 'contains') return callUnits + given + reading(facts);
  const [sought] = args;
  const isLiteral = sought?.op === 'value' && typeof sought.args === 'string';
  const soughtChars = isLiteral ? sought.args.length : facts.textMaxChars;
  return given + reading(facts) * (1 + soughtChars / charsPerUnit);
}

const orders = new Set<string>(['<', '<=', '>', '>=']);

function costOfOperator(node: ASTNode, facts: CostFacts): number {
  const sides = childrenOf(node);
  const meetsLiteral = sides.some(isScalarLiteral);
  if (node.op === '==' || node.op === '!=') return meetsLiteral ? 1 : comparison(facts);
  if (orders.has(node.op)) return meetsLiteral ? 1 : reading(facts);
  if (node.op === '+') return reading(facts) + facts.values;
  if (node.op !== 'in') return 1;
  const choices = sides[1]?.op === 'list' ? childrenOf(sides[1]) : [];
  return choices.length > 0 && choices.every(isScalarLiteral) ? choices.length : comparison(facts);
}

function cost(node: ASTNode, facts: CostFacts): number {
  const call = callOf(node);
  if (call) return costOfCall(call, facts);
  return costOfOperator(node, facts) + sum(childrenOf(node), facts);
}

/** The units that evaluating the expression over such a message takes at most; one is about 0.1 microseconds. */
export function costOf(ast: ASTNode, facts: CostFacts): number {
  return cost(ast, grown(ast, facts));
}
