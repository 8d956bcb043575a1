// Which network addresses a delivery may reach. Decided on parsed bytes, never on text: text has many spellings of 127.0.0.1.
import ipaddr from 'ipaddr.js';

/** One CIDR range: 4 (IPv4) or 16 (IPv6) network bytes, and how many leading bits count. */
export interface Subnet {
  readonly text: string;
  readonly bytes: readonly number[];
  readonly prefixBits: number;
}

/** `range` names the reason for people: what the range is and its CIDR, e.g. `loopback 127.0.0.0/8`. */
export type AddressVerdict = { allowed: true } | { allowed: false; range: string };

const ipv4Bytes = 4;
const bitsPerByte = 8;
const mappedPrefix = [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 255, 255];
const dottedQuad = /^(.*:)?(\d{1,3})\.(\d{1,3})\.(\d{1,3})\.(\d{1,3})$/;
const mappedPrefixBits = mappedPrefix.length * bitsPerByte;

// IANA special-purpose registries, plus Azure's WireServer, which hides in public space (standards: 3.2).
const deniedIpv4 = table([
  ['0.0.0.0/8', 'this host'],
  ['10.0.0.0/8', 'private'],
  ['100.64.0.0/10', 'carrier-grade NAT'],
  ['127.0.0.0/8', 'loopback'],
  ['168.63.129.16/32', 'Azure host service'],
  ['169.254.0.0/16', 'link-local and cloud metadata'],
  ['172.16.0.0/12', 'private'],
  ['192.0.0.0/24', 'protocol assignments'],
  ['192.0.2.0/24', 'documentation'],
  ['192.31.196.0/24', 'AS112'],
  ['192.52.193.0/24', 'AMT'],
  ['192.88.99.0/24', '6to4 relay'],
  ['192.168.0.0/16', 'private'],
  ['192.175.48.0/24', 'AS112'],
  ['198.18.0.0/15', 'benchmarking'],
  ['198.51.100.0/24', 'documentation'],
  ['203.0.113.0/24', 'documentation'],
  ['224.0.0.0/4', 'multicast'],
  ['255.255.255.255/32', 'broadcast'],
  ['240.0.0.0/4', 'reserved'],
]);

// First match names the range. Everything outside 2000::/3 is denied anyway; these rows only give it a better name.
const deniedIpv6 = table([
  ['::/128', 'unspecified'],
  ['::1/128', 'loopback'],
  ['::/96', 'IPv4-compatible'],
  ['::ffff:0:0:0/96', 'IPv4-translated'],
  ['64:ff9b::/96', 'NAT64'],
  ['64:ff9b:1::/48', 'local NAT64'],
  ['100::/64', 'discard'],
  ['100:0:0:1::/64', 'dummy prefix'],
  ['5f00::/16', 'segment routing'],
  ['fc00::/7', 'unique local'],
  ['fe80::/10', 'link-local'],
  ['fec0::/10', 'site-local'],
  ['ff00::/8', 'multicast'],
  ['2001::/32', 'Teredo'],
  ['2001::/23', 'protocol assignments'],
  ['2001:db8::/32', 'documentation'],
  ['2002::/16', '6to4'],
  ['2620:4f:8000::/48', 'AS112'],
  ['3fff::/20', 'documentation'],
]);

const globalIpv6 = subnet('2000::/3');
const nat64 = subnet('64:ff9b::/96');

/**
 * Says whether a delivery may connect to `ip`. The allow list opens ranges; everything that is not plain public
 * unicast is otherwise denied. IPv4-mapped IPv6 is judged as the IPv4 inside it. Never throws: what is not an address
 * is denied as `not an IP address`.
 */
export function classifyAddress(ip: string, allowSubnets: readonly Subnet[]): AddressVerdict {
  const parsed = parseAddress(ip);
  if (!parsed) return { allowed: false, range: 'not an IP address' };
  return classifyBytes(unmap(parsed), allowSubnets);
}

/** True when an allow-listed range holds this very address (being public is not enough). */
export function isInSubnets(ip: string, subnets: readonly Subnet[]): boolean {
  const parsed = parseAddress(ip);
  return parsed !== undefined && subnets.some((range) => contains(range, unmap(parsed)));
}

/** True when two ranges share at least one address. */
export function subnetsOverlap(a: Subnet, b: Subnet): boolean {
  return a.prefixBits <= b.prefixBits ? contains(a, b.bytes) : contains(b, a.bytes);
}

/** True when the range starts in, or reaches into, space that is closed by default. */
export function opensClosedSpace(range: Subnet): boolean {
  if (!classifyBytes(range.bytes, []).allowed) return true;
  const denied = range.bytes.length === ipv4Bytes ? deniedIpv4 : deniedIpv6;
  return denied.some((row) => subnetsOverlap(row.subnet, range));
}

/**
 * Reads a comma-separated list of CIDRs (or bare addresses), as in POSTHORN_ALLOW_SUBNETS. Every wrong item gets its own error
 * that names the item and the fix.
 */
export function parseSubnets(text: string): { subnets: Subnet[]; errors: string[] } {
  const subnets: Subnet[] = [];
  const errors: string[] = [];
  for (const item of text.split(',').map((part) => part.trim())) {
    if (item === '') continue;
    const result = parseSubnet(item);
    if (typeof result === 'string') errors.push(result);
    else subnets.push(result);
  }
  return { subnets, errors };
}

function classifyBytes(bytes: readonly number[], allowSubnets: readonly Subnet[]): AddressVerdict {
  const opened = allowSubnets.some((range) => contains(range, bytes));
  // Opening NAT64 opens the way to public IPv4 only; what is behind it must be allowed in its own right.
  if (opened && contains(nat64, bytes)) return classifyBytes(bytes.slice(-ipv4Bytes), allowSubnets);
  if (opened) return { allowed: true };
  const isIpv4 = bytes.length === ipv4Bytes;
  const denied = (isIpv4 ? deniedIpv4 : deniedIpv6).find((row) => contains(row.subnet, bytes));
  if (denied) return { allowed: false, range: `${denied.name} ${denied.subnet.text}` };
  if (isIpv4 || contains(globalIpv6, bytes)) return { allowed: true };
  return { allowed: false, range: 'outside global unicast 2000::/3' };
}

function contains(range: Subnet, bytes: readonly number[]): boolean {
  if (range.bytes.length !== bytes.length) return false;
  const wholeBytes = Math.floor(range.prefixBits / bitsPerByte);
  for (let i = 0; i < wholeBytes; i++) if (range.bytes[i] !== bytes[i]) return false;
  const restBits = range.prefixBits % bitsPerByte;
  if (restBits === 0) return true;
  const shift = bitsPerByte - restBits;
  return (range.bytes[wholeBytes] ?? 0) >> shift === (bytes[wholeBytes] ?? 0) >> shift;
}

function unmap(bytes: readonly number[]): readonly number[] {
  return mappedPrefix.every((byte, i) => bytes[i] === byte) ? bytes.slice(-ipv4Bytes) : bytes;
}

// ipaddr.js takes octal and short IPv4 and reads `::1.2.3.4` as `::ffff:1.2.3.4`, so dotted quads are read here.
function parseAddress(ip: string): readonly number[] | undefined {
  const withoutZone = ip.replace(/%[\w.-]+$/, '');
  if (!withoutZone.includes('.')) return parseHexIpv6(withoutZone);
  const match = dottedQuad.exec(withoutZone);
  if (!match) return undefined;
  const texts = match.slice(2);
  const quad = texts.map(Number);
  if (quad.some((byte, i) => byte > 255 || String(byte) !== texts[i])) return undefined;
  const head = match[1];
  if (head === undefined) return withoutZone === ip ? quad : undefined;
  const [a = 0, b = 0, c = 0, d = 0] = quad;
  return parseHexIpv6(`${head}${hexGroup(a, b)}:${hexGroup(c, d)}`);
}

function parseHexIpv6(text: string): readonly number[] | undefined {
  if (!/^[0-9a-f:]+$/i.test(text) || !ipaddr.IPv6.isValid(text)) return undefined;
  return ipaddr.IPv6.parse(text).toByteArray();
}

function hexGroup(high: number, low: number): string {
  return (high * 256 + low).toString(16);
}

function parseSubnet(item: string): Subnet | string {
  const [address = '', prefixText, ...more] = item.split('/');
  const bytes = address.includes('%') ? undefined : parseAddress(address);
  if (!bytes || more.length > 0) return `${item}: not a CIDR; write it like 10.0.0.0/8 or fd00::/8`;
  const bitsMax = bytes.length * bitsPerByte;
  const prefixBits = prefixText === undefined ? bitsMax : readPrefix(prefixText, bitsMax);
  if (prefixBits === undefined) return `${item}: the part after "/" must be a number from 0 to ${bitsMax}`;
  const network = maskTo(bytes, prefixBits);
  if (network.some((byte, i) => byte !== bytes[i])) {
    return `${item}: has bits set after the first ${prefixBits}; write ${toText(network)}/${prefixBits}`;
  }
  const text = `${toText(network)}/${prefixBits}`;
  // Mapped IPv6 is judged as IPv4, so a mapped range must be kept as the IPv4 range or it would never match.
  if (prefixBits < mappedPrefixBits || unmap(network) === network)
    return { text, bytes: network, prefixBits };
  return { text, bytes: unmap(network), prefixBits: prefixBits - mappedPrefixBits };
}

function readPrefix(text: string, bitsMax: number): number | undefined {
  return /^\d{1,3}$/.test(text) && Number(text) <= bitsMax ? Number(text) : undefined;
}

function maskTo(bytes: readonly number[], prefixBits: number): readonly number[] {
  return bytes.map((byte, i) => {
    const keptBits = Math.min(Math.max(prefixBits - i * bitsPerByte, 0), bitsPerByte);
    return byte & (255 << (bitsPerByte - keptBits)) & 255;
  });
}

function toText(bytes: readonly number[]): string {
  return ipaddr.fromByteArray([...bytes]).toString();
}

function subnet(cidr: string): Subnet {
  const result = parseSubnet(cidr);
  if (typeof result === 'string') throw new Error(result);
  return { ...result, text: cidr };
}

function table(rows: readonly (readonly [cidr: string, name: string])[]): { subnet: Subnet; name: string }[] {
  return rows.map(([cidr, name]) => ({ subnet: subnet(cidr), name }));
}
