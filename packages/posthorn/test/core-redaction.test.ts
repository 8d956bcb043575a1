// What is kept out of a stored request, and that nothing is lost by it.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { redact, unredact } from '../src/core/redaction.ts';

const headers = {
  authorization: ['Bearer abc'],
  cookie: ['a=1', 'b=2'],
  'x-gitlab-token': ['abc'],
  'x-hub-signature-256': ['sha256=00'],
  'stripe-signature': ['t=1,v1=ab'],
  'content-type': ['application/json'],
};

describe('a stored request', () => {
  it('keeps signatures, and no credentials', () => {
    const { headers: shown, hidden } = redact({ headers, query: '' }, []);
    expect(shown).toEqual({
      ...headers,
      authorization: ['***'],
      cookie: ['***', '***'],
      'x-gitlab-token': ['***'],
    });
    expect(Object.keys(hidden?.headers ?? {})).toEqual(['authorization', 'cookie', 'x-gitlab-token']);
  });

  it('hides where the provider puts its secret, whatever the place is called', () => {
    const given = { headers: { 'x-plain': ['abc'] }, query: '?plain=abc&event=1&flag' };
    const shown = redact(given, ['header:x-plain', 'query:plain']);
    expect(shown).toMatchObject({ headers: { 'x-plain': ['***'] }, query: '?plain=***&event=1&flag' });
    expect(shown.hidden).toEqual({ headers: { 'x-plain': ['abc'] }, query: given.query });
  });

  it('of a query hides each parameter that is called like a credential', () => {
    const query = '?token=a&access_token=b&api-key=c&key=d&monkey=e&sig=f&signature=g';
    expect(redact({ headers: {}, query }, []).query).toBe(
      '?token=***&access_token=***&api-key=***&key=***&monkey=e&sig=***&signature=g',
    );
  });

  it('has nothing hidden where there is nothing to hide', () => {
    expect(redact({ headers: { host: ['x'] }, query: '?a=1' }, []).hidden).toBeUndefined();
  });

  it('comes back as it was with what was hidden', () => {
    const name = fc.constantFrom('authorization', 'x-token', 'x-event', '__proto__', 'host', 'cookie');
    const given = fc.record({
      headers: fc.dictionary(name, fc.array(fc.string(), { minLength: 1 })),
      query: fc.constantFrom('', '?', '?token=1', '?a=b&secret=c&&=', '?key', '?x=token=2'),
    });
    fc.assert(
      fc.property(given, (request) => {
        const { hidden, ...shown } = redact(request, ['header:x-event']);
        expect(unredact(shown, hidden)).toEqual({ ...request, headers: { ...request.headers } });
      }),
    );
  });
});
