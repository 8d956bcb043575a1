// TCP connections to addresses that deliveries may reach, for the kinds that do not speak HTTP.
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { type AddressGuard, ForbiddenAddressError } from './address-guard.ts';

export interface SocketTarget {
  host: string;
  port: number;
  /** Ports below 1024 that its protocol uses. */
  allowedPorts?: readonly number[];
}

/** The address to dial, judged. For libraries that connect by themselves: give them this, and the name for TLS. */
export async function vettedAddress(
  guard: AddressGuard,
  { host, port, allowedPorts }: SocketTarget,
): Promise<string> {
  const [address] = await guard.vet(host, port, allowedPorts);
  if (address === undefined) throw new Error(`host name "${host}" has no address`);
  return address;
}

/** A connected socket, whose peer was looked at again. It is destroyed when the signal aborts. */
export async function openSocket(
  guard: AddressGuard,
  target: SocketTarget,
  signal: AbortSignal,
): Promise<Socket> {
  const address = await vettedAddress(guard, target);
  signal.throwIfAborted();
  const socket = connect({ host: address, port: target.port, noDelay: true });
  const destroy = () => socket.destroy();
  signal.addEventListener('abort', destroy, { once: true });
  socket.once('close', () => signal.removeEventListener('abort', destroy));
  // What fails later is told to whoever reads or writes.
  socket.on('error', () => {});
  await once(socket, 'connect', { signal });
  const problem = guard.judge(socket.remoteAddress ?? '', target.port, target.allowedPorts);
  if (problem === undefined) return socket;
  socket.destroy();
  throw new ForbiddenAddressError(problem);
}
