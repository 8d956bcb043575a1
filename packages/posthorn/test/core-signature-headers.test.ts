// The names that an endpoint can give to the headers of its signatures.
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { forbiddenHeaderReason, signatureHeaderProblems } from '../src/core/headers.ts';

const good = { id: 'X-Acme-Id', timestamp: 'X-Acme-Time', signature: 'X-Acme-Signature' };

it('can be any three that may be sent', () => {
  expect(signatureHeaderProblems(good)).toEqual([]);
});

it.each([
  'Webhook-Id',
  'svix-id',
  'Host',
  'content-type',
  'Authorization',
  'cookie',
  'Accept',
  'a b',
  '',
  'x\r\ny',
  'ü',
])('cannot be %j', (name) => {
  for (const part of ['id', 'timestamp', 'signature'] as const) {
    expect(signatureHeaderProblems({ ...good, [part]: name }).map(([at]) => at)).toEqual([part]);
  }
});

it('whatever is let through is three different headers, none of which is refused as a custom one', () => {
  const anyName = fc.oneof(
    fc.string({ maxLength: 20 }),
    fc.constantFrom('x-a', 'X-A', 'x-b', 'x-c', 'Host', 'webhook-id', 'accept'),
  );
  fc.assert(
    fc.property(anyName, anyName, anyName, (id, timestamp, signature) => {
      if (signatureHeaderProblems({ id, timestamp, signature }).length > 0) return;
      const names = [id, timestamp, signature];
      expect(new Set(names.map((name) => name.toLowerCase())).size).toBe(3);
      for (const name of names) expect(forbiddenHeaderReason(name)).toBeUndefined();
      const headers = new Headers(names.map((name) => [name, 'v'] as [string, string]));
      expect([...headers]).toHaveLength(3);
    }),
    { numRuns: 2_000 },
  );
});
