// Bodies that come in pieces: the same bytes whatever the pieces are, and no more memory than the body needs.
import * as fc from 'fast-check';
import { expect, it } from 'vitest';
import { readStream } from '../../src/receiver/incoming.ts';
import type { BodyStream } from '../../src/receiver/incoming.ts';

/** Each piece in the memory of the one before it, so that whoever keeps pieces has the last one many times. */
function streamOf(pieces: readonly Uint8Array[]): BodyStream & { readonly cancelled: boolean } {
  const memory = new Uint8Array(Math.max(1, ...pieces.map(({ length }) => length)));
  let next = 0;
  let cancelled = false;
  return {
    get cancelled() {
      return cancelled;
    },
    getReader: () => ({
      async read() {
        const piece = pieces[next];
        if (piece === undefined) return { done: true };
        next += 1;
        memory.fill(0xff);
        memory.set(piece);
        return { done: false, value: memory.subarray(0, piece.length) };
      },
      async cancel() {
        cancelled = true;
      },
    }),
  };
}

const pieces = fc.array(fc.uint8Array({ maxLength: 40 }), { maxLength: 30 });

it('joins the pieces, up to the limit and not beyond', async () => {
  await fc.assert(
    fc.asyncProperty(pieces, fc.integer({ min: -3, max: 3 }), async (given, spareBytes) => {
      const whole = Buffer.concat(given);
      const bodyMaxBytes = Math.max(0, whole.length + spareBytes);
      const stream = streamOf(given);
      const read = await readStream(stream, bodyMaxBytes);
      const isTooLarge = whole.length > bodyMaxBytes;
      expect(stream.cancelled).toBe(isTooLarge);
      expect(read).toEqual(isTooLarge ? undefined : Uint8Array.from(whole));
    }),
    { numRuns: 500 },
  );
});

it('takes a body that comes byte by byte without keeping the pieces', async () => {
  const whole = Uint8Array.from({ length: 100_000 }, (_, index) => index % 251);
  const stream = streamOf(Array.from(whole, (byte) => Uint8Array.of(byte)));
  const read = await readStream(stream, 1_000_000);
  expect(read).toEqual(whole);
  // Nothing of what it grew by is left behind the body.
  expect((read as Uint8Array).buffer.byteLength).toBe(whole.length);
});
