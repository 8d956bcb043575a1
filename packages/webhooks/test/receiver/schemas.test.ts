// Payloads checked by the schema libraries themselves, and the types that handlers get from them.
import { type } from 'arktype';
import { Compile } from 'typebox/compile';
import { Type } from 'typebox';
import * as v from 'valibot';
import { describe, expect, expectTypeOf, it } from 'vitest';
import { z } from 'zod';
import { memoryDedupe } from '../../src/dedupe/memory.ts';
import { stripe } from '../../src/providers/stripe.ts';
import { createReceiver } from '../../src/receiver/index.ts';
import type { PayloadSchema, RejectedRequest, SourceOptions } from '../../src/receiver/index.ts';
import { stripeRequest, stripeSecret } from '../support/signed-requests.ts';

const schemas: [name: string, schema: PayloadSchema, where: RegExp][] = [
  ['zod', z.object({ id: z.string(), amount: z.number() }), /^invoice\.paid: amount: /],
  ['valibot', v.object({ id: v.string(), amount: v.number() }), /^invoice\.paid: amount: /],
  ['arktype', type({ id: 'string', amount: 'number' }), /amount/],
  ['typebox', Compile(Type.Object({ id: Type.String(), amount: Type.Number() })), /^invoice\.paid: amount: /],
  ['an asynchronous schema', z.object({ amount: z.number() }).refine(async () => true), /amount/],
];

async function deliver(options: SourceOptions, events: { id: string; type: string }[]) {
  const rejected: RejectedRequest[] = [];
  const payloads: unknown[] = [];
  const receiver = createReceiver({ onRejected: (each) => rejected.push(each), dedupe: memoryDedupe() });
  const source = receiver.source('billing', stripe, { secrets: stripeSecret, ...options });
  source.on('*', ({ payload }) => void payloads.push(payload));
  const statuses: number[] = [];
  for (const event of events) {
    const { headers, body } = stripeRequest(event);
    const request = new Request('https://example.com/', { method: 'POST', headers, body });
    statuses.push((await source.fetch(request)).status);
  }
  return { statuses, rejected, payloads };
}

const good = { id: 'evt_1', type: 'invoice.paid', amount: 12 };
const bad = { id: 'evt_2', type: 'invoice.paid', amount: 'twelve' };

describe.each(schemas)('%s', (_name, schema, where) => {
  it('lets pass what fits, and refuses the rest so that it comes again', async () => {
    const { statuses, rejected, payloads } = await deliver({ schemas: { 'invoice.paid': schema } }, [
      good,
      bad,
      bad,
    ]);
    expect(statuses).toEqual([204, 422, 422]);
    expect(payloads).toHaveLength(1);
    expect(payloads[0]).toMatchObject({ amount: 12 });
    expect(rejected).toMatchObject([
      { reason: 'invalid-payload', status: 422, event: { id: 'evt_2' } },
      { reason: 'invalid-payload' },
    ]);
    expect(rejected[0]?.detail).toMatch(where);
  });
});

it('skips what does not fit, when that is wanted, and takes it as handled', async () => {
  const options = { schemas: { 'invoice.*': z.object({ amount: z.number() }) }, onInvalid: 'skip' } as const;
  const { statuses, rejected, payloads } = await deliver(options, [bad, bad]);
  expect([statuses, payloads]).toEqual([[204, 204], []]);
  expect(rejected).toMatchObject([{ status: 204 }]);
});

it('gives handlers what comes out of the schema', async () => {
  const schema = z.object({ amount: z.number().transform((amount) => BigInt(amount)) });
  const { payloads } = await deliver({ schemas: { 'invoice.paid': schema } }, [good]);
  expect(payloads).toEqual([{ amount: 12n }]);
});

it('takes the schema of the type before that of a pattern, and the longest pattern', async () => {
  const never = z.never();
  const choose = async (...patterns: string[]) => {
    const fitting = {
      schemas: Object.fromEntries(patterns.map((each, index) => [each, index === 0 ? z.any() : never])),
    };
    return (await deliver(fitting, [good])).statuses;
  };
  expect(await choose('invoice.paid', 'invoice.paid*', '*')).toEqual([204]);
  expect(await choose('invoice.*', 'inv*', '*', 'customer.*')).toEqual([204]);
  expect(await choose('customer.*', '*')).toEqual([422]);
});

it('that throws makes the provider send again', async () => {
  const schema = z.any().transform(() => {
    throw new Error('broken schema');
  });
  const receiver = createReceiver({ onError: () => {} });
  const source = receiver.source('billing', stripe, { secrets: stripeSecret, schemas: { '*': schema } });
  source.on('*', () => {});
  const { headers, body } = stripeRequest(good);
  const request = new Request('https://example.com/', { method: 'POST', headers, body });
  expect((await source.fetch(request)).status).toBe(503);
});

it('types the payloads of handlers', () => {
  // Compiled here: in the place of an option, TypeScript infers the type from the option.
  const compiled = Compile(Type.Object({ amount: Type.Number() }));
  const source = createReceiver().source('typed', stripe, {
    schemas: {
      'zod.made': z.object({ amount: z.number() }),
      'valibot.made': v.object({ amount: v.pipe(v.number(), v.transform(String)) }),
      'arktype.made': type({ amount: 'number' }),
      'typebox.made': compiled,
      'many.*': z.object({ id: z.string() }),
    },
  });
  source
    .on('zod.made', ({ type: name, payload }) => {
      expectTypeOf(name).toEqualTypeOf<'zod.made'>();
      expectTypeOf(payload).toEqualTypeOf<{ amount: number }>();
    })
    .on('valibot.made', ({ payload }) => expectTypeOf(payload).toEqualTypeOf<{ amount: string }>())
    .on('arktype.made', ({ payload }) => expectTypeOf(payload).toEqualTypeOf<{ amount: number }>())
    .on('typebox.made', ({ payload }) => expectTypeOf(payload).toEqualTypeOf<{ amount: number }>())
    .on('many.one', ({ payload }) => expectTypeOf(payload).toEqualTypeOf<{ id: string }>())
    .on('many.*', ({ payload }) => expectTypeOf(payload).toEqualTypeOf<{ id: string }>())
    .on('anything.else', ({ payload }) => expectTypeOf(payload).toBeUnknown());
  expect(source.name).toBe('typed');
});
