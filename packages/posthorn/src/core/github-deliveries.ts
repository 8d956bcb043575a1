// What GitHub's API says of the deliveries of a webhook: https://docs.github.com/en/rest/repos/webhooks, and the same for
// organizations and apps. Pure: texts and headers in, facts out.

/** Owners, repositories and hooks as GitHub names them. */
const hookPath = /^\/(?:repos\/[\w.-]+\/[\w.-]+\/hooks\/\d+|orgs\/[\w.-]+\/hooks\/\d+|app\/hook)$/;
const cursorMaxChars = 512;
const guidPattern = /^[\x21-\x7e]{1,128}$/;
const idPattern = /^\d{1,20}$/;
const limitedDefaultMs = 60_000;
const limitedMaxMs = 2 * 60 * 60 * 1000;
const millisecondsPerSecond = 1_000;
const deliveriesMax = 100;

/** One try of GitHub's to deliver one event. */
export interface GithubDelivery {
  /** Of the try; as text, because it can be larger than a number is exact. */
  id: string;
  /** Of the event, the same for every try: X-GitHub-Delivery. */
  guid: string;
  deliveredAtMs: number;
  /** 0 without an answer. */
  status: number;
  event: string;
}

/**
 * The hook's URL as it is stored; undefined for one that is not a hook of one of these APIs. `apiUrls` end without a
 * slash: `https://api.github.com`, or `https://github.example.com/api/v3`.
 */
export function hookUrlOf(text: string, apiUrls: readonly string[]): string | undefined {
  if (!URL.canParse(text)) return undefined;
  const { href } = new URL(text);
  const whole = href.replace(/\/$/, '');
  const api = apiUrls.find((url) => whole.startsWith(`${url}/`));
  return api !== undefined && hookPath.test(whole.slice(api.length)) ? whole : undefined;
}

/** Of a page, the newest first. Undefined when the text is not a list of deliveries. */
export function readDeliveries(text: string): GithubDelivery[] | undefined {
  const list = parsed(exactIds(text));
  if (!Array.isArray(list) || list.length > deliveriesMax) return undefined;
  const deliveries = (list as unknown[]).map(deliveryOf);
  return deliveries.includes(undefined) ? undefined : (deliveries as GithubDelivery[]);
}

// Within a string a quote has a backslash before it, so this is never part of one.
function exactIds(text: string): string {
  return text.replaceAll(/("id"\s*:\s*)(\d+)/g, '$1"$2"');
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function deliveryOf(item: unknown): GithubDelivery | undefined {
  const { id, guid, delivered_at, status_code, event } = (item ?? {}) as Record<string, unknown>;
  const deliveredAtMs = typeof delivered_at === 'string' ? Date.parse(delivered_at) : Number.NaN;
  if (typeof id !== 'string' || !idPattern.test(id)) return undefined;
  if (typeof guid !== 'string' || !guidPattern.test(guid) || Number.isNaN(deliveredAtMs)) return undefined;
  const status = typeof status_code === 'number' && Number.isInteger(status_code) ? status_code : 0;
  return { id, guid, deliveredAtMs, status, event: typeof event === 'string' ? event.slice(0, 100) : '' };
}

/** The headers of a delivery, by lower-case name; its payload stays where it is in the text. */
export function readDeliveryHeaders(text: string): Record<string, string> | undefined {
  const { request } = (parsed(text) ?? {}) as { request?: { headers?: unknown; payload?: unknown } };
  const { headers, payload } = request ?? {};
  if (typeof headers !== 'object' || headers === null) return undefined;
  if (typeof payload !== 'object' || payload === null) return undefined;
  const texts = Object.entries(headers).filter(
    (entry): entry is [string, string] => typeof entry[1] === 'string',
  );
  return Object.fromEntries(texts.map(([name, value]) => [name.toLowerCase(), value]));
}

/** The cursor of the next page, from a Link header (RFC 8288); undefined on the last page. Nothing else of it is used. */
export function nextCursor(link: string | undefined): string | undefined {
  for (const [, target = '', parameters = ''] of (link ?? '').matchAll(/<([^>]*)>([^<]*)/g)) {
    if (!/;\s*rel="?next"?/.test(parameters) || !URL.canParse(target)) continue;
    const cursor = new URL(target).searchParams.get('cursor') ?? '';
    return cursor !== '' && cursor.length <= cursorMaxChars ? cursor : undefined;
  }
  return undefined;
}

type Headers = Readonly<Record<string, string | undefined>>;

/**
 * How long nothing may be asked any more, in milliseconds; undefined when it may. GitHub limits with 403 or 429, and says
 * until when by Retry-After, or by X-RateLimit-Reset (Unix seconds) where nothing remains; an answer can be the last one.
 */
export function limitedForMs(status: number, headers: Headers, nowMs: number): number | undefined {
  const isRefusal = status === 403 || status === 429;
  const retryAfter = Number(headers['retry-after'] ?? Number.NaN);
  if (isRefusal && retryAfter >= 0) return bounded(retryAfter * millisecondsPerSecond);
  const isUsedUp = headers['x-ratelimit-remaining']?.trim() === '0';
  const resetMs = Number(headers['x-ratelimit-reset'] ?? Number.NaN) * millisecondsPerSecond;
  if (isUsedUp) return Number.isNaN(resetMs) ? limitedDefaultMs : bounded(resetMs - nowMs);
  return status === 429 ? limitedDefaultMs : undefined;
}

function bounded(ms: number): number {
  return Math.min(limitedMaxMs, Math.max(millisecondsPerSecond, ms));
}

/** What the operator is told of an answer that is no success, with what to do. */
export function describeRefusal(status: number): string {
  switch (status) {
    case 401:
      return 'GitHub does not know the token (401): give a new one that has not expired';
    case 403:
      return 'GitHub refuses the token (403): it needs to read webhooks, and to write them where missing is "redeliver"';
    case 404:
      return 'GitHub finds no such hook for the token (404): check hookUrl, and that the token may see the hook';
    default:
      if (status >= 300 && status <= 399)
        return `GitHub answered ${status}: the repository or organization has moved; give its new hookUrl`;
      return `GitHub answered ${status}; it is asked again`;
  }
}
