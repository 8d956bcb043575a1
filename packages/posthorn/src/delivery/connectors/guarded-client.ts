// What makes an undici Client connect only to addresses deliveries may reach. The address that was judged is the one that is
// dialled, so a name cannot answer differently the second time; literals are judged too (undici never looks them up).
import type { Socket } from 'node:net';
import { rootCertificates } from 'node:tls';
import { buildConnector, type Client } from 'undici';
import type { Subnet } from '../../core/address.ts';
import { systemClock } from '../../lib/clock.ts';
import { type AddressGuard, createAddressGuard, ForbiddenAddressError, literalOf } from './address-guard.ts';
import type { Lookup } from './resolve-host.ts';

export interface ConnectLimits {
  /** For resolving the host name. */
  readonly dnsTimeoutMs: number;
  /** For TCP, per address; and again for TLS. */
  readonly connectTimeoutMs: number;
  /** How long one address has before the next is tried beside it. */
  readonly nextAddressAfterMs: number;
  readonly addressesTriedMax: number;
  /** Oldest age of a connection that is still used again, and longest idle time a server may ask for. */
  readonly keepAliveMaxMs: number;
  readonly responseHeadMaxBytes: number;
}

export const defaultConnectLimits: ConnectLimits = {
  dnsTimeoutMs: 3_000,
  connectTimeoutMs: 5_000,
  nextAddressAfterMs: 500,
  addressesTriedMax: 4,
  keepAliveMaxMs: 30_000,
  responseHeadMaxBytes: 32 * 1024,
};

/** `ca`: PEM certificates trusted besides the usual authorities. There is no switch that trusts everybody. */
export interface GuardedClientOptions {
  readonly allowSubnets: readonly Subnet[];
  readonly allowedPorts?: readonly number[] | undefined;
  readonly lookup?: Lookup | undefined;
  readonly ca?: readonly string[] | undefined;
  readonly limits?: Partial<ConnectLimits> | undefined;
}

/** The peer was gone before the connection could be used. */
class PeerGoneError extends Error {
  readonly code = 'ECONNRESET';

  constructor() {
    super('the connection was reset while it was being opened');
    this.name = 'PeerGoneError';
  }
}

type Judge = AddressGuard['judge'];
type Dial = (address: string, done: buildConnector.Callback) => void;

/** What a connection shows to a server that asks who is calling: PEM texts. `id` is that of no other certificate. */
export interface ClientCertificate {
  readonly id: string;
  readonly certificate: string;
  readonly key: string;
}

/** The options of a connection that shows this certificate, or none. */
export type ClientOptionsFor = (certificate?: ClientCertificate) => Client.Options;

/** HTTP/1.1, one request at a time; certificates of servers always checked. */
export function createGuardedClients(options: GuardedClientOptions): ClientOptionsFor {
  const limits = { ...defaultConnectLimits, ...options.limits };
  const guard = createAddressGuard({ ...options, ...limits, clock: systemClock });
  const optionsFor: ClientOptionsFor = (certificate) => ({
    connect: guardedConnect(tlsConnector(options, limits, certificate), guard, limits),
    allowH2: false,
    pipelining: 1,
    keepAliveMaxTimeout: limits.keepAliveMaxMs,
    maxHeaderSize: limits.responseHeadMaxBytes,
    // The attempt has its own total deadline; undici's timers are idle timers and coarse.
    headersTimeout: 0,
    bodyTimeout: 0,
  });
  const plain = optionsFor();
  return (certificate) => (certificate ? optionsFor(certificate) : plain);
}

/** It remembers TLS sessions, and a session stands for the certificate it began with: each certificate has its own. */
function tlsConnector(
  { ca }: GuardedClientOptions,
  limits: ConnectLimits,
  certificate: ClientCertificate | undefined,
): buildConnector.connector {
  return buildConnector({
    timeout: limits.connectTimeoutMs,
    minVersion: 'TLSv1.2',
    // Said aloud, so that NODE_TLS_REJECT_UNAUTHORIZED=0 does not reach deliveries.
    rejectUnauthorized: true,
    ...(ca ? { ca: [...rootCertificates, ...ca] } : {}),
    ...(certificate ? { cert: certificate.certificate, key: certificate.key } : {}),
  });
}

function guardedConnect(
  connect: buildConnector.connector,
  { judge, vet }: AddressGuard,
  limits: ConnectLimits,
): buildConnector.connector {
  async function open(target: buildConnector.Options): Promise<Socket> {
    const port = portOf(target);
    const addresses = await vet(target.hostname, port);
    const dialTcp: Dial = (address, done) =>
      connect({ ...target, protocol: 'http:', hostname: address }, done);
    const socket = await dialFirst(addresses, dialTcp, limits.nextAddressAfterMs);
    checkPeer(socket, judge, port);
    if (target.protocol !== 'https:') return socket;
    const secured = await secure(target, socket);
    checkPeer(secured, judge, port);
    return secured;
  }

  // TLS starts only on a connection whose peer was checked, so that not even a ClientHello goes to a closed address.
  function secure(target: buildConnector.Options, httpSocket: Socket): Promise<Socket> {
    const name = literalOf(target.hostname) === undefined ? { servername: target.hostname } : {};
    return new Promise((resolveSocket, reject) => {
      connect({ ...target, ...name, httpSocket }, (error, socket) =>
        error ? reject(error) : resolveSocket(socket),
      );
    });
  }

  async function connectGuarded(
    target: buildConnector.Options,
    callback: buildConnector.Callback,
  ): Promise<void> {
    let socket: Socket;
    try {
      socket = await open(target);
    } catch (error) {
      callback(error as Error, null);
      return;
    }
    callback(null, socket);
  }

  return (target, callback) => void connectGuarded(target, callback);
}

// What the kernel says it is connected to is the last word. A dead socket is an error here, because undici would connect
// again and again for it.
function checkPeer(socket: Socket, judge: Judge, port: number): void {
  const peer = socket.remoteAddress;
  if (socket.destroyed || peer === undefined) throw socket.errored ?? new PeerGoneError();
  const problem = judge(peer, port);
  if (problem === undefined) return;
  socket.destroy();
  throw new ForbiddenAddressError(problem);
}

function portOf(target: buildConnector.Options): number {
  if (target.port) return Number(target.port);
  return target.protocol === 'https:' ? 443 : 80;
}

/** Tries the addresses in order, the next one when the last failed or is slow; the first connection wins. */
function dialFirst(addresses: readonly string[], dial: Dial, nextAfterMs: number): Promise<Socket> {
  return new Promise((resolve, reject) => {
    let next = 0;
    let open = 0;
    let settled = false;
    let firstError: Error | undefined;
    let timer: NodeJS.Timeout | undefined;

    const dialNext = () => {
      clearTimeout(timer);
      const address = addresses[next];
      if (address === undefined || settled) return;
      next += 1;
      open += 1;
      if (next < addresses.length) timer = setTimeout(dialNext, nextAfterMs);
      dial(address, (error, socket) => {
        open -= 1;
        if (error) onFailure(error);
        else if (settled) socket.destroy();
        else onConnected(socket);
      });
    };
    const onConnected = (socket: Socket) => {
      settled = true;
      clearTimeout(timer);
      resolve(socket);
    };
    const onFailure = (error: Error) => {
      firstError ??= error;
      if (next < addresses.length) dialNext();
      else if (open === 0 && !settled) reject(firstError);
    };

    dialNext();
  });
}
