// Rights and what they include, and budgets that fill again.
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  type Access,
  type Caller,
  capabilities,
  capabilitiesFor,
  expandRights,
  isBound,
  refusalReason,
} from '../src/core/access.ts';
import { RateBudget } from '../src/core/rate-budget.ts';

const operator = (...given: ('read' | 'publish' | 'manage')[]): Caller => ({
  tokenId: 'tok_1',
  tokenName: 'test',
  environmentId: 'env_1',
  application: null,
  rights: expandRights(given),
  holderId: null,
  featureFlags: [],
});
const consumer = (...given: (typeof capabilities)[number][]): Caller => ({
  ...operator(),
  application: { id: 'app_1', uid: null },
  rights: expandRights(given),
});

describe('who may call a route', () => {
  const view: Access = { scope: 'read', capability: 'ViewBase' };
  test.each<[string, Access | undefined, Caller, boolean]>([
    ['nothing declared, with manage', undefined, operator('manage'), true],
    ['nothing declared, with less', undefined, operator('read', 'publish'), false],
    ['nothing declared, for an application', undefined, consumer(...capabilities), false],
    ['manage reads', 'read', operator('manage'), true],
    ['manage publishes', 'publish', operator('manage'), true],
    ['read does not publish', 'publish', operator('read'), false],
    ['publish does not read', 'read', operator('publish'), false],
    ['a scope is no capability', 'read', consumer(...capabilities), false],
    ['a capability where there is one', view, consumer('ViewBase'), true],
    ['the scope where there is a capability', view, operator('read'), true],
    ['another capability', view, consumer('CreateAttempts'), false],
    ['only applications, for an operator', 'application', operator('manage'), false],
    ['only applications, for one', 'application', consumer('ViewBase'), true],
    ['everybody', 'public', consumer(), true],
  ])('%s', (_, access, caller, allowed) => {
    expect(refusalReason(access, caller) === undefined).toBe(allowed);
  });

  test('managing an endpoint includes its secrets, as the portal says', () => {
    expect([...consumer('ManageEndpoint').rights]).toContain('ManageEndpointSecret');
    expect([...consumer('ManageEndpointSecret').rights]).toContain('ViewEndpointSecret');
    expect([...consumer('ViewEndpointSecret').rights]).toEqual(['ViewEndpointSecret']);
  });

  test('read-only leaves nothing but looking', () => {
    expect(capabilitiesFor(undefined, false)).toEqual(capabilities);
    expect(capabilitiesFor(undefined, true)).toEqual(['ViewBase']);
    expect(capabilitiesFor(['ViewBase', 'ManageEndpoint'], true)).toEqual(['ViewBase']);
  });

  test('a route for applications names the application or says that it is for all', () => {
    expect(isBound(view, '/api/v1/app/:app')).toBe(true);
    expect(isBound(view, '/api/v1/app/:app/msg')).toBe(true);
    expect(isBound(view, '/api/v1/app/:application')).toBe(false);
    expect(isBound({ ...view, shared: true }, '/api/v1/event-type')).toBe(true);
    expect(isBound('read', '/api/v1/app')).toBe(true);
  });
});

describe('a budget', () => {
  test('never gives more than its burst and what has filled since', () => {
    const step = fc.record({ waitMs: fc.nat(2_000), take: fc.nat(20) });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 30 }), (steps) => {
        const budget = new RateBudget({ perSecond: 5, burst: 10, keysMax: 10 });
        let nowMs = 0;
        let taken = 0;
        for (const { waitMs, take } of steps) {
          nowMs += waitMs;
          for (let i = 0; i < take; i += 1) if (budget.take('a', nowMs)) taken += 1;
          expect(taken).toBeLessThanOrEqual(10 + (nowMs * 5) / 1_000);
        }
      }),
    );
  });

  test('fills again, is kept by key, and takes back what was not used', () => {
    const budget = new RateBudget({ perSecond: 1, burst: 2, keysMax: 10 });
    expect([1, 2, 3].map(() => budget.take('a', 0))).toEqual([true, true, false]);
    expect(budget.take('b', 0)).toBe(true);
    expect(budget.take('a', 999)).toBe(false);
    expect(budget.take('a', 2_000)).toBe(true);
    budget.giveBack('a');
    expect(budget.take('a', 2_000)).toBe(true);
  });

  test('remembers so many keys and no more', () => {
    const budget = new RateBudget({ perSecond: 1, burst: 1, keysMax: 2 });
    for (const key of ['a', 'b', 'c']) expect(budget.take(key, 0)).toBe(true);
    expect(budget.take('c', 0)).toBe(false);
    expect(budget.take('a', 0)).toBe(true);
  });
});
