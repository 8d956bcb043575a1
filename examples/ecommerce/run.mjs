// @ts-check
// The story of a shop, told against a running Posthorn: orders come in from Shopify late, twice and forged, and the shop's
// table and its seller's chat are right all the same. Exits with 0 when the counts at the end say so, with 1 when not.
import { randomBytes } from 'node:crypto';
import { diagnoseRefusal } from '@posthorn/webhooks/provider';
import { shopify } from '@posthorn/webhooks/providers/shopify';
import { findPosthorn } from '../signup/find-posthorn.mjs';
import { startInbox } from '../story/inbox.mjs';
import { createPosthornApi } from '../story/posthorn-api.mjs';
import { checkCounts, note, say, tell, waitFor } from '../story/tell.mjs';
import { connectShop } from './pipeline.mjs';
import { openShop } from './shop-database.mjs';
import { createShopify, newOrder } from './shopify.mjs';

/**
 * @typedef {import('./shopify.mjs').Order} Order
 * @typedef {{ posthorn: ReturnType<typeof createPosthornApi>, shop: Awaited<ReturnType<typeof openShop>>,
 *   chat: Awaited<ReturnType<typeof startInbox>>, source: import('../story/posthorn-api.mjs').Source, secret: string,
 *   orders: { id: string }, send: ReturnType<typeof createShopify>['send'], answers: number[] }} World
 */

const minuteMs = 60_000;
const startedAtMs = Date.now() - 10 * minuteMs;
/** @param {number} minutes */
const after = (minutes) => new Date(startedAtMs + minutes * minuteMs);

await tell(async () => {
  const { databaseUrl, ...found } = await findPosthorn(process.env);
  console.log(`Posthorn is at ${found.serverUrl}`);
  const shop = await openShop({ ownUrl: process.env.SHOP_DATABASE_URL, posthornUrl: databaseUrl });
  const chat = await startInbox();
  try {
    await tellParts(createPosthornApi(found), shop, chat);
  } finally {
    await chat.stop();
    await shop.close();
  }
});

/** @param {World['posthorn']} posthorn @param {World['shop']} shop @param {World['chat']} chat */
async function tellParts(posthorn, shop, chat) {
  say("1. The shop gets a URL for Shopify, its orders' table and its seller's chat become endpoints");
  const secret = randomBytes(32).toString('hex');
  const connected = await connectShop(posthorn, { secret, database: shop.target, chatUrl: chat.url });
  const { ingestUrl } = connected.source;
  note(`webhooks come in at ${ingestUrl.slice(0, ingestUrl.indexOf('/in/') + 8)}…`);
  note(`rows are written as ${shop.target.url}`);
  const shopifyOfShop = createShopify({ ingestUrl, secret });
  /** @type {number[]} */
  const answers = [];
  /** @type {World['send']} */
  const send = async (...sent) => {
    const answer = await shopifyOfShop.send(...sent);
    answers.push(answer.status);
    return answer;
  };
  const world = { posthorn, shop, chat, secret, send, answers, ...connected };

  const { ada, grace, webhookId } = await ordersComeIn(world);
  const shipped = await updatesComeLate(world, ada);
  await comesTwice(world, { ada, shipped, webhookId });
  await isForged(world, shipped);
  await count(world, [shipped, grace]);
}

/** @param {World} world */
async function ordersComeIn({ shop, chat, send }) {
  say('2. Ada and Grace order');
  const tea = [{ title: 'Darjeeling', quantity: 2 }];
  const paper = [
    { title: 'Notebook', quantity: 1 },
    { title: 'Ink', quantity: 3 },
  ];
  const ada = newOrder({ name: '#1001', customer: 'Ada', total_price: '24.50', line_items: tea }, after(0));
  const grace = newOrder(
    { name: '#1002', customer: 'Grace', total_price: '41.20', line_items: paper },
    after(1),
  );
  const { webhookId } = await send('orders/create', ada);
  await send('orders/create', grace);
  for (const order of [ada, grace]) await showRow(shop, order);
  await waitFor('two announcements', () => chat.received[1]);
  for (const { body } of chat.received) note(`chat: ${String(body.text)}`);
  return { ada, grace, webhookId };
}

/** @param {World} world @param {Order} ada */
async function updatesComeLate(world, ada) {
  say('3. Ada pays and her order is shipped, and the older of the two updates comes last');
  const paid = /** @type {Order} */ ({
    ...ada,
    financial_status: 'paid',
    updated_at: after(2).toISOString(),
  });
  const shipped = /** @type {Order} */ ({
    ...paid,
    fulfillment_status: 'fulfilled',
    updated_at: after(5).toISOString(),
  });
  await showWritten(world, 'shipped', await world.send('orders/updated', shipped));
  await showWritten(world, 'paid (late)', await world.send('orders/updated', paid));
  await showRow(world.shop, shipped);
  return shipped;
}

/** @param {World} world @param {{ ada: Order, shipped: Order, webhookId: string }} sent */
async function comesTwice(world, { ada, shipped, webhookId }) {
  say('4. Shopify repeats itself');
  for (const turn of ['once', 'twice']) {
    const { status } = await world.send('orders/create', ada, webhookId);
    note(`the first webhook again (${turn}): answered ${status}`);
  }
  const stored = (await world.posthorn.requests(world.source)).find(
    ({ deliveryId }) => deliveryId === webhookId,
  );
  note(`it is known by its id: one message, and ${stored?.duplicates} duplicates counted`);
  await showWritten(world, 'the update under another id', await world.send('orders/updated', shipped));
}

/** @param {World} world @param {Order} shipped */
async function isForged({ posthorn, shop, source, secret, answers }, shipped) {
  say('5. Somebody who knows the URL, but not the secret, sets the price');
  const forger = createShopify({ ingestUrl: source.ingestUrl, secret: 'a guess' });
  const cheap = { ...shipped, total_price: '0.01', updated_at: after(9).toISOString() };
  const { status } = await forger.send('orders/updated', cheap);
  answers.push(status);
  note(`answered ${status}`);
  const refused = await waitFor('the refused request', async () =>
    (await posthorn.requests(source)).find(({ verdict }) => verdict === 'rejected'),
  );
  note(`kept as ${refused.id}: ${refused.reason} (${refused.detail})`);
  const { method, headers, body } = await posthorn.wholeRequest(source, refused.id);
  const refusal = /** @type {const} */ ({ ok: false, reason: 'mismatch', detail: refused.detail ?? '' });
  const seen = { method, url: source.ingestUrl, headers, body };
  const { cause, advice } = await diagnoseRefusal(shopify, seen, { secrets: secret }, refusal);
  note(`diagnosis: ${cause}, ${advice}`);
  note("Shopify's own webhooks fit the secret that there is: this one is a forgery");
  await showRow(shop, shipped);
}

/** @param {World} world @param {Order[]} placed */
async function count({ posthorn, shop, chat, source, orders, answers }, placed) {
  say('6. What Posthorn and the shop have in the end');
  const requests = await posthorn.requests(source);
  const messages = await posthorn.messages(source);
  const written = (await posthorn.attempts(source, orders.id)).map(({ response }) => response);
  const { rows, total } = await shop.summary(placed.map(({ id }) => id));
  const refused = requests.filter(({ verdict }) => verdict === 'rejected');
  const duplicates = requests.map((request) => request.duplicates).reduce((sum, each) => sum + each, 0);
  checkCounts([
    ['webhooks answered 200', answers.filter((status) => status === 200).length, 7],
    ['webhooks refused', answers.filter((status) => status === 401).length, 1],
    ['requests kept as refused', refused.length, 1],
    ['messages made of the others', messages.length, 5],
    ['duplicates that made none', duplicates, 2],
    ['deliveries that wrote a row', written.filter((said) => said === '1 row written').length, 3],
    ['deliveries that were not newer', written.filter((said) => said.startsWith('nothing')).length, 2],
    ['rows in the table', rows, placed.length],
    ['cents that they are worth', Math.round(total * 100), 6_570],
    ['announcements to the seller', chat.received.length, 2],
  ]);
}

/** Waits until the row is as the order says. @param {World['shop']} shop @param {Order} order */
async function showRow(shop, order) {
  const { id, name, financial_status: payment, fulfillment_status: fulfillment } = order;
  const row = await waitFor(`the row of ${name}`, async () => {
    const found = await shop.order(id);
    const isSo = found?.payment === payment && found.fulfillment === fulfillment;
    return isSo ? found : undefined;
  });
  note(`row: ${row.name} ${row.customer} ${row.total} ${row.payment}, ${row.fulfillment ?? 'not shipped'}`);
}

/** @param {World} world @param {string} what @param {{ status: number, webhookId: string }} sent */
async function showWritten({ posthorn, source, orders }, what, { status, webhookId }) {
  const messageId = (await posthorn.requests(source)).find((one) => one.deliveryId === webhookId)
    ?.messageIds[0];
  if (messageId === undefined) throw new Error(`${what} was answered ${status}, and made no message`);
  const { response } = await waitFor(`the delivery of ${messageId}`, async () => {
    const attempts = await posthorn.attemptsOf(source, messageId);
    return attempts.find((one) => one.endpointId === orders.id && one.outcome === 'accepted');
  });
  note(`${what}: answered ${status}, ${response}`);
}
