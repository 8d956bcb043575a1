// What the provider is told. Reasons stay with the operator: an answer helps nobody to forge the next request.
import type { SourceParts } from './source-parts.ts';

// Long enough for a short outage to end, and below what providers give up on.
const retryAfterSeconds = 30;

export function accepted({ provider }: Pick<SourceParts, 'provider'>): Response {
  const { body, status = body === undefined ? 204 : 200 } = provider.answer ?? {};
  return new Response(body ?? null, { status });
}

/** Makes the provider send the same again. */
export function sendAgain({ retryStatus }: Pick<SourceParts, 'retryStatus'>): Response {
  return new Response(null, {
    status: retryStatus,
    headers: { 'retry-after': String(retryAfterSeconds) },
  });
}

export function refused(status: number, methods: ReadonlySet<string>): Response {
  const headers: Record<string, string> = status === 405 ? { allow: [...methods].join(', ') } : {};
  return new Response(null, { status, headers });
}
