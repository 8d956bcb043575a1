// Which URLs an endpoint may have. Asked when an endpoint is created and again before each delivery; host names are
// resolved and their addresses judged only when connecting (delivery/connectors/guarded-client.ts).
import {
  type AddressVerdict,
  classifyAddress,
  isInSubnets,
  opensClosedSpace,
  parseSubnets,
  type Subnet,
  subnetsOverlap,
} from './address.ts';

/** `allowedPorts`: ports below 1024 that any address may be reached on; 80 and 443 unless given. */
export interface UrlRules {
  readonly allowHttp: boolean;
  readonly allowSubnets: readonly Subnet[];
  readonly allowedPorts?: readonly number[];
}

/** `url` is the normalised URL to store and to send to; `reason` names the cause and the fix. */
export type UrlVerdict = { ok: true; url: string } | { ok: false; reason: string };

/** Of an endpoint, and of what a transformation makes of it. */
export const urlMaxChars = 2048;

const privilegedPortsEnd = 1024;
const defaultAllowedPorts: readonly number[] = [80, 443];
const defaultPorts: Readonly<Record<string, number>> = { 'http:': 80, 'https:': 443 };
const loopback = parseSubnets('127.0.0.0/8,::1/128').subnets;
const internalSuffixes = ['.internal', '.local'];

/** Never throws. */
export function checkEndpointUrl(text: string, rules: UrlRules): UrlVerdict {
  if (text.length > urlMaxChars) return refuse(`the URL is longer than ${urlMaxChars} characters`);
  const url = parseUrl(text);
  if (!url) return refuse('not a valid URL; write it like https://example.com/webhooks');
  stripForDelivery(url);
  const reason =
    schemeProblem(url, rules) ??
    credentialsProblem(url) ??
    hostProblem(url, rules) ??
    portProblem(url, rules) ??
    (url.href.length > urlMaxChars
      ? `the URL is longer than ${urlMaxChars} characters once encoded`
      : undefined);
  return reason === undefined ? { ok: true, url: url.href } : refuse(reason);
}

/**
 * True when the port is low and not one of the usual two: such a port may be reached only on an address that the allow
 * list holds, so that deliveries cannot be aimed at mail, SSH or DNS servers.
 */
export function isRestrictedPort(port: number, allowedPorts = defaultAllowedPorts): boolean {
  return port < privilegedPortsEnd && !allowedPorts.includes(port);
}

/** The host of a parsed URL as an address without brackets, or `undefined` when it is a name. */
export function literalAddress(hostname: string): string | undefined {
  if (hostname.startsWith('[')) return hostname.slice(1, -1);
  // The URL parser has already turned every spelling of an IPv4 address into four decimal parts.
  return /^\d+\.\d+\.\d+\.\d+$/.test(hostname) ? hostname : undefined;
}

/** The sentence for an address that may not be reached; `address` as dialled. */
export function forbiddenAddressMessage(
  address: string,
  verdict: Extract<AddressVerdict, { allowed: false }>,
): string {
  return `${address} is in a range that deliveries may not reach: ${verdict.range}. Use a public address, or add its range to POSTHORN_ALLOW_SUBNETS`;
}

function parseUrl(text: string): URL | undefined {
  return URL.canParse(text) ? new URL(text) : undefined;
}

// The fragment is never sent; a trailing dot means the same host but breaks TLS names and suffix rules.
function stripForDelivery(url: URL): void {
  url.hash = '';
  if (url.hostname.endsWith('.')) url.hostname = url.hostname.replace(/\.+$/, '');
}

function schemeProblem(url: URL, rules: UrlRules): string | undefined {
  if (url.protocol === 'https:') return undefined;
  if (url.protocol !== 'http:') return `the scheme ${url.protocol} is not supported; use https`;
  return rules.allowHttp ? undefined : 'http is not encrypted and not allowed here; use https';
}

function credentialsProblem(url: URL): string | undefined {
  if (url.username === '' && url.password === '') return undefined;
  return 'a user name or password in the URL is not allowed; set an Authorization header on the endpoint instead';
}

function hostProblem(url: URL, rules: UrlRules): string | undefined {
  const address = literalAddress(url.hostname);
  if (address === undefined) return nameProblem(url.hostname, rules.allowSubnets);
  const verdict = classifyAddress(address, rules.allowSubnets);
  return verdict.allowed ? undefined : forbiddenAddressMessage(address, verdict);
}

// A name that can only mean something inside is refused unless some inside range is open; what it resolves to is still judged.
function nameProblem(name: string, allowSubnets: readonly Subnet[]): string | undefined {
  const labels = name.split('.');
  if (labels.some((label) => label === '')) return `the host name "${name}" has an empty part`;
  if (labels.at(-1) === 'localhost') {
    const loopbackOpen = allowSubnets.some((range) => loopback.some((own) => subnetsOverlap(own, range)));
    return loopbackOpen ? undefined : insideName(name, 'is this machine', '127.0.0.0/8,::1/128');
  }
  if (allowSubnets.some(opensClosedSpace)) return undefined;
  if (labels.length === 1) return insideName(name, 'is not a public name', 'the range of the host');
  if (internalSuffixes.some((suffix) => name.endsWith(suffix))) {
    return insideName(name, 'is an internal name', 'the range of the host');
  }
  return undefined;
}

function insideName(name: string, why: string, range: string): string {
  return `the host name "${name}" ${why}; use a public host name, or add ${range} to POSTHORN_ALLOW_SUBNETS`;
}

function portProblem(url: URL, rules: UrlRules): string | undefined {
  const port = url.port === '' ? (defaultPorts[url.protocol] ?? 0) : Number(url.port);
  if (port === 0) return 'port 0 cannot be reached; name the real port';
  if (!isRestrictedPort(port, rules.allowedPorts)) return undefined;
  const address = literalAddress(url.hostname);
  // A name's addresses are not known yet; the guard decides when connecting.
  const mayBeAllowed =
    address === undefined ? rules.allowSubnets.length > 0 : isInSubnets(address, rules.allowSubnets);
  return mayBeAllowed ? undefined : restrictedPortMessage(port);
}

/** The sentence for a low port on an address that the allow list does not hold. */
export function restrictedPortMessage(port: number): string {
  return `port ${port} is below ${privilegedPortsEnd} and not 80 or 443; use another port, or add the address to POSTHORN_ALLOW_SUBNETS`;
}

function refuse(reason: string): UrlVerdict {
  return { ok: false, reason };
}
