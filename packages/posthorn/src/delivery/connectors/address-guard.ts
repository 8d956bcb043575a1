// Which addresses deliveries may reach, of whatever protocol: a host name is resolved once, all of its addresses are
// judged, and the one that was judged is the one to dial. A name cannot answer differently the second time.
import { classifyAddress, isInSubnets, type Subnet } from '../../core/address.ts';
import {
  forbiddenAddressMessage,
  isRestrictedPort,
  literalAddress,
  restrictedPortMessage,
} from '../../core/url-rules.ts';
import type { Clock } from '../../lib/clock.ts';
import { createResolver, type Lookup } from './resolve-host.ts';
import { createSystemLookup } from './system-lookup.ts';

export interface AddressGuardOptions {
  readonly allowSubnets: readonly Subnet[];
  /** Ports below 1024 that any address may be reached on; 80 and 443 unless given. */
  readonly allowedPorts?: readonly number[] | undefined;
  readonly lookup?: Lookup | undefined;
  readonly clock: Clock;
  readonly dnsTimeoutMs: number;
  readonly addressesTriedMax: number;
}

export interface AddressGuard {
  /** Why the address may not be dialled on this port, or `undefined`. `allowedPorts` instead of its own. */
  judge(address: string, port: number, allowedPorts?: readonly number[]): string | undefined;
  /** The addresses to dial, in this order. Throws ForbiddenAddressError when one of them is closed, and DnsError. */
  vet(hostname: string, port: number, allowedPorts?: readonly number[]): Promise<string[]>;
}

/** No byte was sent: the address, or its port, is closed to deliveries. */
export class ForbiddenAddressError extends Error {
  readonly code = 'POSTHORN_FORBIDDEN_ADDRESS';

  constructor(message: string) {
    super(message);
    this.name = 'ForbiddenAddressError';
  }
}

export function createAddressGuard(options: AddressGuardOptions): AddressGuard {
  const { allowSubnets, clock, dnsTimeoutMs } = options;
  const lookup = options.lookup ?? createSystemLookup({ clock });
  const resolve = createResolver({ lookup, clock, timeoutMs: dnsTimeoutMs });

  const judge: AddressGuard['judge'] = (address, port, allowedPorts = options.allowedPorts) => {
    const verdict = classifyAddress(address, allowSubnets);
    if (!verdict.allowed) return forbiddenAddressMessage(address, verdict);
    if (!isRestrictedPort(port, allowedPorts) || isInSubnets(address, allowSubnets)) return undefined;
    return restrictedPortMessage(port);
  };

  const vet: AddressGuard['vet'] = async (hostname, port, allowedPorts) => {
    const literal = literalOf(hostname);
    const addresses = literal === undefined ? await resolve(hostname) : [literal];
    for (const address of addresses) {
      const problem = judge(address, port, allowedPorts);
      if (problem === undefined) continue;
      throw new ForbiddenAddressError(
        literal === undefined ? `host name "${hostname}": ${problem}` : problem,
      );
    }
    return addresses.slice(0, options.addressesTriedMax);
  };

  return { judge, vet };
}

/** IPv6 literals come with or without brackets. */
export function literalOf(hostname: string): string | undefined {
  return hostname.includes(':') && !hostname.startsWith('[') ? hostname : literalAddress(hostname);
}
