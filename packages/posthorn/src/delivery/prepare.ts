// From a delivery and its endpoint to the exact request: headers built, signed at this attempt's time.
import type { SignatureHeaders } from '../core/headers.ts';
import { isCredentialName } from '../core/redaction.ts';
import type { TransformedMethod, TransformedWebhook } from '../core/transformation.ts';
import type { EndpointConfig, OpenedEndpoint } from '../store/application-config.ts';
import { basicAuthorization, type TokenGrant } from './access-tokens.ts';
import type { ClientCertificate } from './connectors/guarded-client.ts';
import type { Work } from './dispatch-hooks.ts';
import { createRedaction, type Redaction } from './redaction.ts';
import { createRequestSigner, type RequestSigner } from './request-signer.ts';

export interface PreparedRequest extends Identity {
  method: TransformedMethod;
  url: string;
  headers: Record<string, string>;
  body: Uint8Array;
  /** For what is recorded of the attempt, where the endpoint has something to hide. */
  redaction?: Redaction;
}

/** What else an endpoint's attempts are known by: a certificate, or a token that is still to be had. */
interface Identity {
  certificate?: ClientCertificate;
  grant?: TokenGrant;
}

interface Opened {
  sign: RequestSigner;
  /** Its own, and what it authenticates with. */
  headers: Readonly<Record<string, string>>;
  /** `auth` sets the header Authorization. */
  authorizes: boolean;
  signatureHeaders: readonly SignatureHeaders[];
  identity: Identity;
  redaction?: Redaction;
  /** A secret that is being rotated out stops signing then; Unix milliseconds. */
  validUntilMs: number;
}

/** `transformed`: what the endpoint's transformation made of the message. */
export type Prepare = (
  work: Work,
  endpoint: EndpointConfig,
  nowMs: number,
  transformed?: TransformedWebhook,
) => PreparedRequest;

const namesWith = (prefix: string): SignatureHeaders => ({
  id: `${prefix}id`,
  timestamp: `${prefix}timestamp`,
  signature: `${prefix}signature`,
});
const standardNames = namesWith('webhook-');
const svixNames = namesWith('svix-');
const namesOf: Readonly<Record<EndpointConfig['signatureStyle'], readonly SignatureHeaders[]>> = {
  standard: [standardNames],
  svix: [svixNames],
  both: [standardNames, svixNames],
  custom: [],
};

export function createPrepare(userAgent: string): Prepare {
  // An endpoint's configuration is immutable: a change makes a new object, and with it a new signer.
  const opened = new WeakMap<EndpointConfig, Opened>();

  const open = (endpoint: EndpointConfig, nowMs: number): Opened => {
    const cached = opened.get(endpoint);
    if (cached && nowMs < cached.validUntilMs) return cached;
    const { headers, secrets, auth } = endpoint.open();
    const valid = secrets.filter(({ expiresAtMs }) => expiresAtMs === undefined || expiresAtMs > nowMs);
    const signatureHeaders = signatureHeadersOf(endpoint);
    const kept = Object.entries(headers).filter(([name]) => isCredentialName(name));
    const hidden = [...kept.map(([, value]) => value), ...secretTextsOf(auth)];
    const fresh = {
      ...(hidden.length > 0 ? { redaction: createRedaction(hidden) } : {}),
      headers: ownHeaders(headers, signatureHeaders, auth),
      authorizes: auth !== undefined && auth.value.type !== 'mtls',
      signatureHeaders,
      identity: identityOf(endpoint.id, auth),
      sign: createRequestSigner(valid.map(({ secret }) => secret)),
      validUntilMs: Math.min(...valid.map(({ expiresAtMs }) => expiresAtMs ?? Number.POSITIVE_INFINITY)),
    };
    opened.set(endpoint, fresh);
    return fresh;
  };

  return (work, endpoint, nowMs, transformed) => {
    const body = transformed?.payload ?? work.payload ?? new Uint8Array();
    const timestamp = Math.floor(nowMs / 1000);
    const opening = open(endpoint, nowMs);
    const { sign, headers: own, signatureHeaders, identity, redaction } = opening;
    const signature = sign(work.messageId, timestamp, body);
    const to = transformed && destinationOf(endpoint, transformed, opening);
    const headers: Record<string, string> = {
      accept: '*/*',
      'user-agent': userAgent,
      'content-type': work.contentType,
      ...(to?.headers ?? own),
    };
    for (const names of signatureHeaders) {
      headers[names.id] = work.messageId;
      headers[names.timestamp] = String(timestamp);
      headers[names.signature] = signature;
    }
    const { method = 'POST', url = endpoint.url } = transformed ?? {};
    const request = { method, url, body, headers, ...(to?.identity ?? identity) };
    return redaction ? { ...request, redaction } : request;
  };
}

function signatureHeadersOf({
  signatureStyle,
  signatureHeaders,
}: EndpointConfig): readonly SignatureHeaders[] {
  const names = namesOf[signatureStyle];
  return signatureHeaders ? [...names, signatureHeaders] : names;
}

function namesTaken(signatureHeaders: readonly SignatureHeaders[]): Set<string> {
  return new Set(signatureHeaders.flatMap((each) => Object.values(each).map((name) => name.toLowerCase())));
}

/** Each header once: what the endpoint was given gives way to the signature and to `auth`, and goes before our `accept`. */
function ownHeaders(
  given: Readonly<Record<string, string>>,
  signatureHeaders: readonly SignatureHeaders[],
  auth: OpenedEndpoint['auth'],
): Record<string, string> {
  const taken = namesTaken(signatureHeaders);
  if (auth && auth.value.type !== 'mtls') taken.add('authorization');
  const kept = Object.entries(given)
    .filter(([name]) => !taken.has(name.toLowerCase()))
    .map(([name, value]) => [name.toLowerCase() === 'accept' ? 'accept' : name, value]);
  return Object.fromEntries([...kept, ...authorization(auth)]);
}

/** The header that `auth` sets by itself. */
export function authorization(auth: OpenedEndpoint['auth']): [string, string][] {
  if (auth?.value.type !== 'basic') return [];
  return [['authorization', basicAuthorization(auth.value.username, auth.value.password)]];
}

/** What of `auth` must not come back; access tokens are kept back where they are sent. */
export function secretTextsOf(auth: OpenedEndpoint['auth']): string[] {
  if (auth?.value.type === 'oauth2') return [auth.value.clientSecret];
  if (auth?.value.type !== 'basic') return [];
  const { username, password } = auth.value;
  return [password, basicAuthorization(username, password)];
}

/** What requests with this `auth` are known by, besides the header of `authorization`. */
export function identityOf(endpointId: string, auth: OpenedEndpoint['auth']): Identity {
  if (!auth) return {};
  const { version, value } = auth;
  if (value.type === 'oauth2') return { grant: { endpointId, version, auth: value } };
  if (value.type === 'basic') return {};
  const { certificate, key } = value;
  return { certificate: { id: `${endpointId} ${version}`, certificate, key } };
}

/**
 * Where a transformation sends to, and as whom. Its headers replace the endpoint's own, whatever their case, and give way
 * to the signature and to `auth`. Credentials of the endpoint stay with its origin: code must not carry them elsewhere.
 */
function destinationOf(
  endpoint: EndpointConfig,
  { url, headers }: TransformedWebhook,
  { headers: own, authorizes, signatureHeaders, identity }: Opened,
): Pick<Opened, 'headers' | 'identity'> {
  const isElsewhere = originOf(url) !== originOf(endpoint.url);
  const base = isElsewhere ? [] : Object.entries(own);
  const taken = namesTaken(signatureHeaders);
  if (authorizes && !isElsewhere) taken.add('authorization');
  const added = Object.entries(headers)
    .map(([name, value]) => [name.toLowerCase(), value] as const)
    .filter(([name]) => !taken.has(name));
  const addedNames = new Set(added.map(([name]) => name));
  const kept = base.filter(([name]) => !addedNames.has(name.toLowerCase()));
  return { headers: Object.fromEntries([...kept, ...added]), identity: isElsewhere ? {} : identity };
}

const originOf = (url: string) => (URL.canParse(url) ? new URL(url).origin : undefined);
