// Requests as providers send them, made with node:crypto, and sent over real HTTP.
import { createHmac } from 'node:crypto';

export const githubSecret = "It's a Secret to Everybody";
export const stripeSecret = 'whsec_stripe_test_secret';

export type SignedRequest = { readonly headers: Record<string, string>; readonly body: string };

const hmac = (secret: string, content: string) => createHmac('sha256', secret).update(content).digest('hex');

export function githubRequest(
  payload: unknown,
  { event = 'push', delivery = 'delivery-1', secret = githubSecret } = {},
): SignedRequest {
  const body = JSON.stringify(payload);
  return {
    body,
    headers: {
      'content-type': 'application/json',
      'x-github-event': event,
      'x-github-delivery': delivery,
      'x-hub-signature-256': `sha256=${hmac(secret, body)}`,
    },
  };
}

export function stripeRequest(event: { id: string; type: string }, secret = stripeSecret): SignedRequest {
  // Two blanks: a body that is parsed and written again is another one.
  const body = JSON.stringify(event, null, 2);
  const timestamp = Math.floor(Date.now() / 1_000);
  return {
    body,
    headers: {
      'content-type': 'application/json; charset=utf-8',
      'stripe-signature': `t=${timestamp},v1=${hmac(secret, `${timestamp}.${body}`)}`,
    },
  };
}

export function slackRequest(payload: unknown, secret: string): SignedRequest {
  const body = JSON.stringify(payload);
  const timestamp = Math.floor(Date.now() / 1_000);
  return {
    body,
    headers: {
      'content-type': 'application/json',
      'x-slack-request-timestamp': String(timestamp),
      'x-slack-signature': `v0=${hmac(secret, `v0:${timestamp}:${body}`)}`,
    },
  };
}

export function post(url: string, { headers, body }: SignedRequest): Promise<Response> {
  return fetch(url, { method: 'POST', headers, body });
}
