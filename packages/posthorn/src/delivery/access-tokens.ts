// Sends deliveries with access tokens of OAuth 2.0 (RFC 6749 section 4.4): one is fetched for an endpoint when it is needed,
// by one request at a time, and kept in memory until shortly before it expires.
//
//   none, or old --fetch--> fresh --time--> old
//   fresh --401 from the receiver--> fetched again, once, and the delivery sent again within the same attempt
import type { OAuth2Auth } from '../core/endpoint-auth.ts';
import { describeOutcome } from '../core/outcome.ts';
import type { Clock } from '../lib/clock.ts';
import type { AttemptResult, HttpConnector, HttpDeliveryRequest } from './connectors/http.ts';
import { createRedaction } from './redaction.ts';

const fetchTimeoutMs = 10_000;
const tokensMax = 10_000;
const tokenMaxChars = 8 * 1024;
/** A server that does not say how long its token lives. */
const lifetimeDefaultSeconds = 300;
const lifetimeMaxSeconds = 86_400;
/** How long before its end a token counts as old: a tenth of its life, so much at most. */
const marginMaxMs = 30_000;
const unauthorized = 401;

/** `version` tells one setting of an endpoint's credentials from the next. */
export interface TokenGrant {
  endpointId: string;
  version: string;
  auth: OAuth2Auth;
}

interface Token {
  text: string;
  fetchedAtMs: number;
  oldAtMs: number;
}

/** `detail` is shown to the endpoint's owner: it holds no secret and no address inside. */
type Fetched =
  | { ok: true; token: Token }
  | { ok: false; detail: string; retryAfterSeconds?: number | undefined };

interface Entry {
  version: string;
  token?: Token;
  fetching?: Promise<Fetched>;
}

type Timed = HttpDeliveryRequest & { readonly timeoutMs: number };

export class AccessTokens {
  readonly #connector: Pick<HttpConnector, 'send'>;
  readonly #clock: Clock;
  readonly #entries = new Map<string, Entry>();

  constructor({ connector, clock }: { connector: Pick<HttpConnector, 'send'>; clock: Clock }) {
    this.#connector = connector;
    this.#clock = clock;
  }

  /** The token's request counts into the deadline; without a token the attempt is `unreachable`, and nothing is sent. */
  async send(request: Timed, grant: TokenGrant): Promise<AttemptResult> {
    const startedAtMs = this.#clock.monotonicMs();
    const elapsedMs = () => Math.round(this.#clock.monotonicMs() - startedAtMs);
    const leftMs = () => Math.max(1, request.timeoutMs - elapsedMs());
    const first = await this.#token(grant, leftMs());
    if (!first.ok) return withoutToken(first, elapsedMs());
    const result = await this.#sendWith(first.token, request, leftMs());
    const mayBeStale = result.responseStatus === unauthorized && first.token.fetchedAtMs < startedAtMs;
    if (!mayBeStale || elapsedMs() >= request.timeoutMs) return { ...result, durationMs: elapsedMs() };
    const second = await this.#token(grant, leftMs(), first.token);
    if (!second.ok) return withoutToken(second, elapsedMs());
    return { ...(await this.#sendWith(second.token, request, leftMs())), durationMs: elapsedMs() };
  }

  async #sendWith({ text }: Token, request: Timed, timeoutMs: number): Promise<AttemptResult> {
    const headers = { ...request.headers, authorization: `Bearer ${text}` };
    const result = await this.#connector.send({ ...request, headers, timeoutMs });
    return createRedaction([text]).result(result);
  }

  /** The one that is kept, unless it is old or `refused`; else a new one. Whoever asks meanwhile waits for the same. */
  async #token(grant: TokenGrant, timeoutMs: number, refused?: Token): Promise<Fetched> {
    const known = this.#entries.get(grant.endpointId);
    const entry = known?.version === grant.version ? known : this.#newEntry(grant);
    if (entry.fetching) return entry.fetching;
    const { token } = entry;
    if (token && token !== refused && this.#clock.monotonicMs() < token.oldAtMs) return { ok: true, token };
    entry.fetching = this.#fetch(grant, timeoutMs);
    try {
      const fetched = await entry.fetching;
      if (fetched.ok) entry.token = fetched.token;
      else delete entry.token;
      return fetched;
    } finally {
      delete entry.fetching;
    }
  }

  #newEntry({ endpointId, version }: TokenGrant): Entry {
    const entry: Entry = { version };
    this.#entries.delete(endpointId);
    this.#entries.set(endpointId, entry);
    const oldest = this.#entries.keys().next().value;
    if (this.#entries.size > tokensMax && oldest !== undefined) this.#entries.delete(oldest);
    return entry;
  }

  async #fetch({ auth }: TokenGrant, timeoutMs: number): Promise<Fetched> {
    const result = await this.#connector.send({
      url: auth.tokenUrl,
      method: 'POST',
      ...tokenRequest(auth),
      timeoutMs: Math.min(timeoutMs, fetchTimeoutMs),
    });
    return readTokenAnswer(result, this.#clock.monotonicMs());
  }
}

/** The header that carries a user name and password (RFC 7617), both in UTF-8. */
export function basicAuthorization(username: string, password: string): string {
  return `Basic ${Buffer.from(`${username}:${password}`).toString('base64')}`;
}

// RFC 6749 section 2.3.1 encodes both parts as in a form before they are joined.
const formEncoded = (text: string) => new URLSearchParams({ a: text }).toString().slice('a='.length);

function tokenRequest(auth: OAuth2Auth): Pick<HttpDeliveryRequest, 'headers' | 'body'> {
  const form = new URLSearchParams({ grant_type: 'client_credentials' });
  if (auth.scopes && auth.scopes.length > 0) form.set('scope', auth.scopes.join(' '));
  if (auth.audience !== undefined) form.set('audience', auth.audience);
  const headers: Record<string, string> = {
    accept: 'application/json',
    'content-type': 'application/x-www-form-urlencoded',
  };
  if (auth.authMethod === 'client_secret_basic') {
    headers.authorization = basicAuthorization(formEncoded(auth.clientId), formEncoded(auth.clientSecret));
  } else {
    form.set('client_id', auth.clientId);
    form.set('client_secret', auth.clientSecret);
  }
  return { headers, body: Buffer.from(form.toString()) };
}

function readTokenAnswer(result: AttemptResult, nowMs: number): Fetched {
  const { outcome, retryAfterSeconds } = result;
  if (outcome.kind === 'unreachable')
    return { ok: false, detail: `token server: ${describeOutcome(outcome)}` };
  const answer = parseObject(result.responseBody);
  if (outcome.kind === 'rejected') {
    const detail = `the token server answered ${outcome.status}${errorCodeOf(answer)}`;
    return { ok: false, detail, retryAfterSeconds };
  }
  if (result.responseTruncated) return { ok: false, detail: 'the answer of the token server was too large' };
  if (!answer) return { ok: false, detail: 'the answer of the token server was not a JSON object' };
  const problem = tokenProblem(answer);
  if (problem !== undefined) return { ok: false, detail: problem };
  return { ok: true, token: newToken(answer, nowMs) };
}

function parseObject(body: Uint8Array | undefined): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(Buffer.from(body ?? []).toString());
    return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : undefined;
  } catch {
    return undefined;
  }
}

/** `invalid_client` and its like: a word, never a sentence that could repeat what was sent. */
function errorCodeOf(answer: Record<string, unknown> | undefined): string {
  const code = answer?.error;
  return typeof code === 'string' && /^[a-z_]{1,64}$/.test(code) ? `: ${code}` : '';
}

function tokenProblem({ access_token: text, token_type: type }: Record<string, unknown>): string | undefined {
  if (typeof text !== 'string' || text === '') return 'the answer of the token server has no access_token';
  if (text.length > tokenMaxChars) return `the access token is longer than ${tokenMaxChars} characters`;
  if (!/^[\x21-\x7e]+$/.test(text)) return 'the access token cannot be sent in a header';
  const isBearer = type === undefined || (typeof type === 'string' && type.toLowerCase() === 'bearer');
  return isBearer ? undefined : 'the token server gave a token of another type than Bearer';
}

function newToken(answer: Record<string, unknown>, nowMs: number): Token {
  const given = Number(answer.expires_in ?? lifetimeDefaultSeconds);
  const seconds = Number.isFinite(given) ? Math.min(Math.max(given, 0), lifetimeMaxSeconds) : 0;
  const lifeMs = seconds * 1_000;
  const oldAtMs = nowMs + lifeMs - Math.min(marginMaxMs, lifeMs / 10);
  return { text: String(answer.access_token), fetchedAtMs: nowMs, oldAtMs };
}

function withoutToken(
  { detail, retryAfterSeconds }: Extract<Fetched, { ok: false }>,
  durationMs: number,
): AttemptResult {
  return {
    outcome: { kind: 'unreachable', reason: 'auth', detail },
    responseTruncated: false,
    durationMs,
    error: detail,
    ...(retryAfterSeconds === undefined ? {} : { retryAfterSeconds }),
  };
}
