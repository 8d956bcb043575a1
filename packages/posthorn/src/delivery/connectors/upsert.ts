// The row that a message becomes: which columns, from where, and when it replaces what is there. Names of tables and
// columns are checked here and quoted; everything else is a parameter of the statement.
import Type from 'typebox';
import type { Static } from 'typebox';
import type { ConfigProblem } from '../../core/endpoint-kind.ts';
import { type MessagePath, parseMessagePath } from '../../core/message-path.ts';
import { UnfitError } from './connector.ts';

const columnsMax = 100;
const keyMax = 10;
const pathMaxChars = 256;

// What every database takes without folding or surprises; quoted all the same.
const identifierPattern = '^[A-Za-z_][A-Za-z0-9_]{0,62}$';
const identifier = Type.String({ pattern: identifierPattern });
const identifierRegExp = new RegExp(identifierPattern);

export const upsertMembers = {
  /** `schema.table`, or `table`. */
  table: Type.String({ pattern: '^(?:[A-Za-z_][A-Za-z0-9_]{0,62}\\.)?[A-Za-z_][A-Za-z0-9_]{0,62}$' }),
  /** Names of columns to parts of the message: `payload.customer.id`, `payload`, `eventType`, `timestamp`, `id`. */
  columns: Type.Unsafe<Record<string, string>>(
    Type.Object(
      {},
      {
        additionalProperties: Type.String({ minLength: 1, maxLength: pathMaxChars }),
        minProperties: 1,
        maxProperties: columnsMax,
      },
    ),
  ),
  /** The columns by which a row is known; without any, each message adds a row. */
  key: Type.Optional(Type.Array(identifier, { maxItems: keyMax })),
  /** A row is replaced only when this column grows: messages that arrive late, or twice, change nothing. */
  newerBy: Type.Optional(identifier),
};
const UpsertConfig = Type.Object(upsertMembers);
export type UpsertConfig = Static<typeof UpsertConfig>;

/** As it stands in the message. */
export interface UpsertPlan {
  /** Undefined: the database's own search decides. */
  schema: string | undefined;
  table: string;
  columns: readonly { name: string; path: MessagePath }[];
  key: readonly string[];
  /** Those that a newer message changes. */
  updated: readonly string[];
  newerBy: string | undefined;
}

export function upsertProblems({ columns, key = [], newerBy }: UpsertConfig): ConfigProblem[] {
  const names = Object.keys(columns);
  const problems: ConfigProblem[] = names.flatMap((name) => {
    const path = ['columns', name];
    if (!identifierRegExp.test(name)) return [{ path, message: 'is not a name of a column' }];
    const isPath = parseMessagePath(columns[name] ?? '') !== undefined;
    const message = 'must name a part of the message, such as payload.id, eventType, timestamp or id';
    return isPath ? [] : [{ path, message }];
  });
  const unknown = [...key, ...(newerBy === undefined ? [] : [newerBy])].find((name) => !names.includes(name));
  if (unknown !== undefined)
    problems.push({ path: ['key'], message: `${unknown} is not one of the columns` });
  if (new Set(key).size < key.length) problems.push({ path: ['key'], message: 'names a column twice' });
  if (newerBy !== undefined && key.length === 0) {
    problems.push({ path: ['newerBy'], message: 'needs a key: only a row that is known can be older' });
  }
  return problems;
}

export function tableOf({ table }: UpsertConfig): Pick<UpsertPlan, 'schema' | 'table'> {
  const parts = table.split('.');
  return { schema: parts.length === 2 ? parts[0] : undefined, table: parts.at(-1) ?? '' };
}

export function upsertPlan(config: UpsertConfig): UpsertPlan {
  const { columns, key = [], newerBy } = config;
  return {
    ...tableOf(config),
    columns: Object.entries(columns).map(([name, text]) => ({ name, path: pathOf(text) })),
    key,
    updated: Object.keys(columns).filter((name) => !key.includes(name)),
    newerBy,
  };
}

function pathOf(text: string): MessagePath {
  const path = parseMessagePath(text);
  if (!path) throw new UnfitError(`${text} names no part of a message`);
  return path;
}

/** What the number of rows means to people. */
export function saidOf(rowCount: number): string {
  return rowCount === 0
    ? 'nothing was written: what is there is as new, or newer'
    : `${rowCount} row written`;
}
