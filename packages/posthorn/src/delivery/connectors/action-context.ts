// What the kinds are made with, and the requests that several of them send: by the guarded client, like deliveries.
import type { Subnet } from '../../core/address.ts';
import { checkEndpointUrl, type UrlRules } from '../../core/url-rules.ts';
import type { Clock } from '../../lib/clock.ts';
import type { AccessTokens } from '../access-tokens.ts';
import type { AddressGuard } from './address-guard.ts';
import type { ActionDelivery, ActionResult } from './connector.ts';
import type { HttpConnector, HttpDeliveryRequest } from './http.ts';
import type { Templates } from './templates.ts';

/** What the operator lets endpoints do on this machine, and in Posthorn's own database; nothing unless named. */
export interface ActionPermits {
  /** Absolute paths of executables. */
  readonly commands: readonly string[];
  /** `schema.table`, or `schema.*`. */
  readonly tables: readonly string[];
  /** Absolute paths of SQLite databases. */
  readonly files: readonly string[];
}

export interface ActionContext {
  readonly http: HttpConnector;
  readonly tokens: AccessTokens;
  readonly guard: AddressGuard;
  readonly templates: Templates;
  readonly urlRules: UrlRules;
  readonly allowSubnets: readonly Subnet[];
  readonly permits: ActionPermits;
  readonly clock: Clock;
}

type JsonRequest = Pick<HttpDeliveryRequest, 'url'> & {
  method?: HttpDeliveryRequest['method'];
  headers?: Readonly<Record<string, string>>;
  body: unknown;
};

/** Sends JSON and gives the answer. `target` stands for the URL, which may be a secret. */
export async function sendJson(
  { http }: ActionContext,
  { timeoutMs }: ActionDelivery,
  { url, method = 'POST', headers, body }: JsonRequest,
  signal: AbortSignal,
): Promise<ActionResult> {
  const request = {
    url,
    method,
    headers: { accept: '*/*', 'content-type': 'application/json', ...headers },
    body: Buffer.from(JSON.stringify(body)),
    timeoutMs,
  };
  return http.send(request, signal);
}

/** Why the text cannot be the URL of requests, as words that follow its name. */
export function urlProblem({ urlRules }: ActionContext, url: string): string | undefined {
  const verdict = checkEndpointUrl(url, urlRules);
  return verdict.ok ? undefined : `cannot be used: ${verdict.reason}`;
}

/** The URL's scheme, host and port: what of a URL that holds a secret is no secret. */
export function originOf(url: string): string {
  return URL.canParse(url) ? new URL(url).origin : '';
}

/** A base URL with a path behind it; `path` begins with a slash. */
export function under(base: string, path: string): string {
  return base.replace(/\/+$/, '') + path;
}
