// Writes a row into a table of an SQLite database, a file of this machine that the operator has opened: an insert, or an
// upsert by key.
import { Worker } from 'node:worker_threads';
import type { Static } from 'typebox';
import type { ActionContext } from './action-context.ts';
import { configuration, line } from './config-fields.ts';
import {
  accepted,
  type Connector,
  problemOf,
  refused,
  secretNamesOf,
  UnfitError,
  verdict,
} from './connector.ts';
import { rowOf, type RowValue } from './row-values.ts';
import { saidOf, upsertMembers, type UpsertPlan, upsertPlan, upsertProblems } from './upsert.ts';

const schema = configuration({
  /** An absolute path. */
  file: line,
  ...upsertMembers,
});
type SqliteConfig = Static<typeof schema>;

export interface SqliteJob {
  text: string;
  values: (string | null)[];
  /** How long it may wait for others who write. */
  lockWaitMs: number;
}

export type SqliteAnswer = { rowCount: number } | { code: string; message: string };

const waitingMax = 100;
// What a later attempt may find otherwise: busy, locked, out of memory or disk, the disk itself, and the file.
const passing = /^SQLITE_(?:BUSY|LOCKED|NOMEM|IOERR|FULL|CANTOPEN|PROTOCOL)/;

export function createSqlite({ permits }: ActionContext): Connector<SqliteConfig> {
  const files = new Map<string, SqliteThread>();

  function fileProblem(file: string): string | undefined {
    if (permits.files.includes(file)) return undefined;
    return `is not open to endpoints: the operator can open it with POSTHORN_ALLOW_FILES=${file}`;
  }

  function threadOf(file: string): SqliteThread {
    const known = files.get(file);
    if (known) return known;
    const thread = new SqliteThread(file);
    files.set(file, thread);
    return thread;
  }

  return {
    kind: 'sqlite',
    forOperators: true,
    takesAuth: false,
    schema,
    secretNames: secretNamesOf(schema),
    check(config) {
      const { file, table } = config;
      return Promise.resolve(
        verdict(`sqlite:${file} ${table}`, [problemOf('file', fileProblem(file)), ...upsertProblems(config)]),
      );
    },
    async deliver(delivery, config, signal) {
      const problem = fileProblem(config.file);
      if (problem !== undefined) throw new UnfitError(`the file ${problem}`);
      const plan = upsertPlan(config);
      const job = {
        text: statementOf(plan),
        values: rowOf(plan, delivery).map(bound),
        lockWaitMs: delivery.timeoutMs,
      };
      const thread = threadOf(config.file);
      if (thread.waiting >= waitingMax) return { isBusy: true };
      const answer = await thread.run(job, signal);
      if ('rowCount' in answer) return accepted(saidOf(answer.rowCount));
      const { code, message } = answer;
      if (passing.test(code)) throw Object.assign(new Error(message), { code });
      return refused(`${message} (${code})`);
    },
    async close() {
      await Promise.all([...files.values()].map((thread) => thread.end()));
      files.clear();
    },
  };
}

interface Waiting {
  job: SqliteJob;
  signal: AbortSignal;
  resolve(answer: SqliteAnswer): void;
  reject(error: unknown): void;
}

/** One statement at a time, as SQLite writes. A delivery that is over before its turn is left out. */
class SqliteThread {
  readonly #file: string;
  readonly #queue: Waiting[] = [];
  #worker: Worker | undefined;
  #current: Waiting | undefined;

  constructor(file: string) {
    this.#file = file;
  }

  get waiting(): number {
    return this.#queue.length;
  }

  run(job: SqliteJob, signal: AbortSignal): Promise<SqliteAnswer> {
    return new Promise((resolve, reject) => {
      this.#queue.push({ job, signal, resolve, reject });
      this.#next();
    });
  }

  async end(): Promise<void> {
    const worker = this.#worker;
    this.#fail(new Error('the database was closed'));
    await worker?.terminate();
  }

  #next(): void {
    if (this.#current) return;
    let next = this.#queue.shift();
    for (; next?.signal.aborted; next = this.#queue.shift()) next.reject(next.signal.reason);
    this.#current = next;
    if (!next) return;
    this.#worker ??= this.#start();
    this.#worker.postMessage(next.job, []);
  }

  #start(): Worker {
    const url = new URL('./sqlite-worker.js', import.meta.url);
    const worker = new Worker(url, { workerData: this.#file, env: {}, argv: [], execArgv: [] });
    worker.unref();
    worker.on('message', (answer: SqliteAnswer) => {
      this.#current?.resolve(answer);
      this.#current = undefined;
      this.#next();
    });
    worker.on('error', (error) => this.#worker === worker && this.#fail(error));
    worker.on(
      'exit',
      () => this.#worker === worker && this.#fail(new Error('the thread of the database ended')),
    );
    return worker;
  }

  /** Who comes next gets a new thread. */
  #fail(error: unknown): void {
    this.#worker = undefined;
    const { message } = error instanceof Error ? error : new Error(String(error));
    const left = [...(this.#current ? [this.#current] : []), ...this.#queue.splice(0)];
    this.#current = undefined;
    for (const { reject } of left) reject(new Error(message));
  }
}

/** The column's type decides what becomes of a text: SQLite turns one that reads as a number into it. */
function bound({ kind, text }: RowValue): string | null {
  if (kind !== 'boolean' || text === null) return text;
  return text === 'true' ? '1' : '0';
}

const quoted = (name: string) => `"${name}"`;

function statementOf({ schema: database, table, columns, key, updated, newerBy }: UpsertPlan): string {
  const target = [...(database === undefined ? [] : [database]), table].map(quoted).join('.');
  const names = columns.map(({ name }) => quoted(name)).join(', ');
  const insert = `insert into ${target} as t (${names}) values (${columns.map(() => '?').join(', ')})`;
  if (key.length === 0) return insert;
  const conflict = `${insert} on conflict (${key.map(quoted).join(', ')})`;
  if (updated.length === 0) return `${conflict} do nothing`;
  const set = updated.map((name) => `${quoted(name)} = excluded.${quoted(name)}`).join(', ');
  const newer = newerBy === undefined ? '' : quoted(newerBy);
  const where = newer === '' ? '' : ` where t.${newer} is null or excluded.${newer} > t.${newer}`;
  return `${conflict} do update set ${set}${where}`;
}
