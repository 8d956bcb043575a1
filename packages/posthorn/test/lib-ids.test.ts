// Ids: sorted by time, increasing within a source, unique, and safe in every place that an id is put.
import { randomBytes } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createIdSource, idFloor, timeOfId } from '../src/lib/ids.ts';
import type { IdPrefix } from '../src/lib/ids.ts';

const prefixes: IdPrefix[] = ['env_', 'tok_', 'app_', 'ep_', 'sec_', 'msg_', 'atmpt_'];
const someTimeMs = 1_760_000_000_000;
const sequencesPerMs = 62 ** 3;

const sourceAt = (timeMs: number) => createIdSource(() => timeMs, randomBytes);

function increases(ids: readonly string[]): boolean {
  return ids.every((id, at) => at === 0 || ids[at - 1]! < id);
}

describe('ids', () => {
  it.each(prefixes)(
    '%s ids have their prefix, the base 62 alphabet, and a fixed length below 64',
    (prefix) => {
      const id = sourceAt(someTimeMs)(prefix);
      expect(id.startsWith(prefix)).toBe(true);
      expect(id.slice(prefix.length)).toMatch(/^[0-9A-Za-z]{22}$/);
      expect(id.length).toBeLessThanOrEqual(64);
      // The signed content is joined with dots.
      expect(id).not.toContain('.');
    },
  );

  it('sort by the time they were made at, whichever process made them', () => {
    fc.assert(
      fc.property(fc.nat({ max: 2 ** 46 }), fc.integer({ min: 1, max: 2 ** 40 }), (timeMs, laterMs) => {
        expect(sourceAt(timeMs)('msg_') < sourceAt(timeMs + laterMs)('msg_')).toBe(true);
      }),
    );
  });

  it('increase within a source while the clock stands still, steps back or leaps', () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: -5_000, max: 5_000 }), { minLength: 2 }), (steps) => {
        let nowMs = someTimeMs;
        const newId = createIdSource(() => nowMs, randomBytes);
        const ids = steps.map((step) => {
          nowMs += step;
          return newId('msg_');
        });
        expect(increases(ids)).toBe(true);
      }),
    );
  });

  it('a million of one millisecond are unique and increase, although the sequence runs over', () => {
    const newId = sourceAt(someTimeMs);
    const count = 1_000_000;
    expect(count).toBeGreaterThan(4 * sequencesPerMs);
    const ids = Array.from({ length: count }, () => newId('msg_'));
    expect(new Set(ids).size).toBe(count);
    expect(increases(ids)).toBe(true);
  });

  it('of two sources with the same clock do not meet', () => {
    const [one, other] = [sourceAt(someTimeMs), sourceAt(someTimeMs)];
    const ids = new Set(Array.from({ length: 1_000 }, () => [one('msg_'), other('msg_')]).flat());
    expect(ids.size).toBe(2_000);
  });

  it('go on from the last one when the clock has stepped back, and with the clock once it has caught up', () => {
    let nowMs = someTimeMs;
    const newId = createIdSource(() => nowMs, randomBytes);
    newId('msg_');
    nowMs -= 60_000;
    expect(newId('msg_') > idFloor('msg_', someTimeMs)).toBe(true);
    expect(timeOfId(newId('atmpt_'))).toBe(someTimeMs);
    nowMs = someTimeMs + 1;
    expect(newId('msg_').startsWith(idFloor('msg_', someTimeMs + 1))).toBe(true);
  });

  it('use every letter of the alphabet about equally often', () => {
    const newId = sourceAt(someTimeMs);
    const counts = new Map<string, number>();
    const idCount = 20_000;
    for (let made = 0; made < idCount; made += 1) {
      for (const letter of newId('msg_').slice(-11)) counts.set(letter, (counts.get(letter) ?? 0) + 1);
    }
    const expected = (idCount * 11) / 62;
    expect(counts.size).toBe(62);
    // A byte taken modulo 62 without rejection would give eight letters a quarter more than the others.
    for (const count of counts.values()) expect(Math.abs(count / expected - 1)).toBeLessThan(0.12);
  });
});

describe('idFloor', () => {
  it('is at or below every id of its millisecond, and above every id of the one before', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 2 ** 46 }), fc.constantFrom(...prefixes), (timeMs, prefix) => {
        const floor = idFloor(prefix, timeMs);
        expect(floor <= sourceAt(timeMs)(prefix)).toBe(true);
        expect(sourceAt(timeMs - 1)(prefix) < floor).toBe(true);
      }),
    );
  });

  it('is the beginning of the ids of its millisecond', () => {
    expect(sourceAt(someTimeMs)('atmpt_').startsWith(idFloor('atmpt_', someTimeMs))).toBe(true);
  });
});
