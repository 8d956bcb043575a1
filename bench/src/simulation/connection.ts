// The way from a process to PostgreSQL: latency, and the faults that happen on it. Looks like a pool of node-postgres.
import pg from 'pg';
import type { Transaction } from './rows.ts';
import type { Random } from './random.ts';
import { nameOfQuery, type Query, type Server } from './server.ts';
import type { Actor, Scheduled, World } from './world.ts';

// As store/database.ts sets them.
const statementTimeoutMs = 15_000;
const idleInTransactionMs = 10_000;

/** How long it waits for a lock: the text says so where it is less than a statement may take (store/lock-wait.ts). */
const lockWaitMsOf = ({ text }: Query) =>
  Number(/'lock_timeout', '(\d+)'/.exec(text)?.[1] ?? statementTimeoutMs);

/** What goes wrong with statements at this moment. */
export interface Weather {
  /** PostgreSQL does not answer at all. */
  away: boolean;
  /** The connection breaks before the statement has an effect, or after: its answer is lost. */
  failBeforeRatio: number;
  failAfterRatio: number;
  slowRatio: number;
  slowMs: number;
}

export const calmWeather: Weather = {
  away: false,
  failBeforeRatio: 0,
  failAfterRatio: 0,
  slowRatio: 0,
  slowMs: 0,
};

export interface Link {
  world: World;
  server: Server;
  random: Random;
  weather(actor: Actor): Weather;
  onFault(actor: Actor, kind: string): void;
}

interface Result {
  rows: object[];
  rowCount: number;
  command: string;
}

function failure(message: string, code?: string): Error {
  const error = new Error(message);
  if (code !== undefined) Object.assign(error, { code, syscall: 'read' });
  return error;
}

/** PostgreSQL says so itself, and the connection goes on. */
const givenUp = (kind: string, code: string) =>
  Object.assign(new pg.DatabaseError(`canceling statement due to ${kind} timeout`, 0, 'error'), {
    code,
    severity: 'ERROR',
  });

const lost = () => failure('Connection terminated unexpectedly');

/** One connection; its statements run one after another. */
export class Connection {
  readonly #link: Link;
  readonly #actor: Actor;
  readonly #random: Random;
  #tx: Transaction | undefined;
  /** The transaction of a single statement, from its first look to its commit. */
  #own: Transaction | undefined;
  #broken = false;
  #orphaned = false;
  #idle: Scheduled | undefined;
  #giveUp: (() => void) | undefined;
  #fail: ((error: Error) => void) | undefined;
  #tail: Promise<unknown> = Promise.resolve();

  constructor(link: Link, actor: Actor) {
    this.#link = link;
    this.#actor = actor;
    this.#random = link.random;
  }

  get isBroken(): boolean {
    return this.#broken;
  }

  query(query: string | Query, values?: readonly unknown[]): Promise<Result> {
    const asked: Query = typeof query === 'string' ? { text: query, ...(values ? { values } : {}) } : query;
    const result = this.#tail.then(() => this.#send(asked));
    this.#tail = result.catch(() => {});
    return result;
  }

  /** The connection is gone. A transaction that was open never was; a single statement under way goes on. */
  cut(error: Error = lost()): void {
    this.#broken = true;
    if (this.#idle) this.#idle.run = undefined;
    if (this.#tx) {
      this.#giveUp?.();
      this.#link.server.rollback(this.#tx);
    }
    this.#tx = undefined;
    this.#fail?.(error);
  }

  /** PostgreSQL is gone, and with it all that was not committed. */
  crash(error: Error): void {
    this.#giveUp?.();
    if (this.#own) this.#link.server.rollback(this.#own);
    this.#own = undefined;
    this.cut(error);
  }

  /** The process is gone. What it has sent may arrive all the same. */
  orphan(): void {
    if (this.#fail && this.#random.chance(0.5)) this.#orphaned = true;
    else this.cut();
  }

  #send(query: Query): Promise<Result> {
    const { world, onFault } = this.#link;
    const weather = this.#link.weather(this.#actor);
    return new Promise((resolve, reject) => {
      let over = false;
      const answer = (settle: () => void) => {
        if (over) return;
        over = true;
        this.#fail = undefined;
        world.after(this.#actor, this.#travelMs(), settle);
      };
      this.#fail = (error) => answer(() => reject(error));
      if (this.#broken)
        return this.#fail(failure('Client has encountered a connection error and is not queryable'));
      if (weather.away) return this.cut(failure('connect ECONNREFUSED', 'ECONNREFUSED'));
      if (this.#random.chance(weather.failBeforeRatio)) {
        onFault(this.#actor, 'failed before');
        return this.cut();
      }
      world.after(world.outside, this.#travelMs(), () => {
        if (this.#broken) return;
        this.#arrive(query, (result) => answer(() => resolve(result)));
      });
    });
  }

  #arrive(query: Query, answer: (result: Result) => void): void {
    const { server } = this.#link;
    if (this.#idle) this.#idle.run = undefined;
    const verb = query.text.slice(0, 8).trim().split(' ')[0] ?? '';
    if (verb === 'begin') this.#tx = server.begin();
    if (verb === 'rollback' && this.#tx) server.rollback(this.#tx);
    if (verb === 'rollback') this.#tx = undefined;
    if (verb === 'commit' && this.#tx) return this.#end(this.#tx, [], answer);
    if (['begin', 'rollback', 'commit'].includes(verb)) return this.#answer([], answer);
    this.#run(query, answer);
  }

  #run(query: Query, answer: (result: Result) => void): void {
    const { world, server } = this.#link;
    const tx = this.#tx ?? server.begin();
    tx.origin = this.#actor.name;
    const isOwn = tx !== this.#tx;
    if (isOwn) this.#own = tx;
    const abandon = () => {
      this.#giveUp = undefined;
      timeout.run = undefined;
      giveUp();
      if (isOwn) server.rollback(tx);
      if (isOwn) this.#own = undefined;
    };
    const lockWaitMs = lockWaitMsOf(query);
    const [kind, code] = lockWaitMs < statementTimeoutMs ? ['lock', '55P03'] : ['statement', '57014'];
    const timeout = world.after(world.outside, lockWaitMs, () => {
      abandon();
      this.#link.onFault(this.#actor, `${kind} timeout`);
      this.#fail?.(givenUp(kind, code));
    });
    this.#giveUp = abandon;
    const giveUp = server.execute(tx, query, (outcome) => {
      this.#giveUp = undefined;
      timeout.run = undefined;
      if ('error' in outcome) {
        world.errors.push(outcome.error.stack ?? outcome.error.message);
        if (isOwn) server.rollback(tx);
        return this.#fail?.(outcome.error);
      }
      world.trace('sql', `${this.#actor.name} ${nameOfQuery(query)} ${outcome.rows.length}`);
      world.after(world.outside, this.#workMs(), () => {
        if (isOwn && this.#own === tx) this.#end(tx, outcome.rows, answer);
        else if (this.#tx === tx) this.#answer(outcome.rows, answer);
      });
    });
  }

  #end(tx: Transaction, rows: object[], answer: (result: Result) => void): void {
    this.#own = undefined;
    if (this.#tx === tx) this.#tx = undefined;
    this.#link.server.commit(tx);
    this.#answer(rows, answer);
  }

  #answer(rows: object[], answer: (result: Result) => void): void {
    const { world, onFault } = this.#link;
    if (this.#orphaned) return this.cut();
    if (this.#broken) return;
    if (this.#random.chance(this.#link.weather(this.#actor).failAfterRatio)) {
      onFault(this.#actor, 'answer lost');
      return this.cut();
    }
    if (this.#tx) this.#idle = world.after(world.outside, idleInTransactionMs, () => this.cut());
    answer({ rows, rowCount: rows.length, command: 'SELECT' });
  }

  #travelMs(): number {
    return this.#random.between(0.02, 0.3);
  }

  #workMs(): number {
    const { slowRatio, slowMs } = this.#link.weather(this.#actor);
    if (!this.#random.chance(slowRatio)) return this.#random.between(0.05, 2);
    this.#link.onFault(this.#actor, 'slow');
    return this.#random.between(0, slowMs);
  }
}

/** The pool of one process. */
export class ConnectionPool {
  readonly #link: Link;
  readonly #actor: Actor;
  readonly #open = new Set<Connection>();
  #free: Connection[] = [];

  constructor(link: Link, actor: Actor) {
    this.#link = link;
    this.#actor = actor;
  }

  async query(query: string | Query, values?: readonly unknown[]): Promise<Result> {
    const connection = this.#take();
    try {
      return await connection.query(query, values);
    } finally {
      this.#release(connection);
    }
  }

  connect() {
    const connection = this.#take();
    return Promise.resolve({
      query: (query: string | Query, values?: readonly unknown[]) => connection.query(query, values),
      release: (broken?: unknown) => {
        if (broken) connection.cut();
        this.#release(connection);
      },
    });
  }

  crash(): void {
    for (const connection of this.#open) connection.crash(failure('read ECONNRESET', 'ECONNRESET'));
    this.#open.clear();
    this.#free = [];
  }

  orphan(): void {
    for (const connection of this.#open) connection.orphan();
  }

  #take(): Connection {
    let connection = this.#free.pop();
    while (connection?.isBroken) connection = this.#free.pop();
    connection ??= new Connection(this.#link, this.#actor);
    this.#open.add(connection);
    return connection;
  }

  #release(connection: Connection): void {
    if (connection.isBroken) this.#open.delete(connection);
    else this.#free.push(connection);
  }
}
