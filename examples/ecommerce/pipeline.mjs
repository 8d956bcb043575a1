// @ts-check
// What Posthorn is told once: where Shopify's webhooks come in, and what happens with them.

const sourceUid = 'ecommerce-example';
const announcement =
  '*{{ payload.name }}*: {{ payload.customer.first_name }} ordered ' +
  '{% for item in payload.line_items %}{{ item.quantity }} × {{ item.title }}{% unless forloop.last %}, {% endunless %}{% endfor %}' +
  ' for {{ payload.total_price }} {{ payload.currency }}';

/**
 * @param {ReturnType<typeof import('../story/posthorn-api.mjs').createPosthornApi>} posthorn
 * @param {{ secret: string, database: { url: string, password: string }, chatUrl: string }} shop
 */
export async function connectShop(posthorn, { secret, database, chatUrl }) {
  const source = await posthorn.newSource(sourceUid, {
    type: 'shopify',
    name: 'Tea & Paper',
    config: { secret },
  });
  const orders = await posthorn.endpoint(source, 'orders', {
    kind: 'postgres',
    eventTypes: ['orders.create', 'orders.updated'],
    config: {
      ...database,
      table: 'shop.orders',
      columns: {
        id: 'payload.id',
        name: 'payload.name',
        customer: 'payload.customer.email',
        total: 'payload.total_price',
        currency: 'payload.currency',
        payment: 'payload.financial_status',
        fulfillment: 'payload.fulfillment_status',
        updated_at: 'payload.updated_at',
      },
      key: ['id'],
      newerBy: 'updated_at',
    },
  });
  const seller = await posthorn.endpoint(source, 'seller', {
    kind: 'slack',
    eventTypes: ['orders.create'],
    config: { url: chatUrl, text: announcement },
  });
  return { source, orders, seller };
}
