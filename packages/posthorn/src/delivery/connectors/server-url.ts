// URLs of servers that do not speak HTTP: what is in one, and what is wrong with one.
import { classifyAddress, type Subnet } from '../../core/address.ts';
import { forbiddenAddressMessage, literalAddress } from '../../core/url-rules.ts';

export interface ServerUrl {
  host: string;
  port: number;
  username: string;
  /** The path without its first slash, decoded. */
  path: string;
  parameters: URLSearchParams;
  protocol: string;
  /** Without user name and password. */
  shown: string;
}

export interface ServerUrlRules {
  /** With their usual ports: `{ 'postgres:': 5432 }`. */
  ports: Readonly<Record<string, number>>;
  allowSubnets: readonly Subnet[];
}

/** The parts, or what is wrong in words that follow the field's name. Only literal addresses are judged here. */
export function readServerUrl(text: string, { ports, allowSubnets }: ServerUrlRules): ServerUrl | string {
  const schemes = Object.keys(ports);
  const asHttp = text.replace(/^[a-z+]+:/i, 'http:');
  const protocol = (/^[a-z+]+:/i.exec(text)?.[0] ?? '').toLowerCase();
  const usualPort = ports[protocol];
  if (usualPort === undefined)
    return `must begin with ${schemes.map((scheme) => `${scheme}//`).join(' or ')}`;
  // As http, so that the host is read as an address where it is one.
  if (!URL.canParse(asHttp)) return `is not a URL; write it like ${schemes[0]}//host:${usualPort}`;
  const url = new URL(asHttp);
  const host = literalAddress(url.hostname) ?? url.hostname;
  if (host === '') return 'has no host';
  if (url.password !== '') return 'must not hold a password: it has a field of its own, which is sealed';
  const verdict =
    literalAddress(url.hostname) === undefined ? undefined : classifyAddress(host, allowSubnets);
  if (verdict && !verdict.allowed) return `cannot be used: ${forbiddenAddressMessage(host, verdict)}`;
  const port = explicitPort(asHttp, url) ?? usualPort;
  const decoded = decode([url.username, url.pathname]);
  if (decoded === undefined) return 'holds a % that encodes nothing';
  const [username = '', path = ''] = decoded;
  return {
    host,
    port,
    username,
    path: path.replace(/^\//, ''),
    parameters: url.searchParams,
    protocol,
    shown: `${protocol}//${url.hostname}:${port}${url.pathname === '/' ? '' : url.pathname}`,
  };
}

/** URL leaves out the port that is usual for http, and here it is the one that was meant. */
function explicitPort(asHttp: string, url: URL): number | undefined {
  if (url.port !== '') return Number(url.port);
  return /^http:\/\/[^/?#]*:80(?:[/?#]|$)/.test(asHttp) ? 80 : undefined;
}

function decode(texts: readonly string[]): string[] | undefined {
  try {
    return texts.map((text) => decodeURIComponent(text));
  } catch {
    return undefined;
  }
}

/** What is wrong with the parameters of a URL that takes `tls=none` and no others. */
export function tlsProblem({ parameters }: ServerUrl): string | undefined {
  const known = [...parameters].every(([name, value]) => name === 'tls' && value === 'none');
  return known ? undefined : 'may have the parameter tls=none, and no other';
}
