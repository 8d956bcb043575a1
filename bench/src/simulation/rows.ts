// Rows, locks and transactions as PostgreSQL has them at READ COMMITTED: a statement sees what is committed and its own
// writes; a row that another transaction has locked is waited for, or skipped.

/** https://www.postgresql.org/docs/current/explicit-locking.html#LOCKING-ROWS */
export type LockMode = 'key share' | 'share' | 'no key update' | 'update';

const conflicts: Readonly<Record<LockMode, readonly LockMode[]>> = {
  'key share': ['update'],
  share: ['no key update', 'update'],
  'no key update': ['share', 'no key update', 'update'],
  update: ['key share', 'share', 'no key update', 'update'],
};
const strength: readonly LockMode[] = ['key share', 'share', 'no key update', 'update'];

export class Row<V extends object> {
  readonly table: Table<V>;
  readonly key: string;
  /** As committed; undefined when it does not exist (yet, or any more). */
  value: V | undefined;
  readonly locks = new Map<Transaction, LockMode>();

  constructor(table: Table<V>, key: string) {
    this.table = table;
    this.key = key;
  }
}

export class Table<V extends object> {
  readonly name: string;
  readonly rows = new Map<string, Row<V>>();
  readonly #groupOf: (key: string) => string;
  readonly #groups = new Map<string, Set<Row<V>>>();

  constructor(name: string, groupOf: (key: string) => string = () => '') {
    this.name = name;
    this.#groupOf = groupOf;
  }

  row(key: string): Row<V> {
    let row = this.rows.get(key);
    if (!row) {
      row = new Row(this, key);
      this.rows.set(key, row);
      const group = this.#groupOf(key);
      const rows = this.#groups.get(group) ?? new Set();
      this.#groups.set(group, rows.add(row));
    }
    return row;
  }

  group(group: string): Iterable<Row<V>> {
    return this.#groups.get(group) ?? [];
  }

  drop(row: Row<V>): void {
    this.rows.delete(row.key);
    this.#groups.get(this.#groupOf(row.key))?.delete(row);
  }

  /** What is committed. */
  values(): V[] {
    return [...this.rows.values()].flatMap(({ value }) => (value ? [value] : []));
  }
}

/** Thrown by a statement that has to wait for a row. */
export class Blocked extends Error {}

export interface Change {
  table: string;
  before: object | undefined;
  after: object | undefined;
}

type AnyRow = Row<object>;

export class Transaction {
  /** now(): when it began. */
  readonly nowMs: number;
  /** Whose it is. */
  origin = '';
  #writes = new Map<AnyRow, object | undefined>();
  #before = this.#writes;
  readonly #locked = new Set<AnyRow>();

  constructor(nowMs: number) {
    this.nowMs = nowMs;
  }

  read<V extends object>(row: Row<V>): V | undefined {
    const own = row as unknown as AnyRow;
    return this.#writes.has(own) ? (this.#writes.get(own) as V | undefined) : row.value;
  }

  get<V extends object>(table: Table<V>, key: string): V | undefined {
    const row = table.rows.get(key);
    return row && this.read(row);
  }

  tryLock<V extends object>(row: Row<V>, mode: LockMode): boolean {
    for (const [other, held] of row.locks) {
      if (other !== this && conflicts[mode].includes(held)) return false;
    }
    const own = row.locks.get(this);
    if (!own || strength.indexOf(own) < strength.indexOf(mode)) row.locks.set(this, mode);
    this.#locked.add(row);
    return true;
  }

  lock<V extends object>(row: Row<V>, mode: LockMode): void {
    if (!this.tryLock(row, mode)) throw new Blocked(`${row.table.name} ${row.key}`);
  }

  write<V extends object>(row: Row<V>, value: V | undefined, mode: LockMode = 'update'): void {
    this.lock(row, mode);
    this.#writes.set(row, value);
  }

  /** Runs one statement: when it has to wait, its writes are undone and its locks stay. */
  attempt<T>(statement: () => T): T {
    this.#before = new Map(this.#writes);
    try {
      return statement();
    } catch (error) {
      this.#writes = this.#before;
      throw error;
    }
  }

  commit(): Change[] {
    const changes = [...this.#writes].map(([row, after]): Change => {
      const before = row.value;
      row.value = after;
      return { table: row.table.name, before, after };
    });
    this.#unlock();
    return changes;
  }

  rollback(): void {
    this.#unlock();
  }

  #unlock(): void {
    for (const row of this.#locked) {
      row.locks.delete(this);
      if (!row.value && row.locks.size === 0) row.table.drop(row);
    }
    this.#locked.clear();
    this.#writes.clear();
  }
}
