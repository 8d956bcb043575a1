// Who verifies the same requests: a row of ours beside the library that people use for it.
import { generateKeyPairSync } from 'node:crypto';
import { createVerifier, sign } from '@posthorn/webhooks';
import { createProviderVerifier, signRequest } from '@posthorn/webhooks/provider';
import type { Provider, RequestDraft } from '@posthorn/webhooks/provider';
import { discord } from '@posthorn/webhooks/providers/discord';
import { github } from '@posthorn/webhooks/providers/github';
import { sendgrid } from '@posthorn/webhooks/providers/sendgrid';
import { standardWebhooks } from '@posthorn/webhooks/providers/standard-webhooks';
import { stripe } from '@posthorn/webhooks/providers/stripe';
import { twilio } from '@posthorn/webhooks/providers/twilio';
import { verify as octokitVerify } from '@octokit/webhooks-methods';
import sendgridWebhook from '@sendgrid/eventwebhook';
import { verifyKey } from 'discord-interactions';
import { Webhook } from 'standardwebhooks';
import Stripe from 'stripe';
import twilioClient from 'twilio';

export interface Contender {
  name: string;
  /** Rejects, or throws, when a request is not accepted. */
  verify(): unknown;
}

export interface Pair {
  scheme: string;
  ours: Contender;
  theirs: Contender;
}

interface Keys {
  signing: string;
  verifying: string;
}

export const bodyBytes = 1_024;
const secret = 'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw';
const body = JSON.stringify({ type: 'invoice.paid', id: 'evt_1', data: 'x'.repeat(bodyBytes - 46) });
const form = `From=%2B15551234&Body=${'x'.repeat(bodyBytes - 21)}`;

function accepted(isAccepted: boolean): void {
  if (!isAccepted) throw new Error('a valid request was refused');
}

function row(provider: Provider, request: RequestDraft, verifying: string): Contender {
  const verifier = createProviderVerifier(provider, { secrets: verifying });
  return {
    name: `providers/${provider.name}`,
    verify: async () => accepted((await verifier.verify(request)).ok),
  };
}

function edwardsKeys(): Keys {
  const { privateKey, publicKey } = generateKeyPairSync('ed25519');
  return {
    signing: privateKey.export({ type: 'pkcs8', format: 'der' }).toString('base64'),
    // The bare key is at the end of its SubjectPublicKeyInfo.
    verifying: publicKey.export({ type: 'spki', format: 'der' }).subarray(-32).toString('hex'),
  };
}

function curveKeys(): Keys {
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  return {
    signing: privateKey.export({ type: 'pkcs8', format: 'der' }).toString('base64'),
    verifying: publicKey.export({ type: 'spki', format: 'der' }).toString('base64'),
  };
}

/** Each pair takes the same request, from the same text. */
export async function pairs(): Promise<readonly Pair[]> {
  return [
    ...(await standardPairs()),
    await githubPair(),
    await stripePair(),
    await twilioPair(),
    await discordPair(),
    await sendgridPair(),
  ];
}

async function standardPairs(): Promise<readonly Pair[]> {
  const timestamp = Math.floor(Date.now() / 1_000);
  const headers: Record<string, string> = {
    ...(await sign({ id: 'msg_1', timestamp, body, secrets: secret })),
  };
  const verifier = createVerifier(secret);
  const webhook = new Webhook(secret);
  const theirs = { name: 'standardwebhooks', verify: () => webhook.verify(body, headers) };
  const draft = await signRequest(standardWebhooks, { body, secret });
  return [
    {
      scheme: 'Standard Webhooks, HMAC-SHA256',
      ours: {
        name: 'createVerifier',
        verify: async () => accepted((await verifier.verify({ headers, body })).ok),
      },
      theirs,
    },
    { scheme: 'Standard Webhooks, HMAC-SHA256', ours: row(standardWebhooks, draft, secret), theirs },
  ];
}

async function githubPair(): Promise<Pair> {
  const draft = await signRequest(github, { body, secret });
  const signature = draft.headers['x-hub-signature-256'] ?? '';
  return {
    scheme: 'GitHub, HMAC-SHA256 of the body',
    ours: row(github, draft, secret),
    theirs: {
      name: '@octokit/webhooks-methods',
      verify: async () => accepted(await octokitVerify(secret, body, signature)),
    },
  };
}

async function stripePair(): Promise<Pair> {
  const draft = await signRequest(stripe, { body, secret });
  const header = draft.headers['stripe-signature'] ?? '';
  const client = new Stripe('sk_test_none');
  return {
    scheme: 'Stripe, HMAC-SHA256 with a time',
    ours: row(stripe, draft, secret),
    theirs: { name: 'stripe', verify: () => client.webhooks.constructEvent(body, header, secret) },
  };
}

async function twilioPair(): Promise<Pair> {
  const headers = { 'content-type': 'application/x-www-form-urlencoded' };
  const draft = await signRequest(twilio, { body: form, secret, url: 'https://example.com/sms', headers });
  const signature = draft.headers['x-twilio-signature'] ?? '';
  // What their middleware gets of a parser before it.
  const fields = Object.fromEntries(new URLSearchParams(form));
  return {
    scheme: 'Twilio, HMAC-SHA1 of URL and form',
    ours: row(twilio, draft, secret),
    theirs: {
      name: 'twilio',
      verify: () => accepted(twilioClient.validateRequest(secret, signature, draft.url, fields)),
    },
  };
}

async function discordPair(): Promise<Pair> {
  const { signing, verifying } = edwardsKeys();
  const draft = await signRequest(discord, { body, secret: signing });
  const signature = draft.headers['x-signature-ed25519'] ?? '';
  const timestamp = draft.headers['x-signature-timestamp'] ?? '';
  return {
    scheme: 'Discord, Ed25519',
    ours: row(discord, draft, verifying),
    theirs: {
      name: 'discord-interactions',
      verify: async () => accepted(await verifyKey(body, signature, timestamp, verifying)),
    },
  };
}

async function sendgridPair(): Promise<Pair> {
  const { signing, verifying } = curveKeys();
  const draft = await signRequest(sendgrid, { body, secret: signing });
  const { EventWebhook, EventWebhookHeader } = sendgridWebhook;
  const header = (name: string) => draft.headers[name.toLowerCase()] ?? '';
  const [signature, timestamp] = [
    header(EventWebhookHeader.SIGNATURE()),
    header(EventWebhookHeader.TIMESTAMP()),
  ];
  const webhook = new EventWebhook();
  const key = webhook.convertPublicKeyToECDSA(verifying);
  return {
    scheme: 'SendGrid, ECDSA P-256',
    ours: row(sendgrid, draft, verifying),
    theirs: {
      name: '@sendgrid/eventwebhook',
      verify: () => accepted(webhook.verifySignature(key, body, signature, timestamp)),
    },
  };
}
