// What a provider is answered: never more than it needs to know, and nothing that a browser would run.

export interface Answer {
  status: number;
  headers?: Readonly<Record<string, string>>;
  body?: string | Buffer;
}

/** On every answer: these paths lie beside the console's. */
export const plainHeaders: Readonly<Record<string, string>> = {
  'cache-control': 'no-store',
  'content-security-policy': "default-src 'none'; sandbox",
  'x-content-type-options': 'nosniff',
};

export const notFound: Answer = { status: 404 };

/** The provider comes again. */
export function unavailable(retryAfterSeconds: number): Answer {
  return { status: 503, headers: { 'retry-after': String(retryAfterSeconds) } };
}

export function tooMany(retryAfterSeconds: number): Answer {
  return { status: 429, headers: { 'retry-after': String(retryAfterSeconds) } };
}

export const tooLarge: Answer = { status: 413 };
