// @ts-check
// Stands for Shopify: its orders, and the webhooks that tell of them, with its headers and its signature.
import { randomInt, randomUUID } from 'node:crypto';
import { shopify } from '@posthorn/webhooks/providers/shopify';
import { signedRequest } from '@posthorn/webhooks/testing';

// Twelve digits: real ones need more than 32 bits, too.
const orderIdMin = 10 ** 11;
const shopDomain = 'tea-and-paper.myshopify.com';

/**
 * @typedef {{ id: number, name: string, updated_at: string, currency: string, total_price: string,
 *   financial_status: 'pending' | 'paid', fulfillment_status: 'fulfilled' | null,
 *   customer: { first_name: string, email: string }, line_items: { title: string, quantity: number }[] }} Order
 * @typedef {'orders/create' | 'orders/updated'} Topic
 */

/**
 * @param {Pick<Order, 'name' | 'total_price' | 'line_items'> & { customer: string }} given
 * @param {Date} at
 * @returns {Order}
 */
export function newOrder({ customer, ...given }, at) {
  return {
    ...given,
    id: randomInt(orderIdMin, 10 * orderIdMin),
    updated_at: at.toISOString(),
    currency: 'EUR',
    financial_status: 'pending',
    fulfillment_status: null,
    customer: { first_name: customer, email: `${customer.toLowerCase()}@example.com` },
  };
}

/** @param {{ ingestUrl: string, secret: string }} source where the shop's webhooks go, and what they are signed with */
export function createShopify({ ingestUrl, secret }) {
  return {
    /**
     * `webhookId`: of an event that was sent before, to repeat it.
     *
     * @param {Topic} topic
     * @param {Order} order
     * @param {string} [webhookId]
     */
    async send(topic, order, webhookId = randomUUID()) {
      const headers = {
        'content-type': 'application/json',
        'x-shopify-topic': topic,
        'x-shopify-webhook-id': webhookId,
        'x-shopify-shop-domain': shopDomain,
        'x-shopify-triggered-at': order.updated_at,
      };
      const request = await signedRequest(shopify, order, { secret, url: ingestUrl, headers });
      const { status } = await fetch(request);
      return { status, webhookId };
    },
  };
}
