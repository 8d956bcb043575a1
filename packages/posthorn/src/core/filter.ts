// An endpoint's filter: a CEL expression over one message. Everything about it is bounded: its length, what it may
// call, and what it may cost over the payload at hand.
import {
  type ASTNode,
  Environment,
  EvaluationError,
  ParseError,
  TypeError as CelTypeError,
} from '@marcbachmann/cel-js';
import type { Cancellation } from './cancellation.ts';
import { costOf, type CostFacts, forbiddenPart } from './filter-cost.ts';
import { payloadValue } from './payload-value.ts';

export const filterMaxChars = 2_048;

const nodesMax = 200;
const depthMax = 24;
const listElementsMax = 100;
const mapEntriesMax = 50;
const argumentsMax = 4;

// A unit is about a tenth of a microsecond. One message's filters share the budget: more would hold up everyone else.
const costPerFilterMax = 300_000;
const costPerMessageMax = 3_000_000;

// Homogeneous lists are an idea of protocol buffers: `payload.id in [1, "one"]` is fine.
const environment = new Environment({
  homogeneousAggregateLiterals: false,
  limits: {
    maxAstNodes: nodesMax,
    maxDepth: depthMax,
    maxListElements: listElementsMax,
    maxMapEntries: mapEntriesMax,
    maxCallArguments: argumentsMax,
  },
})
  .registerVariable('payload', 'dyn')
  .registerVariable('eventType', 'string')
  .registerVariable('eventId', 'dyn')
  .registerVariable('channels', 'list<string>')
  .registerVariable('tags', 'list<string>');

/** What is wrong with an expression: a sentence part, and where, counted from 1; undefined: nowhere in particular. */
export interface FilterProblem {
  message: string;
  position: number | undefined;
}

interface Compiled {
  run(context: Record<string, unknown>): unknown;
  ast: ASTNode;
  /** What it costs over any message; undefined when that depends on the message. */
  fixedCost: number | undefined;
}

const smallest: CostFacts = { values: 0, textMaxChars: 0, chars: 0 };
const larger: CostFacts = { values: 1_000, textMaxChars: 1_000, chars: 1_000 };

function fixedCostOf(ast: ASTNode): number | undefined {
  const units = costOf(ast, smallest);
  return units === costOf(ast, larger) ? units : undefined;
}

function problemOf(error: unknown): FilterProblem {
  if (error instanceof ParseError || error instanceof CelTypeError || error instanceof EvaluationError) {
    const { summary, range } = error;
    return { message: summary, position: range === undefined ? undefined : range.start + 1 };
  }
  return { message: 'cannot be read', position: undefined };
}

function compile(expression: string): Compiled | FilterProblem {
  if (expression.length > filterMaxChars) {
    return { message: `is longer than ${filterMaxChars} characters`, position: undefined };
  }
  try {
    const run = environment.parse(expression);
    const forbidden = forbiddenPart(run.ast);
    if (forbidden) return { message: forbidden.message, position: forbidden.start + 1 };
    const { valid, type, error } = run.check();
    if (!valid) return problemOf(error);
    if (type !== 'bool' && type !== 'dyn') {
      return { message: `must be true or false, and is a ${type ?? 'value'}`, position: 1 };
    }
    return { run, ast: run.ast, fixedCost: fixedCostOf(run.ast) };
  } catch (error) {
    return problemOf(error);
  }
}

/** What is wrong with the expression; undefined when it can be an endpoint's filter. */
export function checkFilter(expression: string): FilterProblem | undefined {
  const compiled = compile(expression);
  return 'message' in compiled ? compiled : undefined;
}

/** The parts of a message that a filter sees. */
export interface FilteredMessage {
  eventType: string;
  eventId?: string | undefined;
  channels?: readonly string[] | undefined;
  tags?: readonly string[] | undefined;
  payload: Uint8Array;
  /** JSON unless given. */
  contentType?: string | undefined;
}

/** One message before the filters of an application: parsed once, and only when there is one. */
export class FilterSubject {
  readonly #message: FilteredMessage;
  #context: Record<string, unknown> | undefined;
  #facts: CostFacts | undefined;
  #costLeft = costPerMessageMax;

  constructor(message: FilteredMessage) {
    this.#message = message;
  }

  /** What the expression calls them. */
  context(): Record<string, unknown> {
    const { eventType, eventId = null, channels = [], tags = [], payload, contentType } = this.#message;
    this.#context ??= { payload: payloadValue(payload, contentType), eventType, eventId, channels, tags };
    return this.#context;
  }

  facts(): CostFacts {
    this.#facts ??= factsOf(this.context(), this.#message.payload.length);
    return this.#facts;
  }

  /** False when the filters of this message have cost too much. */
  spend(cost: number): boolean {
    if (cost > costPerFilterMax) return false;
    this.#costLeft -= cost;
    return this.#costLeft >= 0;
  }
}

function factsOf(context: Record<string, unknown>, payloadBytes: number): CostFacts {
  const facts = { values: 0, textMaxChars: 0, chars: payloadBytes };
  const left: unknown[] = Object.values(context);
  while (left.length > 0) {
    const value = left.pop();
    facts.values += 1;
    if (typeof value === 'string') facts.textMaxChars = Math.max(facts.textMaxChars, value.length);
    else if (typeof value === 'object' && value !== null)
      for (const one of Object.values(value)) left.push(one);
  }
  return facts;
}

const tooCostly: FilterProblem = {
  message: 'over a message of this size it could take too long; compare with literals, and nest no loops',
  position: undefined,
};

function failed({ message, position }: FilterProblem): Cancellation {
  const place = position === undefined ? '' : ` (at character ${position})`;
  return {
    reason: 'filter_error',
    detail: `The endpoint's filter could not be evaluated: ${message}${place}.`,
  };
}

export class Filter {
  readonly #expression: string;
  #compiled: Compiled | FilterProblem | undefined;

  /** Costs nothing until the first message. */
  constructor(expression: string) {
    this.#expression = expression;
  }

  /** Undefined: the endpoint gets the message. What cannot be evaluated keeps it away: nobody gets what is not theirs. */
  refusalOf(subject: FilterSubject): Cancellation | undefined {
    this.#compiled ??= compile(this.#expression);
    const compiled = this.#compiled;
    if ('message' in compiled) return failed(compiled);
    try {
      const cost = compiled.fixedCost ?? costOf(compiled.ast, subject.facts());
      if (!subject.spend(cost)) return failed(tooCostly);
      const verdict = compiled.run(subject.context());
      if (verdict === true) return undefined;
      if (verdict === false)
        return { reason: 'filter', detail: "The endpoint's filter does not match this message." };
      return failed({ message: `it is a ${typeof verdict} here, not true or false`, position: undefined });
    } catch (error) {
      return failed(problemOf(error));
    }
  }
}
