// A model of PostgreSQL for the statements of delivering: each by what it means, in transactions that lock and wait.
//
// It is kept honest by packages/posthorn/test/simulation-model.test.ts, which runs the same commands through the store
// functions against it and against PostgreSQL, and compares answers and rows.
//
// One statement reads at one moment and commits at a later one, its locks held between the two. What the model leaves
// out: a statement that had to wait starts anew with a fresh snapshot, where PostgreSQL looks again at the locked row
// alone; and there are no deadlocks, only statements that wait until their timeout.
import { Blocked, type Change, Transaction } from './rows.ts';
import { Schema } from './schema.ts';
import * as accept from './statement-accept.ts';
import * as claim from './statement-claim.ts';
import * as leases from './statement-leases.ts';
import * as settle from './statement-settle.ts';

type Statement = (schema: Schema, tx: Transaction, values: readonly unknown[], clockMs: number) => object[];

/** By the name that the store prepares it under, or by a part of its text that no other one has. */
const statements: readonly (readonly [name: string, part: string, run: Statement])[] = [
  ['accept-messages', 'insert into posthorn.message_body (application_id', accept.acceptMessages],
  ['find-conflicts', 'k.message_id as key_message_id', accept.findConflicts],
  ['find-application-config', 'a.environment_id = $1 and', accept.findConfig],
  ['load-application-config', 'from posthorn.application a where a.id = $1 and', accept.loadConfig],
  ['current-config-version', 'select config_version from posthorn.application', accept.currentVersion],
  ['hold-config', 'select from posthorn.application where id = $1 for share', accept.holdConfig],
  ['next-due', 'extract(epoch from e.due_at - clock_timestamp())', claim.nextDue],
  ['lock-due-of', 'e.endpoint_id = any ($1::text[]) and exists', claim.lockDueOf],
  ['lock-due', 'select e.endpoint_id from posthorn.endpoint_due e', claim.lockDue],
  // No endpoint of the model has an order: store-claim-in-order.test.ts, store-claim-by-key.test.ts and the crash runs look
  // at those.
  ['lock-due-in-order', 'select e.endpoint_id, p.ordering', () => []],
  ['lock-due-by-key', 'select e.endpoint_id, p.only_newer', () => []],
  ['claim-deliveries', 'select * from claimed', claim.claimDeliveries],
  ['claimed-contents', 'm.content_type', claim.claimedContents],
  ['reserve-starts', 'insert into posthorn.rate_limit', claim.reserveStarts],
  ['settle-again', 'from attempted\n  on conflict do nothing', settle.settleDeliveriesAgain],
  ['settle-deliveries', 'recorded as (', settle.settleDeliveries],
  ['disable-endpoint', 'disabled_reason = $2', settle.disableEndpoint],
  ['request-resend', 'insert into posthorn.delivery as delivery', settle.requestResend],
  ['recover-leases', 'buried as (', leases.recoverLeases],
  ['end-delivered', 'greatest(d.attempts, l.attempts)', leases.endDelivered],
  ['release-leases', "now() + $6::bigint * interval '1 ms'", leases.releaseLeases],
  ['list-leases', 'where lease_owner = $1 and state', leases.listLeases],
  ['lock-dead', 'where heartbeat_at < now() - $1::bigint', leases.lockDead],
  ['lock-process', 'select id from posthorn.process where id = $1 for update', leases.lockProcess],
  ['register-process', 'insert into posthorn.process (host', leases.registerProcess],
  ['heartbeat', 'update posthorn.process set heartbeat_at', leases.heartbeat],
  ['list-neighbours', 'from posthorn.process where host = $1', leases.listNeighbours],
  ['expire-contents', 'delete from posthorn.message_expiry', () => []],
  // Upkeep is not part of the model: somebody else is always at it.
  ['housekeeping', 'pg_try_advisory_lock', () => [{ locked: false }]],
  [
    'database-now',
    'extract(epoch from clock_timestamp()) * 1000) as ms',
    (_schema, _tx, _values, ms) => [{ ms }],
  ],
  ['partitions', 'pg_inherits', () => []],
  ['partition', 'partition of posthorn.', () => []],
];

export interface Query {
  name?: string;
  text: string;
  values?: readonly unknown[];
}

const known = new Map<string, { name: string; run: Statement }>();

function statementOf({ text }: Query): { name: string; run: Statement } {
  let statement = known.get(text);
  if (!statement) {
    const [name, , run] = statements.find(([, part]) => text.includes(part)) ?? [];
    if (!name || !run) throw new Error(`the model does not know this statement: ${text.slice(0, 300)}`);
    statement = { name, run };
    known.set(text, statement);
  }
  return statement;
}

export const nameOfQuery = (query: Query): string => statementOf(query).name;

type Outcome = { rows: object[] } | { error: Error };

interface Execution {
  tx: Transaction;
  run(tx: Transaction): object[];
  done(outcome: Outcome): void;
}

export class Server {
  readonly schema = new Schema();
  readonly #clock: () => number;
  #waiting: Execution[] = [];
  /** Called with what each transaction changed, in the order of the commits. */
  onCommit: (changes: readonly Change[], tx: Transaction) => void = () => {};

  constructor(clock: () => number) {
    this.#clock = clock;
  }

  begin(): Transaction {
    return new Transaction(this.#clock());
  }

  /** Calls `done` when the statement is through, which may be after others have ended. Gives a way to give it up. */
  execute(tx: Transaction, query: Query, done: (outcome: Outcome) => void): () => void {
    const statement = statementOf(query);
    const values = query.values ?? [];
    return this.runIn(tx, (own) => statement.run(this.schema, own, values, this.#clock()), done);
  }

  /** The same for what no statement of the store does: a change of an endpoint, say. */
  runIn(tx: Transaction, run: (tx: Transaction) => object[], done: (outcome: Outcome) => void): () => void {
    const execution: Execution = { tx, run, done };
    if (!attempt(execution)) this.#waiting.push(execution);
    return () => {
      this.#waiting = this.#waiting.filter((one) => one !== execution);
    };
  }

  commit(tx: Transaction): void {
    const changes = tx.commit();
    if (changes.length > 0) this.onCommit(changes, tx);
    this.#retry();
  }

  rollback(tx: Transaction): void {
    tx.rollback();
    this.#retry();
  }

  /** What a crash of PostgreSQL takes: unlogged tables are empty afterwards. */
  crash(): void {
    for (const row of this.schema.rateLimits.rows.values()) this.schema.rateLimits.drop(row);
  }

  #retry(): void {
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const execution of waiting) {
      if (!attempt(execution)) this.#waiting.push(execution);
    }
  }
}

/** False when it has to wait. */
function attempt({ tx, run, done }: Execution): boolean {
  let outcome: Outcome;
  try {
    outcome = { rows: tx.attempt(() => run(tx)) };
  } catch (error) {
    if (error instanceof Blocked) return false;
    outcome = { error: error as Error };
  }
  done(outcome);
  return true;
}
