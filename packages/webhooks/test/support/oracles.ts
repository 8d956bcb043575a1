// What signatures must come to, by node:crypto from the providers' documents and by libraries: never by our own code.
import { createHmac } from 'node:crypto';
import { Webhook } from 'standardwebhooks';
import type { RequestDraft } from '../../src/provider/provider.ts';

/** The clock of the conformance suite. */
export const signedAtMs = 1_700_000_000_000;
export const signedAtSeconds = 1_700_000_000;
export const signedAtIso = '2023-11-14T22:13:20.000Z';

type Headers = Readonly<Record<string, string>>;

/** HMAC-SHA256 of the parts, one after the other. */
export function mac(key: string | Uint8Array, ...parts: readonly (string | Uint8Array)[]) {
  const hmac = createHmac('sha256', key);
  for (const part of parts) hmac.update(part);
  return hmac;
}

/** `t=…,v1=…`, as Stripe made it common. */
export function timedPairs(header: string, { time = 't', take = 'v1' } = {}) {
  return ({ body }: RequestDraft, secret: string): Headers => {
    const hash = mac(secret, `${signedAtSeconds}.`, body).digest('hex');
    return { [header]: `${time}=${signedAtSeconds},${take}=${hash}` };
  };
}

/** The library of Standard Webhooks, which takes the key as base64. */
export function standardOracle(prefix: 'webhook-' | 'svix-', keyOf = (secret: string) => secret) {
  return ({ body, headers }: RequestDraft, secret: string): Headers => {
    const id = headers[`${prefix}id`] ?? '';
    const webhook = new Webhook(keyOf(secret));
    return {
      [`${prefix}timestamp`]: String(signedAtSeconds),
      [`${prefix}signature`]: webhook.sign(id, new Date(signedAtMs), Buffer.from(body).toString()),
    };
  };
}
