// Which endpoints a message is for.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { matches } from '../src/core/matching.ts';
import type { Subscription } from '../src/core/matching.ts';

const everything: Subscription = { disabled: false, eventTypes: null, channels: null };
const paid = { eventType: 'invoice.paid' };

describe('matches', () => {
  it('an endpoint without filters gets every message', () => {
    expect(matches(everything, paid)).toBe(true);
    expect(matches(everything, { ...paid, channels: ['eu'] })).toBe(true);
  });

  it('a disabled endpoint gets nothing', () => {
    expect(matches({ ...everything, disabled: true }, paid)).toBe(false);
    expect(matches({ ...everything, disabled: true, eventTypes: ['invoice.paid'] }, paid)).toBe(false);
  });

  it('event types match exactly, never by their beginning, end or case', () => {
    const one = { ...everything, eventTypes: ['invoice.paid', 'user.created'] };
    expect(matches(one, paid)).toBe(true);
    for (const eventType of ['invoice', 'invoice.paid.late', 'my.invoice.paid', 'Invoice.Paid', '']) {
      expect(matches(one, { eventType })).toBe(false);
    }
  });

  it('an endpoint with channels gets only messages that name one of them', () => {
    const eu = { ...everything, channels: ['eu', 'all'] };
    expect(matches(eu, { ...paid, channels: ['us', 'eu'] })).toBe(true);
    expect(matches(eu, { ...paid, channels: ['us'] })).toBe(false);
    expect(matches(eu, { ...paid, channels: [] })).toBe(false);
    expect(matches(eu, paid)).toBe(false);
  });

  it('event type and channel must both fit', () => {
    const both = { ...everything, eventTypes: ['invoice.paid'], channels: ['eu'] };
    expect(matches(both, { ...paid, channels: ['eu'] })).toBe(true);
    expect(matches(both, { ...paid, channels: ['us'] })).toBe(false);
    expect(matches(both, { eventType: 'user.created', channels: ['eu'] })).toBe(false);
  });

  it('an empty list of event types or channels is a filter that nothing passes', () => {
    expect(matches({ ...everything, eventTypes: [] }, paid)).toBe(false);
    expect(matches({ ...everything, channels: [] }, { ...paid, channels: ['eu'] })).toBe(false);
  });
});

const name = fc.constantFrom(
  'user.created',
  'user.deleted',
  'User.created',
  'user',
  '',
  'eu',
  'us',
  '__proto__',
);
const filter = fc.option(fc.array(name, { maxLength: 4 }), { nil: null });

describe('matches, for every subscription and message', () => {
  it('is what the two filters say, each by itself, and nothing for a disabled endpoint', () => {
    const anyCase = fc.record({
      disabled: fc.boolean(),
      eventTypes: filter,
      channels: filter,
      eventType: name,
      messageChannels: fc.option(fc.array(name, { maxLength: 4 }), { nil: undefined }),
    });
    fc.assert(
      fc.property(anyCase, ({ disabled, eventTypes, channels, eventType, messageChannels }) => {
        const typeFits = eventTypes === null || new Set(eventTypes).has(eventType);
        const wanted = new Set(channels);
        const channelFits =
          channels === null || (messageChannels ?? []).filter((one) => wanted.has(one)).length > 0;
        const subscription = { disabled, eventTypes, channels };
        expect(matches(subscription, { eventType, channels: messageChannels })).toBe(
          !disabled && typeFits && channelFits,
        );
      }),
      { numRuns: 1_000 },
    );
  });
});
