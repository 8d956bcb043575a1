// The deliveries of a GitHub webhook over GitHub's API. Every answer is a value: what it gave, or why it gave nothing.
import { createSign } from 'node:crypto';
import type { ApiAnswer, CallApi } from '../core/api-call.ts';
import {
  describeRefusal,
  type GithubDelivery,
  limitedForMs,
  nextCursor,
  readDeliveries,
  readDeliveryHeaders,
} from '../core/github-deliveries.ts';
import { sliceMembers } from '../core/json-slice.ts';
import type { Clock } from '../lib/clock.ts';

const pageItems = 100;
const listMaxBytes = 4 * 1024 * 1024;
// GitHub's payloads have 25 MB at most; beside it stands what it was answered.
const deliveryMaxBytes = 32 * 1024 * 1024;
// GitHub takes ten minutes at most, and clocks differ.
const jwtBackdatedSeconds = 60;
const jwtGoodForSeconds = 480;

/** `limited`: for so long nothing may be asked. `refused`: it goes on like that until somebody does something. */
export type Withheld =
  | { kind: 'limited'; forMs: number }
  | { kind: 'refused'; problem: string }
  | { kind: 'failed'; problem: string };

type Page = { kind: 'page'; deliveries: GithubDelivery[]; cursor: string | undefined } & Allowance;
type Fetched = { kind: 'fetched'; headers: Record<string, string>; payload: Buffer } & Allowance;
type Asked = { kind: 'asked' } & Allowance;
/** GitHub keeps deliveries for some days. */
type Gone = { kind: 'gone' };

/** Set on the last answer that GitHub gives for now. */
interface Allowance {
  limitedForMs: number | undefined;
}

export interface GithubHook {
  hookUrl: string;
  token: string;
  /** The token is the private key of this app. */
  appId: string | null;
}

export class GithubApi {
  readonly #call: CallApi;
  readonly #clock: Clock;
  readonly #userAgent: string;

  constructor({ call, clock, userAgent }: { call: CallApi; clock: Clock; userAgent: string }) {
    this.#call = call;
    this.#clock = clock;
    this.#userAgent = userAgent;
  }

  async list(hook: GithubHook, cursor: string | null): Promise<Page | Withheld> {
    const query = new URLSearchParams({
      per_page: String(pageItems),
      ...(cursor === null ? {} : { cursor }),
    });
    const answer = await this.#ask(hook, { path: `?${String(query)}`, answerMaxBytes: listMaxBytes });
    if ('kind' in answer) return answer;
    const deliveries = readDeliveries(answer.body.toString('utf8'));
    if (deliveries === undefined) return notUnderstood('with a list of deliveries');
    return { kind: 'page', deliveries, cursor: nextCursor(answer.headers.link), ...this.#allowance(answer) };
  }

  async fetch(hook: GithubHook, deliveryId: string): Promise<Fetched | Gone | Withheld> {
    const answer = await this.#ask(hook, { path: `/${deliveryId}`, answerMaxBytes: deliveryMaxBytes });
    if ('kind' in answer) return answer;
    if (answer.status === 404 || answer.status === 410) return { kind: 'gone' };
    const headers = readDeliveryHeaders(answer.body.toString('utf8'));
    const payload = headers && payloadOf(answer.body);
    if (headers === undefined || payload === undefined) return notUnderstood('with a delivery');
    return { kind: 'fetched', headers, payload, ...this.#allowance(answer) };
  }

  /** Has the delivery sent once more. */
  async redeliver(hook: GithubHook, deliveryId: string): Promise<Asked | Gone | Withheld> {
    const path = `/${deliveryId}/attempts`;
    const answer = await this.#ask(hook, { method: 'POST', path, answerMaxBytes: listMaxBytes });
    if ('kind' in answer) return answer;
    if (answer.status === 404 || answer.status === 410 || answer.status === 422) return { kind: 'gone' };
    return { kind: 'asked', ...this.#allowance(answer) };
  }

  /** An answer that holds what was asked for, or says that there is no such delivery. */
  async #ask(
    hook: GithubHook,
    {
      method = 'GET',
      path,
      answerMaxBytes,
    }: { method?: 'GET' | 'POST'; path: string; answerMaxBytes: number },
  ): Promise<ApiAnswer | Withheld> {
    let answer: ApiAnswer;
    try {
      const headers = this.#headers(hook);
      answer = await this.#call({
        method,
        url: `${hook.hookUrl}/deliveries${path}`,
        headers,
        answerMaxBytes,
      });
    } catch (error) {
      const cause = error instanceof Error ? error.message : String(error);
      return { kind: 'failed', problem: `GitHub gave no answer (${cause}); it is asked again` };
    }
    const { status } = answer;
    if (status >= 200 && status <= 299) return answer;
    const forMs = limitedForMs(status, answer.headers, this.#clock.now());
    if (forMs !== undefined) return { kind: 'limited', forMs };
    // Of one delivery, this says that it is gone.
    if (path.startsWith('/') && (status === 404 || status === 410 || status === 422)) return answer;
    return { kind: status >= 500 ? 'failed' : 'refused', problem: describeRefusal(status) };
  }

  #allowance({ status, headers }: ApiAnswer): Allowance {
    return { limitedForMs: limitedForMs(status, headers, this.#clock.now()) };
  }

  #headers({ token, appId }: GithubHook): Record<string, string> {
    const bearer = appId === null ? token : appToken(token, appId, this.#clock.now());
    return {
      accept: 'application/vnd.github+json',
      authorization: `Bearer ${bearer}`,
      'user-agent': this.#userAgent,
      'x-github-api-version': '2022-11-28',
    };
  }
}

function notUnderstood(what: string): Withheld {
  return { kind: 'failed', problem: `GitHub did not answer ${what}; it is asked again` };
}

/** The bytes of the payload as they stand in the answer: numbers and escapes stay what they are. */
function payloadOf(body: Buffer): Buffer | undefined {
  let [start, end] = [0, body.length];
  for (const step of ['request', 'payload']) {
    const members = sliceMembers(body.subarray(start, end), [step], Number.POSITIVE_INFINITY);
    const member = members === 'too_deep' ? undefined : members.get(step);
    if (member === undefined) return undefined;
    [start, end] = [start + member.start, start + member.end];
  }
  return Buffer.from(body.subarray(start, end));
}

/** https://docs.github.com/en/apps/creating-github-apps/authenticating-with-a-github-app: a JWT of the app itself. */
function appToken(privateKey: string, appId: string, nowMs: number): string {
  const nowSeconds = Math.floor(nowMs / 1_000);
  const claims = { iat: nowSeconds - jwtBackdatedSeconds, exp: nowSeconds + jwtGoodForSeconds, iss: appId };
  const signed = [{ alg: 'RS256', typ: 'JWT' }, claims]
    .map((part) => Buffer.from(JSON.stringify(part)).toString('base64url'))
    .join('.');
  return `${signed}.${createSign('RSA-SHA256').update(signed).sign(privateKey, 'base64url')}`;
}
