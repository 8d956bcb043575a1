// Process: publishes messages over kept connections, one request at a time on each, and records when.
// Closed loop: a connection that got its answer publishes again. Open loop: messages fall due at a fixed rate, and
// their latency counts from when they were due, also when no connection was free.
import { createHmac } from 'node:crypto';
import { connect, type Socket } from 'node:net';
import { monotonicMs } from './clock.ts';
import { Column } from './column.ts';
import { type Body, idOf, type LoadOrder, tellParent, type ToGenerator } from './protocol.ts';

const tickMs = 1;
const progressEveryMs = 250;
const drainTimeoutMs = 15_000;
const errorsKeptMax = 5;
const headEnd = '\r\n\r\n';
const statusAt = 9;
const accepted = 202;
// A batch is answered per message: `{"data":[{"status":202,…}]}`.
const itemStatus = /\{"status":(\d+)/g;

const fillLength = 'content-length: ';

class Run {
  readonly #order: LoadOrder;
  readonly #intended = new Column();
  readonly #answered = new Column();
  readonly #status = new Column();
  readonly #errors: string[] = [];
  readonly #free: Connection[] = [];
  readonly #connections: Connection[] = [];
  readonly #timers: NodeJS.Timeout[] = [];
  #watch: Socket | undefined;
  #startedAtMs = 0;
  #sent = 0;
  #answeredCount = 0;
  #arrived = 0;
  #stopping = false;

  constructor(order: LoadOrder) {
    this.#order = order;
  }

  start(): void {
    const { connections, sinkPort, port } = this.#order;
    this.#startedAtMs = monotonicMs();
    this.#watch = connect(sinkPort, '127.0.0.1');
    this.#watch.write('WATCH');
    this.#watch.on('data', (bytes: Buffer) => {
      this.#arrived = bytes.readUInt32LE(bytes.length - 4);
      this.#pump();
    });
    this.#watch.on('error', (error) => this.#note(error));
    for (let made = 0; made < connections; made += 1) {
      const connection = new Connection(port, this);
      this.#connections.push(connection);
      this.#free.push(connection);
    }
    this.#timers.push(
      setInterval(() => this.#pump(), tickMs),
      setInterval(() => this.#tellProgress(), progressEveryMs),
    );
    this.#pump();
  }

  /** Sends nothing more; ends when what was sent is answered. */
  stop(): void {
    this.#stopping = true;
    const giveUpAtMs = monotonicMs() + drainTimeoutMs;
    const waiting = setInterval(() => {
      const open = this.#free.length < this.#connections.length;
      if (open && monotonicMs() < giveUpAtMs) return;
      clearInterval(waiting);
      this.#finish();
    }, tickMs);
  }

  answered(first: number, count: number, status: number): void {
    const nowMs = monotonicMs();
    for (let sequence = first; sequence < first + count; sequence += 1) {
      this.#answered.set(sequence, nowMs);
      this.#status.set(sequence, status);
    }
    this.#answeredCount += count;
  }

  failed(error: Error): void {
    this.#note(error);
  }

  freed(connection: Connection): void {
    this.#free.push(connection);
    this.#pump();
  }

  #pump(): void {
    if (this.#stopping) return;
    const { ratePerSecond, body } = this.#order;
    const nowMs = monotonicMs();
    const due =
      ratePerSecond > 0 ? ((nowMs - this.#startedAtMs) * ratePerSecond) / 1_000 : Number.POSITIVE_INFINITY;
    while (this.#sent + body.messagesPerRequest <= due && this.#mayAdd()) {
      const connection = this.#free.pop();
      if (!connection) return;
      this.#send(connection, ratePerSecond > 0 ? undefined : nowMs);
    }
  }

  #mayAdd(): boolean {
    const { underWayMax, arrivalsPerMessage } = this.#order;
    return underWayMax === 0 || this.#sent - this.#arrived / arrivalsPerMessage < underWayMax;
  }

  #send(connection: Connection, atMs: number | undefined): void {
    const { heads, secrets, turns, body, load, ratePerSecond } = this.#order;
    const first = this.#sent;
    const target = turns[first % turns.length] ?? 0;
    const head = heads[target] ?? '';
    const secret = secrets[target];
    for (let sequence = first; sequence < first + body.messagesPerRequest; sequence += 1) {
      this.#intended.set(sequence, atMs ?? this.#startedAtMs + ((sequence + 1) * 1_000) / ratePerSecond);
    }
    this.#sent += body.messagesPerRequest;
    const content = contentOf(body, load, first);
    const signed = secret === undefined ? head : head + signatureLines(secret, content, idOf(load, first));
    const text = `${signed}${fillLength}${content.length}${headEnd}${content}`;
    connection.send(text, first, body.messagesPerRequest);
  }

  #note(error: Error): void {
    if (this.#errors.length < errorsKeptMax) this.#errors.push(error.message);
  }

  #tellProgress(): void {
    tellParent({ kind: 'sending', sent: this.#sent, answered: this.#answeredCount });
  }

  #finish(): void {
    for (const timer of this.#timers) clearInterval(timer);
    for (const connection of this.#connections) connection.close();
    this.#watch?.destroy();
    this.#answered.set(this.#sent, 0);
    this.#status.set(this.#sent, 0);
    tellParent({
      kind: 'done',
      intendedAtMs: this.#intended.toArray(),
      answeredAtMs: this.#answered.toArray(),
      status: this.#status.toArray(),
      errors: this.#errors,
    });
  }
}

function contentOf(body: Body, load: number, first: number): string {
  let text = body.open;
  for (let place = 0; place < body.messagesPerRequest; place += 1) {
    text += `${place === 0 ? '' : ','}${body.before}${idOf(load, first + place)}${body.after}`;
  }
  return text + body.close;
}

function signatureLines(secret: string, content: string, id: string): string {
  const signature = createHmac('sha256', secret).update(content, 'latin1').digest('hex');
  return `x-github-delivery: ${id}\r\nx-hub-signature-256: sha256=${signature}\r\n`;
}

class Connection {
  readonly #port: number;
  readonly #run: Run;
  #socket: Socket;
  #rest: Buffer | undefined;
  #first = 0;
  #count = 0;
  /** The server said that it would close it. */
  #isEnding = false;
  #closed = false;

  constructor(port: number, run: Run) {
    this.#port = port;
    this.#run = run;
    this.#socket = this.#open();
  }

  send(text: string, first: number, count: number): void {
    this.#first = first;
    this.#count = count;
    this.#socket.write(text, 'latin1');
  }

  close(): void {
    this.#closed = true;
    this.#socket.destroy();
  }

  #open(): Socket {
    const socket = connect(this.#port, '127.0.0.1');
    socket.setNoDelay(true);
    socket.on('data', (chunk: Buffer) => this.#read(chunk));
    socket.on('error', (error) => this.#run.failed(error));
    socket.on('close', () => this.#lost());
    return socket;
  }

  #read(chunk: Buffer): void {
    const bytes = this.#rest ? Buffer.concat([this.#rest, chunk]) : chunk;
    const end = bytes.indexOf(headEnd, 0, 'latin1');
    const head = end < 0 ? '' : bytes.toString('latin1', 0, end).toLowerCase();
    const lengthAt = head.indexOf(fillLength);
    const length = lengthAt < 0 ? 0 : Number.parseInt(head.slice(lengthAt + fillLength.length), 10);
    if (end < 0 || bytes.length < end + headEnd.length + length) {
      this.#rest = bytes;
      return;
    }
    this.#rest = undefined;
    const status = Number.parseInt(head.slice(statusAt), 10);
    const count = this.#count;
    // What a server says by itself, before it ends a connection.
    if (count === 0) return;
    this.#count = 0;
    if (count > 1 && status === accepted) {
      const answer = bytes.toString('latin1', end + headEnd.length);
      for (const [place, match] of [...answer.matchAll(itemStatus)].entries()) {
        this.#run.answered(this.#first + place, 1, Number(match[1]));
      }
    } else this.#run.answered(this.#first, count, status);
    this.#isEnding = head.includes('\r\nconnection: close');
    if (!this.#isEnding) this.#run.freed(this);
  }

  #lost(): void {
    if (this.#closed) return;
    const busy = this.#count > 0 || this.#isEnding;
    this.#count = 0;
    this.#isEnding = false;
    this.#rest = undefined;
    this.#socket = this.#open();
    // What was under way stays without an answer: it may have been accepted.
    if (busy) this.#run.freed(this);
  }
}

let run: Run | undefined;
process.on('message', (message: ToGenerator) => {
  if (message.kind === 'start') {
    run = new Run(message.order);
    run.start();
  } else run?.stop();
});
process.on('disconnect', () => process.exit());
process.on('SIGINT', () => {});
tellParent({ kind: 'ready' });
