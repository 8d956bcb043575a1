// Process: the receiver of every delivery. It reads just enough HTTP to record id, endpoint and arrival time.
import { createServer, type Socket } from 'node:net';
import { monotonicMs } from './clock.ts';
import { Column } from './column.ts';
import { listenSomewhere } from './port.ts';
import { idMark, loadDigits, sequenceDigits, tellParent, type ToSink } from './protocol.ts';

const answer = 'HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n';
const headEnd = '\r\n\r\n';
const lengthMark = 'content-length: ';
const watchEveryMs = 2;
const progressEveryMs = 250;
const zero = 48;
const letterHang = 104;
const letterWatch = 87;
const letterDelay = 100;
const delayMs = 20;
// `POST /e/123 `: the kind of endpoint stands at 6, its number begins at 8.
const kindAt = 6;
const numberAt = 8;

let current = 0;
let sequences = new Column();
let endpoints = new Column();
let times = new Column();
let strays = 0;
const watchers = new Set<Socket>();

function numberFrom(bytes: Buffer, start: number, digits: number): number {
  let value = 0;
  for (let at = start; at < start + digits; at += 1) {
    const digit = (bytes[at] ?? 0) - zero;
    if (digit < 0 || digit > 9) break;
    value = value * 10 + digit;
  }
  return value;
}

function record(bytes: Buffer, requestAt: number, bodyAt: number, atMs: number): void {
  const mark = bytes.indexOf(idMark, bodyAt, 'latin1');
  const idAt = mark + idMark.length;
  if (mark < 0 || numberFrom(bytes, idAt, loadDigits) !== current) {
    strays += 1;
    return;
  }
  sequences.push(numberFrom(bytes, idAt + loadDigits, sequenceDigits));
  endpoints.push(numberFrom(bytes, requestAt + numberAt, sequenceDigits));
  times.push(atMs);
}

/** Handles the first whole request in `bytes` from `at`; returns where the next one starts, -1 when it is not whole. */
function takeRequest(socket: Socket, bytes: Buffer, at: number, atMs: number): number {
  const end = bytes.indexOf(headEnd, at, 'latin1');
  if (end < 0) return -1;
  const lengthAt = bytes.indexOf(lengthMark, at, 'latin1');
  const bodyAt = end + headEnd.length;
  const length = lengthAt < 0 || lengthAt > end ? 0 : numberFrom(bytes, lengthAt + lengthMark.length, 9);
  if (bytes.length < bodyAt + length) return -1;
  const kind = bytes[at + kindAt];
  // A hanging endpoint takes the request and never answers.
  if (kind === letterHang) return bodyAt + length;
  record(bytes, at, bodyAt, atMs);
  if (kind === letterDelay) setTimeout(() => socket.write(answer), delayMs);
  else socket.write(answer, 'latin1');
  return bodyAt + length;
}

function serve(socket: Socket): void {
  socket.setNoDelay(true);
  let rest: Buffer | undefined;
  socket.on('data', (chunk: Buffer) => {
    const bytes = rest ? Buffer.concat([rest, chunk]) : chunk;
    if (bytes[0] === letterWatch) {
      watchers.add(socket);
      return;
    }
    const atMs = monotonicMs();
    let at = 0;
    while (at < bytes.length) {
      const next = takeRequest(socket, bytes, at, atMs);
      if (next < 0) break;
      at = next;
    }
    rest = at < bytes.length ? bytes.subarray(at) : undefined;
  });
  socket.on('close', () => watchers.delete(socket));
  socket.on('error', () => socket.destroy());
}

// The generator limits what is under way, and for that it is told how much has arrived.
let told = 0;

function tellWatchers(): void {
  if (watchers.size === 0 || times.length === told) return;
  told = times.length;
  const count = Buffer.allocUnsafe(4);
  count.writeUInt32LE(told);
  for (const watcher of watchers) watcher.write(count);
}

function begin(load: number): void {
  current = load;
  sequences = new Column();
  endpoints = new Column();
  times = new Column();
  strays = 0;
  told = 0;
}

process.on('message', (message: ToSink) => {
  if (message.kind === 'begin') {
    begin(message.load);
    tellParent({ kind: 'begun' });
    return;
  }
  tellParent({
    kind: 'taken',
    sequence: sequences.toArray(),
    endpoint: endpoints.toArray(),
    atMs: times.toArray(),
    strays,
  });
});
// Whoever started it is gone.
process.on('disconnect', () => process.exit());
process.on('SIGINT', () => {});

setInterval(tellWatchers, watchEveryMs);
setInterval(() => tellParent({ kind: 'arriving', arrived: times.length }), progressEveryMs);
tellParent({ kind: 'listening', port: await listenSomewhere(createServer(serve)) });
