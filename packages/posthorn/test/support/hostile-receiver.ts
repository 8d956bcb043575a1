// Receivers that misbehave on purpose, on raw sockets: what they answer, when, and how they hang up is up to each test.
import { execFile, execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createServer as createTlsServer, type TlsOptions } from 'node:tls';
import { promisify } from 'node:util';

/** `onConnect` runs at once, `onRequest` when the whole request (head and content-length body) is in. */
export interface Behaviour {
  onConnect?: (socket: Socket) => void;
  onRequest?: (socket: Socket, request: Buffer) => void;
}

export interface HostileReceiver {
  readonly port: number;
  /** TCP connections taken, whatever came of them. */
  readonly connections: () => number;
  readonly openConnections: () => number;
  readonly bytesReceived: () => number;
  /** The complete requests, in order. */
  readonly requests: readonly Buffer[];
  close(): Promise<void>;
}

interface ReceiverOptions {
  readonly host?: string;
  readonly port?: number;
  /** Speaks TLS with this certificate. */
  readonly tls?: TlsOptions;
}

export async function startHostileReceiver(
  behaviour: Behaviour,
  { host = '127.0.0.1', port = 0, tls }: ReceiverOptions = {},
): Promise<HostileReceiver> {
  const open = new Set<Socket>();
  const requests: Buffer[] = [];
  let connections = 0;
  let bytesReceived = 0;

  const onTcp = (socket: Socket) => {
    connections += 1;
    open.add(socket);
    socket.on('close', () => open.delete(socket));
    socket.on('error', () => {});
  };
  const onPlain = (socket: Socket) => {
    socket.on('error', () => {});
    socket.on('data', (chunk) => {
      bytesReceived += chunk.length;
    });
    behaviour.onConnect?.(socket);
    readRequests(socket, (request) => {
      requests.push(request);
      behaviour.onRequest?.(socket, request);
    });
  };

  const server: Server = tls ? createTlsServer({ ...tls }, onPlain) : createServer(onPlain);
  server.on('connection', onTcp);
  server.on('tlsClientError', () => {});
  server.listen(port, host);
  await once(server, 'listening');

  return {
    port: (server.address() as AddressInfo).port,
    connections: () => connections,
    openConnections: () => open.size,
    bytesReceived: () => bytesReceived,
    requests,
    async close() {
      for (const socket of open) socket.destroy();
      server.close();
      await once(server, 'close');
    },
  };
}

function readRequests(socket: Socket, onRequest: (request: Buffer) => void): void {
  let received = Buffer.alloc(0);
  socket.on('data', (chunk: Buffer) => {
    received = Buffer.concat([received, chunk]);
    for (;;) {
      const length = requestLength(received);
      if (length === undefined || received.length < length) return;
      const request = received.subarray(0, length);
      received = received.subarray(length);
      onRequest(request);
    }
  });
}

function requestLength(received: Buffer): number | undefined {
  const headEnd = received.indexOf('\r\n\r\n');
  if (headEnd < 0) return undefined;
  const match = /\r\ncontent-length: (\d+)/i.exec(received.subarray(0, headEnd).toString('latin1'));
  return headEnd + 4 + Number(match?.[1] ?? 0);
}

/** Writes `text` every `everyMs` until the peer is gone. */
export function drip(socket: Socket, text: string, everyMs: number): void {
  const timer = setInterval(() => socket.write(text), everyMs);
  socket.on('close', () => clearInterval(timer));
}

/** Writes `chunk` as fast as the peer takes it, until the peer is gone. */
export function flood(socket: Socket, chunk: Buffer | string): void {
  const more = () => {
    while (!socket.destroyed && socket.write(chunk));
  };
  socket.on('drain', more);
  more();
}

export interface Certificates {
  /** The test authority, PEM. */
  readonly ca: string;
  /** Signed by it for `hook.test` and 127.0.0.1. */
  readonly good: TlsOptions;
  /** Signed by it for `hook.test`, but out of date. */
  readonly expired: TlsOptions;
  /** Signed by nobody else, for `hook.test`. */
  readonly selfSigned: TlsOptions;
  /** Signed by it for two that call, by their common names. */
  readonly clients: readonly [Pem, Pem];
}

export interface Pem {
  readonly cert: string;
  readonly key: string;
}

export function hasOpenssl(): boolean {
  try {
    execFileSync('openssl', ['version'], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
}

/** Makes a fresh authority and certificates with the openssl command; nothing of it outlives the call on disk. */
export async function makeCertificates(): Promise<Certificates> {
  const folder = await mkdtemp(join(tmpdir(), 'posthorn-tls-'));
  const run = (...args: string[]) => promisify(execFile)('openssl', args, { cwd: folder });
  const pem = async (name: string): Promise<Pem> => ({
    cert: await readFile(join(folder, `${name}.pem`), 'utf8'),
    key: await readFile(join(folder, `${name}.key`), 'utf8'),
  });
  const newKey = (name: string) => [
    '-newkey',
    'ec',
    '-pkeyopt',
    'ec_paramgen_curve:P-256',
    '-nodes',
    '-keyout',
    `${name}.key`,
  ];
  const selfSign = (name: string, subject: string, ...more: string[]) =>
    run(
      'req',
      '-x509',
      ...newKey(name),
      '-out',
      `${name}.pem`,
      '-days',
      '2',
      '-subj',
      `/CN=${subject}`,
      ...more,
    );
  const sign = async (name: string, days: string, subject = 'hook.test') => {
    await run('req', ...newKey(name), '-out', `${name}.csr`, '-subj', `/CN=${subject}`);
    const authority = ['-CA', 'ca.pem', '-CAkey', 'ca.key', '-CAcreateserial'];
    await run(
      'x509',
      '-req',
      '-in',
      `${name}.csr`,
      ...authority,
      '-days',
      days,
      '-extfile',
      'names',
      '-out',
      `${name}.pem`,
    );
  };
  try {
    await writeFile(join(folder, 'names'), 'subjectAltName=DNS:hook.test,IP:127.0.0.1\n');
    await selfSign('ca', 'Posthorn test authority');
    await sign('good', '2');
    await sign('expired', '-1');
    await sign('caller-a', '2', 'caller-a');
    await sign('caller-b', '2', 'caller-b');
    await selfSign('self', 'hook.test', '-addext', 'subjectAltName=DNS:hook.test');
    const ca = await readFile(join(folder, 'ca.pem'), 'utf8');
    return {
      ca,
      good: await pem('good'),
      expired: await pem('expired'),
      selfSigned: await pem('self'),
      clients: [await pem('caller-a'), await pem('caller-b')],
    };
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}
