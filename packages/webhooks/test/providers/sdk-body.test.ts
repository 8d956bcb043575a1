// Requests as these rows sign them, judged by the providers' own libraries, which know nothing of the rows.
import { createHmac } from 'node:crypto';
import { LinearWebhookClient } from '@linear/sdk/webhooks';
import { signWebhookPayload, verifyWebhookSignature } from '@notionhq/client';
import { describe, expect, it } from 'vitest';
import type { Provider } from '../../src/provider/provider.ts';
import { signRequest } from '../../src/provider/sign-request.ts';
import { verifyRequest } from '../../src/provider/verify-request.ts';
import { linear } from '../../src/providers/linear.ts';
import { notion } from '../../src/providers/notion.ts';

const secret = 'a-secret-of-the-webhook';

async function judgedHere(provider: Provider, body: string, signature: string, header: string) {
  const verdict = await verifyRequest(
    provider,
    { headers: { [header]: signature }, body },
    { secrets: secret },
  );
  return verdict.ok;
}

describe('Linear', () => {
  const bodyOf = (ageMs: number) =>
    JSON.stringify({ type: 'Issue', action: 'create', webhookTimestamp: Date.now() - ageMs });
  const signatureOf = (body: string) => createHmac('sha256', secret).update(body).digest('hex');
  const judgedThere = (body: string, signature: string) => {
    try {
      return new LinearWebhookClient(secret).verify(Buffer.from(body), signature);
    } catch {
      return false;
    }
  };

  it.each([
    ['a new body', bodyOf(0), true],
    ['a body of ten minutes ago', bodyOf(600_000), false],
    ['a body of ten minutes from now', bodyOf(-600_000), false],
    ['a body without a time', '{"type":"Issue"}', false],
    ['a time that is text', '{"webhookTimestamp":"soon"}', false],
  ])('agrees on %s', async (_, body, isGood) => {
    const signature = signatureOf(body);
    expect(judgedThere(body, signature)).toBe(isGood);
    expect(await judgedHere(linear, body, signature, 'linear-signature')).toBe(isGood);
  });

  it('agrees on a body that was changed', async () => {
    const signature = signatureOf(bodyOf(0));
    const changed = bodyOf(0).replace('create', 'remove');
    expect(judgedThere(changed, signature)).toBe(false);
    expect(await judgedHere(linear, changed, signature, 'linear-signature')).toBe(false);
  });

  it('takes what is signed here, with the time in the body', async () => {
    const signed = await signRequest(linear, { body: bodyOf(600_000), secret });
    const body = Buffer.from(signed.body).toString();
    expect(judgedThere(body, signed.headers['linear-signature'] ?? '')).toBe(true);
  });
});

describe('Notion', () => {
  it.each(['', '{"type":"page.created"}', '{"text":"ä\u{1F600}"}'])('agrees on %j', async (body) => {
    const signature = await signWebhookPayload({ body, verificationToken: secret });
    const { headers } = await signRequest(notion, { body, secret });
    expect(headers['x-notion-signature']).toBe(signature);
    expect(await judgedHere(notion, body, signature, 'x-notion-signature')).toBe(true);

    const changed = `${body} `;
    const there = { body: changed, signature, verificationToken: secret };
    expect(await verifyWebhookSignature(there)).toBe(false);
    expect(await judgedHere(notion, changed, signature, 'x-notion-signature')).toBe(false);
  });
});
