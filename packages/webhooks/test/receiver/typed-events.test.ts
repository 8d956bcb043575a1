// Types that a program adds by declaration merging; the compiler is the test.
import { readdir, readFile } from 'node:fs/promises';
import { expect, expectTypeOf, it } from 'vitest';
import { providers } from '../../src/providers/all.ts';
import { github } from '../../src/providers/github.ts';
import { stripe } from '../../src/providers/stripe.ts';
import type { Provider } from '../../src/provider/provider.ts';
import type { EventsByType } from '../../src/receiver/events.ts';
import { createReceiver } from '../../src/receiver/index.ts';
import { stripeRequest, stripeSecret } from '../support/signed-requests.ts';

type Invoice = { readonly id: string; readonly type: 'invoice.paid'; readonly amount: number };
type Customer =
  | { readonly type: 'customer.created'; readonly email: string }
  | { readonly type: 'customer.deleted'; readonly at: number };

// A row of its own: what is declared here holds for every test.
const typed: Provider<'typed-billing'> = { ...stripe, name: 'typed-billing' };

declare module '@posthorn/webhooks/events' {
  interface ProviderEvents {
    'typed-billing': EventsByType<Invoice | Customer, 'type'>;
  }
}

it('types events by provider and type, and leaves the rest unknown', async () => {
  const amounts: number[] = [];
  const receiver = createReceiver();
  const billing = receiver
    .source('billing', typed, { secrets: stripeSecret })
    .on('invoice.paid', ({ type, payload }) => {
      expectTypeOf(type).toEqualTypeOf<'invoice.paid'>();
      expectTypeOf(payload).toEqualTypeOf<Invoice>();
      amounts.push(payload.amount);
    })
    .on('customer.*', ({ type, payload }) => {
      expectTypeOf(type).toEqualTypeOf<string>();
      expectTypeOf(payload).toEqualTypeOf<Customer>();
    })
    .on('charge.failed', ({ payload }) => expectTypeOf(payload).toBeUnknown())
    .on('charge.*', ({ payload }) => expectTypeOf(payload).toBeUnknown())
    .on('*', ({ payload }) => expectTypeOf(payload).toEqualTypeOf<Invoice | Customer>());
  receiver.source('code', github).on('push', ({ payload }) => expectTypeOf(payload).toBeUnknown());

  const { headers, body } = stripeRequest({ id: 'evt_1', type: 'invoice.paid', amount: 5 } as Invoice);
  await billing.fetch(new Request('https://example.com/', { method: 'POST', headers, body }));
  expect(amounts).toEqual([5]);
});

it('has rows that say their names to the compiler', async () => {
  const folder = new URL('../../src/providers/', import.meta.url);
  const files = (await readdir(folder)).filter((name) => name !== 'all.ts');
  const sources = await Promise.all(files.map((name) => readFile(new URL(name, folder), 'utf8')));
  const typedRows = sources.flatMap((source) =>
    Array.from(source.matchAll(/: Provider<'(.+?)'>/g), ([, name]) => name),
  );
  expect(typedRows.sort()).toEqual([...providers.keys()].sort());
});
