// @ts-check
// What Posthorn is told once: where Stripe's events come in, what is written into the ledger, and what people look at.
import { Refused } from '../story/posthorn-api.mjs';
import { amountLimit } from './payments.mjs';

const sourceUid = 'finance-example';
const table = 'finance.entries';

const charge = 'payload.data.object';
const cardCountry = `${charge}.payment_method_details.card.country`;
const billCountry = `${charge}.billing_details.address.country`;

// A filter that fails on a part that is missing keeps the message away, and a fraud rule must not. So it says what is known
// to be harmless, and lets the rest through: `has` asks for each part before the next one is looked at.
const fraudRule = `!(${[
  `has(${charge}.amount) && ${charge}.amount <= ${amountLimit}`,
  isThere('payment_method_details', 'card', 'country'),
  isThere('billing_details', 'address', 'country'),
  `${cardCountry} == ${billCountry}`,
].join(' && ')})`;

/** @param {string[]} steps */
function isThere(...steps) {
  return steps.map((_, index) => `has(${[charge, ...steps.slice(0, index + 1)].join('.')})`).join(' && ');
}

const closedTable = `Posthorn may not write ${table} yet, which its operator decides. Stop it, and start it with

   POSTHORN_ALLOW_TABLES=${table} npm start`;

/**
 * @param {ReturnType<typeof import('../story/posthorn-api.mjs').createPosthornApi>} posthorn
 * @param {{ secret: string, deskUrl: string }} bank
 */
export async function connectBank(posthorn, { secret, deskUrl }) {
  const source = await posthorn.newSource(sourceUid, {
    type: 'stripe',
    name: 'Payments',
    config: { secret },
  });
  const ledger = await posthorn.endpoint(source, 'ledger', ledgerFields).catch((error) => {
    const isClosed = error instanceof Refused && error.text.includes('POSTHORN_ALLOW_TABLES');
    throw isClosed ? new Error(closedTable) : error;
  });
  const desk = await posthorn.endpoint(source, 'fraud-desk', deskFields(deskUrl));
  return { source, ledger, desk };
}

const ledgerFields = {
  kind: 'postgres',
  eventTypes: ['charge.succeeded', 'refund.created'],
  config: {
    database: 'posthorn',
    table,
    columns: {
      id: 'payload.data.object.id',
      account: 'payload.account',
      type: 'eventType',
      amount: 'payload.data.object.amount',
      currency: 'payload.data.object.currency',
      event: 'payload.id',
      created: 'payload.created',
    },
    key: ['id'],
  },
};

/** @param {string} url */
const deskFields = (url) => ({
  kind: 'api',
  eventTypes: ['charge.succeeded'],
  filter: fraudRule,
  config: {
    url,
    json: {
      payment: '{{ payload.data.object.id }}',
      account: '{{ payload.account }}',
      cents: '{{ payload.data.object.amount }}',
      countries:
        "card {{ payload.data.object.payment_method_details.card.country | default: 'unknown' }}, " +
        "bill {{ payload.data.object.billing_details.address.country | default: 'unknown' }}",
    },
  },
});
